"""Deeds: a form, a page that says what will happen and how much, and then it happens once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from ulid import ULID

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.cells import table_of, within
from ingestd.console.office.deeds.forms import Deed, Given, Kind, day_of, for_forms, read_given
from ingestd.console.office.deeds.listed import DEEDS
from ingestd.console.office.desk import Desk
from ingestd.console.office.written import AGAIN, ENTRY
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import write
from ingestd.service.office.bookkeeper import Answer
from ingestd.service.office.foretelling import ForetellingKeeper, Told, digest_of
from ingestd.service.people.users import User
from ingestd.values.errors import LedgerRefusal, UsageError
from ingestd.values.money import decimals_of, format_amount

_DONE_MAX = 256
_MOVEMENT_COLUMNS = ("amount", "debit", "credit", "lines")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """A deed as somebody asks for it: whose books, by whom, what the form says."""

    deed: Deed
    account: Account
    user: User
    given: Given


class Deeds:
    """The pages of all deeds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # A double click sends one form twice: the second waits for what becomes of the first.
        self._done: OrderedDict[tuple[str, ...], asyncio.Task[str]] = OrderedDict()

    async def form(self, request: Request, visit: Visit) -> Response:
        """Show a deed's form, filled in with what the address says."""
        deed = DEEDS.get(request.path_params["deed"])
        if deed is None:
            return refuse(request, 404)
        given = {"on": str(self._desk.today(visit.books)), **request.query_params}
        for field in deed.fields:
            if field.kind is Kind.KEY:
                given.setdefault(field.name, f"{field.hint}{ULID()}")
        return _form(request, deed, given)

    async def foretell(self, request: Request, visit: Visit) -> Response:
        """Say what a filled-in form would do; nothing is kept of it."""
        deed = DEEDS.get(request.path_params["deed"])
        if deed is None:
            return refuse(request, 404)
        fields = await read_fields(request)
        return await self._foretell(request, visit, deed, fields)

    async def perform(self, request: Request, visit: Visit) -> Response:
        """Do it, if it does what was foretold; send the browser to the page that shows it."""
        deed = DEEDS.get(request.path_params["deed"])
        if deed is None:
            return refuse(request, 404)
        fields = await read_fields(request)
        try:
            given = read_given(deed, fields)
        except UsageError as error:
            return _form(request, deed, fields, trouble=error)
        doing = Doing(deed=deed, account=visit.books, user=visit.user, given=given)
        try:
            way = await self._once(doing, fields.get("form", ""), fields.get("foretold", ""))
        except LedgerRefusal as refusal:
            if refusal.refusal == "changed_meanwhile":
                return await self._foretell(request, visit, deed, fields, trouble=refusal)
            return _form(request, deed, fields, trouble=refusal)
        except UsageError as error:
            return _form(request, deed, fields, trouble=error)
        return RedirectResponse(within(way, visit.books.account_id), 303)

    async def _once(self, doing: Doing, form: str, foretold: str) -> str:
        key = (doing.user.name, doing.account.account_id, doing.deed.name, form)
        task = self._done.get(key)
        if task is None or not form:
            task = asyncio.create_task(write(self._do, doing, foretold), name="deed")
            self._done[key] = task
            while len(self._done) > _DONE_MAX:
                self._done.popitem(last=False)

            def forget(finished: asyncio.Task[str]) -> None:
                if finished.cancelled() or finished.exception() is not None:
                    self._done.pop(key, None)

            task.add_done_callback(forget)
        # Whoever goes away does not take back what is being done.
        return await asyncio.shield(task)

    async def _foretell(
        self,
        request: Request,
        visit: Visit,
        deed: Deed,
        fields: Mapping[str, str],
        *,
        trouble: LedgerRefusal | None = None,
    ) -> Response:
        try:
            given = read_given(deed, fields)
            doing = Doing(deed=deed, account=visit.books, user=visit.user, given=given)
            answer, told = await write(self._try, doing)
        except (LedgerRefusal, UsageError) as error:
            return _form(request, deed, fields, trouble=error)
        return _confirm(request, visit.books, deed, given, answer, told, trouble)

    def _try(self, doing: Doing) -> tuple[Answer, Told]:
        keeper = self._keeper(doing, only_tries=True)
        return doing.deed.perform(keeper, doing.given, day_of(doing.given)), keeper.told

    def _do(self, doing: Doing, foretold: str) -> str:
        keeper = self._keeper(doing, foretold=foretold)
        answer = doing.deed.perform(keeper, doing.given, day_of(doing.given))
        way, batch_no = doing.deed.way(answer, doing.given), keeper.told.batch_no
        said = {AGAIN: "yes"} if batch_no is None else {ENTRY: batch_no}
        return f"{way}{'&' if '?' in way else '?'}{urlencode(said)}"

    def _keeper(
        self, doing: Doing, *, only_tries: bool = False, foretold: str | None = None
    ) -> ForetellingKeeper:
        installation = self._desk.installation
        return ForetellingKeeper(
            database=installation.database,
            clock=installation.clock,
            account=doing.account,
            entered_by=doing.user.name,
            reason=doing.given.get("reason"),
            signing=None if only_tries else installation.signing(),
            only_tries=only_tries,
            foretold=foretold,
        )


def _form(
    request: Request,
    deed: Deed,
    given: Mapping[str, str],
    *,
    trouble: LedgerRefusal | UsageError | None = None,
) -> Response:
    status = 200 if trouble is None else 409 if isinstance(trouble, LedgerRefusal) else 422
    return page(
        request,
        "office/deed.html",
        status=status,
        deed=deed,
        given=given,
        trouble=None if trouble is None else for_forms(trouble.message),
        code=trouble.refusal if isinstance(trouble, LedgerRefusal) else "",
    )


def _confirm(
    request: Request,
    account: Account,
    deed: Deed,
    given: Given,
    answer: Answer,
    told: Told,
    trouble: LedgerRefusal | None,
) -> Response:
    decimals = decimals_of(account.currency)
    movements = [
        {**one._asdict(), "amount": format_amount(one.amount, decimals)} for one in told.movements
    ]
    lists = {name: rows for name, rows in answer.items() if isinstance(rows, list) and rows}
    return page(
        request,
        "office/confirm.html",
        status=200 if trouble is None else 409,
        deed=deed,
        given=given,
        answer={
            name: value
            for name, value in answer.items()
            if value not in (None, "") and not isinstance(value, list)
        },
        lists={name: table_of(rows, account.account_id) for name, rows in lists.items()},
        movements=table_of(movements, account.account_id, _MOVEMENT_COLUMNS),
        is_new=told.is_new,
        foretold=digest_of(told.movements),
        form=str(ULID()),
        way=within(deed.way(answer, given), account.account_id),
        trouble=None if trouble is None else trouble.message,
    )
