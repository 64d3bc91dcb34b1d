"""Users: those whom somebody let in, by the name that they sign in with."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.service.people.roles import Role, RoleKind
from ingestd.values.clock import from_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may sign in, and what they may. `password_hash` is an argon2id hash, or None.

    `has_totp`: a code of a telephone is asked for, too. `signed_in_at` is when they last came in.
    """

    user_no: int
    name: str
    email: str | None
    password_hash: str | None
    is_disabled: bool
    has_totp: bool
    signed_in_at: datetime | None
    roles: frozenset[Role]

    def has(self, kind: RoleKind, account: AccountId | None = None) -> bool:
        """Tell whether the user has a role."""
        return Role(kind, account) in self.roles

    @property
    def accounts(self) -> frozenset[AccountId]:
        """The accounts whose figures the user may see."""
        return frozenset(role.account for role in self.roles if role.account is not None)


def parse_name(text: str) -> str:
    """Return the name that somebody signs in with, in small letters. Raises UsageError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{text!r} cannot be signed in with: 1 to 64 letters, digits and . _ @ + -, "
            "such as an e-mail address."
        )
    return name


def add_user(
    connection: Connection,
    name: str,
    roles: Iterable[Role],
    *,
    email: str | None,
    now: int,
    by: str,
) -> User:
    """Add a user who has no password yet, inside the caller's transaction.

    `now` is in microseconds since 1970, `by` who adds. Raises UsageError where the name is taken.
    """
    values = {"name": parse_name(name), "email": email, "created_at": now, "created_by": by}
    if not _SQL.run(connection, "insert_user", values).rowcount:
        raise UsageError(f"There is a user {values['name']} already.")
    user = read_user(connection, name)
    set_roles(connection, user, roles)
    return read_user(connection, name)


def read_user(connection: Connection, name: str) -> User:
    """Return the user of a name. Raises UsageError where there is none."""
    user = find_user(connection, name)
    if user is None:
        raise UsageError(f"There is no user {name.strip().lower()}.")
    return user


def find_user(connection: Connection, name: str) -> User | None:
    """Return the user of a name, if there is one."""
    values = {"name": name.strip().lower()}
    row = _SQL.run(connection, "find_user", values).one_or_none()
    return None if row is None else _user(row, _read_roles(connection))


def find_user_by_number(connection: Connection, user_no: int) -> User | None:
    """Return the user of a number, if there is one."""
    row = _SQL.run(connection, "find_user_by_number", {"user_no": user_no}).one_or_none()
    return None if row is None else _user(row, _read_roles(connection))


def list_users(connection: Connection) -> list[User]:
    """Return all users, by name."""
    roles = _read_roles(connection)
    return [_user(row, roles) for row in _SQL.run(connection, "list_users")]


def set_roles(connection: Connection, user: User, roles: Iterable[Role]) -> None:
    """Give a user these roles, and take all others."""
    _SQL.run(connection, "delete_roles", {"user_no": user.user_no})
    rows = [
        {"user_no": user.user_no, "role": role.kind.value, "account": role.account or ""}
        for role in sorted(roles, key=str)
    ]
    _SQL.run_many(connection, "insert_role", rows)


def set_disabled(connection: Connection, user: User, *, is_disabled: bool) -> None:
    """Let a user in no more, or again."""
    values = {"user_no": user.user_no, "is_disabled": int(is_disabled)}
    _SQL.run(connection, "set_disabled", values)


def set_password(connection: Connection, user: User, password_hash: str | None) -> None:
    """Give a user a password, as its argon2id hash, or take it."""
    values = {"user_no": user.user_no, "password_hash": password_hash}
    _SQL.run(connection, "set_password", values)


def set_email(connection: Connection, user: User, email: str | None) -> None:
    """Note where a user is reached, or nowhere."""
    _SQL.run(connection, "set_email", {"user_no": user.user_no, "email": email})


def set_signed_in(connection: Connection, user: User, *, now: int) -> None:
    """Note that a user came in; `now` is in microseconds since 1970."""
    _SQL.run(connection, "set_signed_in", {"user_no": user.user_no, "signed_in_at": now})


def lock_admins(connection: Connection) -> frozenset[int]:
    """Return the numbers of the admins who may sign in; that stays so until the caller is done."""
    return frozenset(row.user_no for row in _SQL.run(connection, "lock_admins"))


def _read_roles(connection: Connection) -> dict[int, set[Role]]:
    found: defaultdict[int, set[Role]] = defaultdict(set)
    for row in _SQL.run(connection, "find_roles"):
        account = AccountId(row.account) if row.account else None
        found[row.user_no].add(Role(RoleKind(row.role), account))
    return found


def _user(row: Row[Any], roles: dict[int, set[Role]]) -> User:
    return User(
        user_no=row.user_no,
        name=row.name,
        email=row.email,
        password_hash=row.password_hash,
        is_disabled=bool(row.is_disabled),
        has_totp=bool(row.has_totp),
        signed_in_at=None if row.signed_in_at is None else from_microseconds(row.signed_in_at),
        roles=frozenset(roles.get(row.user_no, ())),
    )
