"""Rights: who may ask for a page, and whose account it is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from string import ascii_lowercase
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingestd.access.accounts import Account
from ingestd.access.keeper import AccessKeeper
from ingestd.console.page.pages import page
from ingestd.service.people.roles import RoleKind
from ingestd.service.people.users import User
from ingestd.values.identifiers import AccountId


class Right(Enum):
    """What somebody needs to be for a page.

    SEE and ACT are about one account, which `?account=ID` names wherever there is more than one to
    choose from. WATCH is about one account for who sees it, and about all for an operator, who is
    shown no values.
    """

    PUBLIC = frozenset[RoleKind]()
    SIGNED_IN = frozenset(RoleKind)
    SEE = frozenset({RoleKind.OFFICE, RoleKind.READER})
    ACT = frozenset({RoleKind.OFFICE})
    WATCH = frozenset({RoleKind.OFFICE, RoleKind.READER, RoleKind.OPERATOR})
    WATCH_ACT = frozenset({RoleKind.OFFICE, RoleKind.OPERATOR})
    GOVERN = frozenset({RoleKind.ADMIN})

    @property
    def is_of_account(self) -> bool:
        """Whether a page that needs it is about one account."""
        return self in _OF_ACCOUNT


_OF_ACCOUNT = frozenset({Right.SEE, Right.ACT, Right.WATCH, Right.WATCH_ACT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody who signed in and asks for something they may have.

    `account` is what it is about; None for a page of no account, and for an operator who asks
    about all. `sees_values` tells whether amounts, names and what stands in files may be shown.
    """

    user: User
    account: Account | None
    accounts: tuple[Account, ...] = ()
    sees_values: bool = False
    sees_contacts: bool = False
    acts: bool = False

    @property
    def books(self) -> Account:
        """The account of a page that is about one."""
        if self.account is None:  # pragma: no cover - a page that needs one is not reached without
            raise LookupError("no account")
        return self.account


Answering = Callable[[Request, Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A page, or what a page asks for: its address, who may, and what answers.

    `entry` is how the menu calls it; None for what is reached from other pages.
    """

    path: str
    right: Right
    answer: Answering
    method: str = "GET"
    entry: str | None = None
    section: str = ""


class Entry(NamedTuple):
    """What the menu calls a page, its address, and the letter that goes to it after a `g`."""

    name: str
    path: str
    key: str


@dataclass(slots=True)
class Rooms:
    """Every page behind the door, with its right: what is not declared here cannot be asked for."""

    keeper: AccessKeeper
    asked: tuple[Asked, ...] = field(default=())

    def routes(self) -> list[Route]:
        """Return the routes, each behind its right."""
        return [
            Route(one.path, partial(self._answer, one), methods=[one.method]) for one in self.asked
        ]

    def menu(self, user: User) -> list[tuple[str, list[Entry]]]:
        """Return what a user's menu holds: its sections, each with its entries."""
        sections: dict[str, list[Entry]] = {}
        keys: set[str] = set()
        for one in self.asked:
            if one.entry is not None:
                # The same for everybody: whoever helps on the telephone says the right one.
                letters = (*one.entry.lower(), *ascii_lowercase)
                key = next(each for each in letters if each.isalpha() and each not in keys)
                keys.add(key)
                if _kinds(user) & one.right.value:
                    entry = Entry(name=one.entry, path=one.path, key=key)
                    sections.setdefault(one.section, []).append(entry)
        return list(sections.items())

    async def _answer(self, asked: Asked, request: Request) -> Response:
        user: User = request.scope["user"]
        request.scope["menu"] = self.menu(user)
        if not _kinds(user) & asked.right.value:
            return refuse(request, 403)
        accounts = self._accounts(user, asked.right)
        named = request.query_params.get("account", "")
        account: Account | None = None
        if asked.right.is_of_account:
            account = next((one for one in accounts if one.account_id == named), None)
            if named and account is None:
                # Whether there is such an account is told to those only who see it.
                return refuse(request, 403 if named in user.accounts else 404)
            if account is None and not user.has(RoleKind.OPERATOR):
                if len(accounts) != 1:
                    return _choose(request, asked, accounts)
                account = accounts[0]
            if account is None and asked.right in {Right.SEE, Right.ACT}:
                return _choose(request, asked, accounts)
        visit = Visit(
            user=user,
            account=account,
            accounts=accounts,
            sees_values=account is not None and _holds(user, account, Right.SEE),
            sees_contacts=account is not None and user.has(RoleKind.CONTACTS, account.account_id),
            acts=account is not None and _holds(user, account, Right.ACT),
        )
        request.scope["visit"] = visit
        return await asked.answer(request, visit)

    def _accounts(self, user: User, right: Right) -> tuple[Account, ...]:
        known = self.keeper.current.accounts
        everywhere = RoleKind.OPERATOR in right.value and user.has(RoleKind.OPERATOR)
        return tuple(
            known[account_id]
            for account_id in sorted(known)
            if everywhere or _holds(user, known[account_id], right)
        )


def _kinds(user: User) -> frozenset[RoleKind]:
    return frozenset(role.kind for role in user.roles)


def _holds(user: User, account: Account, right: Right) -> bool:
    return any(user.has(kind, account.account_id) for kind in right.value)


def _choose(request: Request, asked: Asked, accounts: tuple[Account, ...]) -> Response:
    """Ask which account a page is about; what a form asked for is not guessed."""
    if not accounts:
        return refuse(request, 404)
    kept = [
        (name, value) for name, value in request.query_params.multi_items() if name != "account"
    ]
    choices = [
        (one, f"{request.url.path}?{urlencode([('account', one.account_id), *kept])}")
        for one in accounts
    ]
    status = 200 if asked.method == "GET" else 422
    return page(request, "door/choose_account.html", status=status, choices=choices)


_REFUSALS = {
    403: ("Not yours to do", "What you ask for needs a role that you do not have here."),
    404: ("Nothing here", "There is no such page, or it is not yours to see."),
}


def refuse(request: Request, status: int) -> Response:
    """Return the page that says no: 403 for what a role is missing for, 404 for all else."""
    title, words = _REFUSALS[status]
    return page(request, "door/refused.html", status=status, heading=title, words=words)


def account_of(request: Request) -> AccountId | None:
    """Return the account that a page is about, for links that stay with it."""
    visit: Visit | None = request.scope.get("visit")
    return None if visit is None or visit.account is None else visit.account.account_id
