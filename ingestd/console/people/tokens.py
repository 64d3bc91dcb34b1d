"""The page of tokens: which programs may use the API, made here and ended here."""

from __future__ import annotations

from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.keeper import AccessKeeper
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.page.forms import read_pairs
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.scopes import DAYS, DAYS_MAX, TokenScope
from ingestd.service.people.tokens import TokenKeeper
from ingestd.service.people.users import User
from ingestd.values.clock import Clock
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId

_UNSEEN_MAX = 20
_SAID = {
    TokenScope.UPLOAD: "send files, check them, fetch receipts",
    TokenScope.READ: "ask for uploads, figures and the books' head",
    TokenScope.CONTACTS: "with read: see who people are and how they are reached",
    TokenScope.MONEY: "write the books: payments, settlements, refunds, sales …",
}


class TokensPage:
    """Shows all tokens; makes and revokes them."""

    def __init__(self, tokens: TokenKeeper, keeper: AccessKeeper, clock: Clock) -> None:
        self._tokens = tokens
        self._keeper = keeper
        self._clock = clock
        # Shown to who made it, on the page that follows, once.
        self._unseen: OrderedDict[tuple[int, str], str] = OrderedDict()

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show all tokens, and once the one that was made a moment ago."""
        made = request.query_params.get("made", "")
        written = self._unseen.pop((visit.user.user_no, made), None)
        return await self._page(request, written=written)

    async def make(self, request: Request, visit: Visit) -> Response:
        """Make a token; what is wrong with it is told on the same page."""
        pairs = await read_pairs(request)
        fields = dict(pairs)
        try:
            made = await write(
                self._tokens.add,
                fields.get("name", ""),
                _scopes([value for name, value in pairs if name == "scope"]),
                self._accounts([value for name, value in pairs if name == "account"]),
                days=_days(fields.get("days", "")),
                by=_doer(visit.user),
            )
        except UsageError as error:
            return await self._page(request, trouble=error.message, pairs=pairs)
        self._unseen[visit.user.user_no, made.token.token_id] = made.written
        while len(self._unseen) > _UNSEEN_MAX:
            self._unseen.popitem(last=False)
        return RedirectResponse(f"/tokens?made={made.token.token_id}", 303)

    async def revoke(self, request: Request, visit: Visit) -> Response:
        """End a token at once."""
        token_id = request.path_params["token_id"]
        try:
            await write(self._tokens.revoke, token_id, by=_doer(visit.user))
        except UsageError:
            return refuse(request, 404)
        return RedirectResponse("/tokens", 303)

    def _accounts(self, named: list[str]) -> list[AccountId]:
        known = self._keeper.current.accounts
        for name in named:
            if name not in known:
                raise UsageError(f"There is no account {name}.")
        return [AccountId(name) for name in named]

    async def _page(
        self,
        request: Request,
        *,
        written: str | None = None,
        trouble: str | None = None,
        pairs: list[tuple[str, str]] | None = None,
    ) -> Response:
        now = self._clock.now()
        tokens = await read(self._tokens.list)
        accounts = self._keeper.current.accounts
        return page(
            request,
            "people/tokens.html",
            status=200 if trouble is None else 422,
            tokens=[(token, token.state(now).value) for token in tokens],
            written=written,
            trouble=trouble,
            filled=pairs or [],
            typed=dict(pairs or [("days", str(DAYS))]),
            scopes=list(_SAID.items()),
            accounts=[accounts[account_id] for account_id in sorted(accounts)],
            days_max=DAYS_MAX,
        )


def _scopes(words: list[str]) -> list[TokenScope]:
    try:
        return [TokenScope(word) for word in words]
    except ValueError as error:
        raise UsageError(f"A scope is one of {', '.join(TokenScope)}.") from error


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(DAYS_MAX)) + 1):
        raise UsageError(f"A token lasts 1 to {DAYS_MAX} days: write a number.")
    return int(text)


def _doer(user: User) -> Doer:
    return Doer(name=user.name, via=Via.CONSOLE)
