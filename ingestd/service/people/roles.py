"""Roles: what a person may do, in one account or for the whole installation."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId


class RoleKind(StrEnum):
    """What somebody is.

    `office` acts on one account's files, catalogs and money; `reader` sees them. `contacts` adds
    how families are reached to either. `operator` sees every account's files without what stands
    in them; `admin` lets people, districts and addresses in, and sees no money.
    """

    OFFICE = "office"
    READER = "reader"
    CONTACTS = "contacts"
    OPERATOR = "operator"
    ADMIN = "admin"


OF_ACCOUNTS = frozenset({RoleKind.OFFICE, RoleKind.READER, RoleKind.CONTACTS})


class Role(NamedTuple):
    """A kind, and the account that it is for; None for the whole installation."""

    kind: RoleKind
    account: AccountId | None = None

    def __str__(self) -> str:
        return str(self.kind) if self.account is None else f"{self.kind}:{self.account}"


def check_roles(roles: frozenset[Role]) -> frozenset[Role]:
    """Return roles that belong together. Raises UsageError where there is none, or half a one."""
    if not roles:
        raise UsageError("A role is missing: office, reader, operator or admin.")
    for role in sorted(roles, key=str):
        alone = (
            not {Role(RoleKind.OFFICE, role.account), Role(RoleKind.READER, role.account)} & roles
        )
        if role.kind is RoleKind.CONTACTS and alone:
            raise UsageError(
                f"contacts adds to office or reader: name one of them for {role.account}, too."
            )
    return roles


def roles_of(kinds: frozenset[RoleKind], accounts: frozenset[AccountId]) -> frozenset[Role]:
    """Return the roles that kinds come to: those of accounts in each of `accounts`.

    Raises UsageError where an account is missing, where one makes no sense, and for a right to see
    contacts by itself.
    """
    for_accounts = kinds & OF_ACCOUNTS
    if not kinds:
        raise UsageError("A role is missing: office, reader, operator or admin.")
    if for_accounts and not accounts:
        raise UsageError(f"The role {min(for_accounts)} is one in an account: name it.")
    if accounts and not for_accounts:
        raise UsageError("Operators and admins are so for all accounts: name none.")
    if for_accounts == {RoleKind.CONTACTS}:
        raise UsageError("contacts adds to office or reader: name one of them, too.")
    return frozenset(
        Role(kind, account)
        for kind in kinds
        for account in (accounts if kind in OF_ACCOUNTS else {None})
    )
