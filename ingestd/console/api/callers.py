"""Callers: which account a request is about, and that its token may do there what it asks."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request
from starlette.datastructures import State

from ingestd.access.accounts import Account
from ingestd.access.keeper import AccessKeeper
from ingestd.console.api.problems import ProblemError
from ingestd.service.people.scopes import TokenScope
from ingestd.service.people.tokens import Token
from ingestd.values.identifiers import ACCOUNT_ID_PATTERN, AccountId

AccountQuery = Annotated[
    str | None,
    Query(
        pattern=rf"^{ACCOUNT_ID_PATTERN.pattern}$",
        description="Which account; needed where the token is for more than one.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A program that may do what it asks for, and the account that this is about."""

    token: Token
    account: Account
    address: str

    @property
    def sees_contacts(self) -> bool:
        """Whether it is told who people are, and how they are reached."""
        return TokenScope.CONTACTS in self.token.scopes


class Needs:
    """What is asked of a caller before an endpoint answers: one of some scopes."""

    def __init__(self, *scopes: TokenScope) -> None:
        self.scopes = frozenset(scopes)

    def __call__(self, request: Request, account: AccountQuery = None) -> Caller:
        """Return who calls. Raises ProblemError: 403 for a scope, 404 or 422 for an account."""
        token: Token = request.scope["token"]
        if not self.scopes & token.scopes:
            needed = " or ".join(sorted(self.scopes))
            challenge = f'Bearer realm="ingestd", error="insufficient_scope", scope="{needed}"'
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "scope_missing",
                f"That needs a token with the scope {needed}.",
                headers={"WWW-Authenticate": challenge},
            )
        state: State = request.app.state
        keeper: AccessKeeper = state.keeper
        found = _account(keeper, token, account)
        address = request.client.host if request.client else ""
        return Caller(token=token, account=found, address=address)


def _account(keeper: AccessKeeper, token: Token, named: str | None) -> Account:
    if named is None and len(token.accounts) > 1:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "account_missing",
            "The token is for more than one account. Name one: ?account=ID",
        )
    [account_id] = [AccountId(named)] if named is not None else token.accounts
    account = keeper.current.accounts.get(account_id) if account_id in token.accounts else None
    if account is None:
        # Whether there is such an account is told to no token of another one.
        raise ProblemError(HTTPStatus.NOT_FOUND, "unknown", "There is no such account.")
    return account
