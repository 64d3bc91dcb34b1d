"""Payments: the list of them, the story of one, and the settlement batches that wait."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, TextIO

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.answers import head_of
from ingestd.console.office.cells import pairs_of, table_of
from ingestd.console.office.desk import ROWS_MAX, Desk, said
from ingestd.console.office.downloads import download
from ingestd.console.office.written import AGAIN, ENTRY, find_written
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.console.page.time_words import read_span
from ingestd.reports.escaping.spreadsheets import spreadsheet_cells
from ingestd.reports.figures.payments import Status
from ingestd.reports.trails.explain import explain_payment
from ingestd.reports.trails.payment_list import (
    BATCH_COLUMNS,
    PAYMENT_COLUMNS,
    PaymentTotals,
    Row,
    Wanted,
    add_up_payments,
    list_batches,
    list_payments,
)
from ingestd.values.errors import UsageError

_TEXTS = ("kind", "merchant_id", "batch_num", "receipt_num", "payer", "donor", "pledge")
_HAPPENED = ("received", "settled", "returned")
_NO_MERCHANT = "-"
_CSV_ROWS = 5_000
_ALLOCATION_COLUMNS = (
    *("tracking_id", "billing_code", "party", "amount", "credit_of", "rule", "effective_on"),
    *("batch", "undone_on", "undone_by"),
)
# What of a payment's file says nothing of who somebody is.
_NO_CONTACTS = frozenset(
    {
        *("gl_account", "tax_code", "nett", "tax", "donor_number", "appeal_code", "pledge_number"),
        *("par_code", "student_code", "receipt_type"),
    }
)


class Payments:
    """The pages of payments and batches."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request, visit: Visit) -> Response:
        """Show payments that fit what the address asks, or send them as CSV."""
        params, desk, account = request.query_params, self._desk, visit.books
        trouble: str | None = None
        shown: dict[str, object] = {"table": None, "totals": None, "more": None}
        try:
            wanted = read_wanted(params, today=desk.today(account))
            if params.get("as") == "csv":
                return await self._send(request, visit, wanted)
            rows, totals = await read(_find, desk, account, wanted)
            shown = {
                "table": table_of(rows[:ROWS_MAX], account.account_id, PAYMENT_COLUMNS),
                "totals": totals,
                "more": rows[ROWS_MAX - 1]["payment_id"] if len(rows) > ROWS_MAX else None,
            }
        except UsageError as error:
            trouble = error.message
        left_out = {"account", "before", "as", ENTRY, AGAIN}
        return page(
            request,
            "office/payments.html",
            status=200 if trouble is None else 422,
            trouble=trouble,
            asked={
                name: params.get(name, "") for name in (*_TEXTS, "period", "status", "happened")
            },
            here={name: value for name, value in params.items() if name not in left_out and value},
            statuses=tuple(status.value for status in Status),
            happened=_HAPPENED,
            is_page="before" in params,
            written=await read(find_written, desk, account, params),
            **shown,
        )

    async def show(self, request: Request, visit: Visit) -> Response:
        """Tell the story of one payment: what it paid, what waits of it, what was undone."""
        desk, account = self._desk, visit.books
        try:
            story = await read(_explain, desk, account, request.path_params["payment_id"])
        except UsageError:
            return refuse(request, 404)
        written = await read(find_written, desk, account, request.query_params)
        whose = account.account_id
        told = dict(story["payment"])
        detail = {
            name: value
            for name, value in (told.pop("detail") or {}).items()
            if visit.sees_contacts or name in _NO_CONTACTS
        }
        origin = told.pop("origin")
        return page(
            request,
            "office/payment.html",
            payment=told,
            facts=pairs_of(told, whose),
            detail=pairs_of(detail, whose),
            origin=None if origin is None else pairs_of(origin, whose),
            parts=table_of(story["parts"], whose),
            allocations=table_of(story["allocations"], whose, _ALLOCATION_COLUMNS),
            others={
                name: table_of(story[name], whose)
                for name in ("moved_to_wallets", "transfers", "waiting", "held", "entries")
            },
            totals=pairs_of(story["totals"], whose),
            reconciles=story["reconciles"],
            head=story["ledger_head"],
            written=written,
        )

    async def batches(self, request: Request, visit: Visit) -> Response:
        """Show the batches that wait to be settled, or all."""
        desk, account = self._desk, visit.books
        shows_all = request.query_params.get("show") == "all"
        start = request.query_params.get("start", "0")
        first = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0
        rows = await read(_batches, desk, account, only_waiting=not shows_all)
        return page(
            request,
            "office/batches.html",
            shows_all=shows_all,
            table=table_of(rows[first : first + ROWS_MAX], account.account_id, BATCH_COLUMNS),
            batches=len(rows),
            more=first + ROWS_MAX if len(rows) > first + ROWS_MAX else None,
            is_page=first > 0,
        )

    async def batch(self, request: Request, visit: Visit) -> Response:
        """Show one batch: what it comes to, what of it is pending, its payments."""
        desk, account = self._desk, visit.books
        merchant, number = request.path_params["merchant"], request.path_params["batch"]
        merchant = "" if merchant == _NO_MERCHANT else merchant
        rows = await read(_batches, desk, account, only_waiting=False)
        found = [
            row
            for row in rows
            if (row["merchant_id"] or "", row["batch_num"]) == (merchant, number)
        ]
        if not found:
            return refuse(request, 404)
        wanted = Wanted(merchant_id=merchant or None, batch_num=number)
        payments, _ = await read(_find, desk, account, wanted)
        written = await read(find_written, desk, account, request.query_params)
        return page(
            request,
            "office/batch.html",
            batch=found[0],
            facts=pairs_of(found[0], account.account_id),
            table=table_of(payments[:ROWS_MAX], account.account_id, PAYMENT_COLUMNS),
            has_more=len(payments) > ROWS_MAX,
            today=desk.today(account),
            written=written,
        )

    async def _send(self, request: Request, visit: Visit, wanted: Wanted) -> Response:
        desk, account = self._desk, visit.books
        head = await read(_head, desk, account)
        return await download(
            request,
            desk,
            partial(_write_csv, desk, account, replace(wanted, before=None)),
            name=f"{account.account_id}-payments.csv",
            media_type="text/csv",
            version=(account.account_id, head, wanted),
        )


