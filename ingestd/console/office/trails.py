"""Trails: from a charge to its file's row, from a sum to its lines, from a batch to who made it."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.cells import pairs_of, path_of, table_of, within
from ingestd.console.office.desk import ROWS_MAX, Desk, said
from ingestd.console.office.written import find_written, number_of
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.console.page.time_words import read_day, read_span
from ingestd.reports.asking.questions import Asked
from ingestd.reports.trails.batch_story import tell_batch
from ingestd.reports.trails.figure import FIGURES, LINE_COLUMNS, Lines, Narrowed, read_figure
from ingestd.reports.trails.trace import trace_charge
from ingestd.values.errors import UsageError

Answer = dict[str, Any]

_POSTING_COLUMNS = (
    *("effective_on", "event", "debit", "debit_party", "credit", "credit_party", "amount"),
    *("payment_id", "batch", "by", "reason", "known_at"),
)
_BATCH_LINE_COLUMNS = (
    *("effective_on", "event", "tracking_id", "payment_id", "debit", "debit_party", "credit"),
    *("credit_party", "amount"),
)


class Trails:
    """The pages on which something is followed through the books."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def charge(self, request: Request, visit: Visit) -> Response:
        """Tell of a charge or a payout where it came from, and all that became of it."""
        desk, account = self._desk, visit.books
        try:
            answer = await read(_trace, desk, account, request.path_params["tracking_id"])
        except UsageError:
            return refuse(request, 404)
        whose, charge = account.account_id, dict(answer["charge"])
        origin = charge.pop("origin")
        payout = answer["payout"]
        if payout is not None and not visit.sees_contacts:
            payout = {**payout, "payee": None}
        return page(
            request,
            "office/trace.html",
            charge=charge,
            payout=None if payout is None else pairs_of(payout, whose),
            payout_state=None if payout is None else _state_of(payout),
            facts=pairs_of(charge, whose),
            origin=None if origin is None else pairs_of(origin, whose),
            row=None if origin is None else within(_row_of(origin), whose),
            taken=[
                (name, pairs_of({k: v for k, v in one.items() if k != "origin"}, whose))
                for name in ("refunds", "write_offs")
                for one in answer[name]
            ],
            payments=table_of(
                answer["payments"], whose, ("payment_id", "payer", "received_on", "by", "reason")
            ),
            postings=table_of(answer["postings"], whose, _POSTING_COLUMNS),
            head=answer["ledger_head"],
            written=await read(find_written, desk, account, request.query_params),
        )

    async def lines(self, request: Request, visit: Visit) -> Response:
        """Show the lines of the books that a figure of a report is made of."""
        desk, account, params = self._desk, visit.books, request.query_params
        figure = FIGURES.get(params.get("figure", ""))
        if figure is None:
            return refuse(request, 404)
        try:
            today = desk.today(account)
            span = read_span(params.get("period", ""), today=today)
            asked = Asked(
                since=span.first,
                until=span.last,
                as_of=read_day(params.get("as_of", ""), today=today),
                as_known=said(params, "as_known"),
            )
            narrowed = Narrowed(
                product=params.get("product"),
                vendor=params.get("vendor"),
                gl_account_of_product=params.get("gl_of_product"),
                source=params.get("source"),
                party=said(params, "party"),
                tax_code=said(params, "tax_code"),
                gl_account=said(params, "gl_account"),
            )
            after = number_of(params.get("after", "")) or 0
            found = await read(
                _lines, desk, account, params["figure"], asked, narrowed, after=after
            )
        except UsageError as error:
            return page(request, "office/wrong.html", status=422, trouble=error.message)
        here = {name: value for name, value in params.items() if name not in {"account", "after"}}
        return page(
            request,
            "office/lines.html",
            about=figure.about,
            narrowed={
                name: value
                for name, value in params.items()
                if name not in {"account", "after", "figure", "as_known"} and value
            },
            table=table_of(found.rows, account.account_id, LINE_COLUMNS),
            found=found,
            here=here,
            is_page=after > 0,
        )

    async def batch(self, request: Request, visit: Visit) -> Response:
        """Tell of a batch who made it and why, what it moves, and its lines."""
        desk, account = self._desk, visit.books
        number = number_of(request.path_params["batch_no"])
        first = number_of(request.query_params.get("first", "")) or 0
        try:
            if number is None:
                return refuse(request, 404)
            story = await read(_batch, desk, account, number, first=first)
        except UsageError:
            return refuse(request, 404)
        whose = account.account_id
        return page(
            request,
            "office/entry.html",
            batch=story["batch"],
            facts=pairs_of(story["batch"], whose),
            movements=table_of(story["movements"], whose),
            lines=table_of(story["lines"], whose, _BATCH_LINE_COLUMNS),
            more=story["next"],
            is_page=first > 0,
        )


def _state_of(payout: Answer) -> str:
    if payout["voided_on"] is not None:
        return "voided"
    is_out = payout["cleared_on"] is not None or payout["method"] == "cash"
    return "cleared" if is_out else "pending"


def _row_of(origin: Answer) -> str:
    return path_of("/uploads", origin["upload_id"]) + path_of("/rows", origin["row"])


def _trace(desk: Desk, account: Account, tracking_id: str) -> Answer:
    with desk.reading() as connection:
        return trace_charge(connection, desk.inquiry(connection, account), tracking_id)


def _lines(
    desk: Desk, account: Account, name: str, asked: Asked, narrowed: Narrowed, *, after: int
) -> Lines:
    with desk.reading() as connection:
        question = desk.question(connection, account, asked)
        return desk.answers.get(
            connection,
            account.account_id,
            ("lines", name, question, narrowed, after),
            lambda: read_figure(connection, question, name, narrowed, after=after, rows=ROWS_MAX),
        )


def _batch(desk: Desk, account: Account, number: int, *, first: int) -> Answer:
    with desk.reading() as connection:
        inquiry = desk.inquiry(connection, account)
        return tell_batch(connection, inquiry, number, first=first, rows=ROWS_MAX)