def read_wanted(params: Mapping[str, str], *, today: date) -> Wanted:
    """Return which payments an address asks for. Raises UsageError for days that are none."""
    span = read_span(params.get("period", ""), today=today)
    status, happened = said(params, "status"), said(params, "happened") or "received"
    if status is not None and status not in set(Status):
        raise UsageError(f"{status} is no state of a payment.")
    if happened not in _HAPPENED:
        raise UsageError(f"{happened} is none of {', '.join(_HAPPENED)}.")
    return Wanted(
        status=status,
        happened=happened,
        since=span.first,
        until=span.last,
        before=said(params, "before"),
        **{name: said(params, name) for name in _TEXTS},
    )


def _find(desk: Desk, account: Account, wanted: Wanted) -> tuple[list[Row], PaymentTotals]:
    with desk.reading() as connection:
        inquiry = desk.inquiry(connection, account)
        answers, whose, all_of = desk.answers, account.account_id, replace(wanted, before=None)
        rows = answers.get(
            connection,
            whose,
            ("payments", wanted),
            lambda: list_payments(connection, inquiry, wanted, rows=ROWS_MAX + 1),
        )
        totals = answers.get(
            connection,
            whose,
            ("payment totals", all_of),
            lambda: add_up_payments(connection, inquiry, all_of),
        )
        return rows, totals


def _batches(desk: Desk, account: Account, *, only_waiting: bool) -> list[Row]:
    with desk.reading() as connection:
        inquiry = desk.inquiry(connection, account)
        return desk.answers.get(
            connection,
            account.account_id,
            ("batches", only_waiting),
            lambda: list_batches(connection, inquiry, only_waiting=only_waiting),
        )


def _explain(desk: Desk, account: Account, payment_id: str) -> dict[str, Any]:
    with desk.reading() as connection:
        return explain_payment(connection, desk.inquiry(connection, account), payment_id)


def _head(desk: Desk, account: Account) -> str:
    with desk.reading() as connection:
        return head_of(connection, account.account_id)


def _write_csv(desk: Desk, account: Account, wanted: Wanted, file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(PAYMENT_COLUMNS)
    with desk.reading() as connection:
        inquiry = desk.inquiry(connection, account)
        before: str | None = None
        while rows := list_payments(
            connection, inquiry, replace(wanted, before=before), rows=_CSV_ROWS
        ):
            writer.writerows(spreadsheet_cells(row, PAYMENT_COLUMNS) for row in rows)
            before = str(rows[-1]["payment_id"])
