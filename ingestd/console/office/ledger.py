"""The books themselves: their head, their batches, their newest checkpoint, and exports."""

from __future__ import annotations

from functools import partial
from typing import Any, TextIO

from starlette.requests import Request
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.answers import head_of
from ingestd.console.office.cells import table_of
from ingestd.console.office.desk import Desk
from ingestd.console.office.downloads import download
from ingestd.console.office.written import find_written, number_of
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read
from ingestd.ledger.evidence.checkpoints import read_newest_note
from ingestd.reports.exports.book import Book
from ingestd.reports.exports.export import export_book, writer_of
from ingestd.reports.exports.programs import ExportFormat
from ingestd.reports.trails.batch_story import list_batches
from ingestd.values.errors import LedgerRefusal

_BATCHES_MAX = 50
_NONE_BEFORE = 2**62
_SUFFIXES = {ExportFormat.BEANCOUNT: "beancount", ExportFormat.HLEDGER: "journal"}


class Ledger:
    """The pages of the books."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show where the books end, and the last batches with who made each."""
        desk, account = self._desk, visit.books
        before = number_of(request.query_params.get("before", ""))
        head, batches = await read(_batches, desk, account, before=before or _NONE_BEFORE)
        shown = batches[:_BATCHES_MAX]
        return page(
            request,
            "office/ledger.html",
            head=head,
            table=table_of(shown, account.account_id),
            more=shown[-1]["batch_no"] if len(batches) > _BATCHES_MAX else None,
            is_page=before is not None,
            formats=tuple(one.value for one in ExportFormat),
            written=await read(find_written, desk, account, request.query_params),
        )

    async def export(self, request: Request, visit: Visit) -> Response:
        """Send the whole book for Beancount or hledger."""
        desk, account = self._desk, visit.books
        wanted = request.query_params.get("format", "")
        if wanted not in set(ExportFormat):
            return refuse(request, 404)
        export_format = ExportFormat(wanted)
        head = await read(_head, desk, account)
        return await download(
            request,
            desk,
            partial(_write_book, desk, account, export_format),
            name=f"{account.account_id}.{_SUFFIXES[export_format]}",
            media_type="text/plain",
            version=(account.account_id, head, wanted),
        )

    async def checkpoint(self, request: Request, visit: Visit) -> Response:
        """Send the newest signed checkpoint, to be kept where nobody here reaches it."""
        desk, account = self._desk, visit.books
        try:
            text = await read(_checkpoint, desk, account)
        except LedgerRefusal as error:
            return page(request, "office/wrong.html", status=422, trouble=error.message)
        name = f"{account.account_id}.checkpoint"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(text, media_type="text/plain", headers=headers)


def _batches(desk: Desk, account: Account, *, before: int) -> tuple[str, list[dict[str, Any]]]:
    with desk.reading() as connection:
        inquiry = desk.inquiry(connection, account)
        batches = list_batches(connection, inquiry, before=before, rows=_BATCHES_MAX + 1)
        return head_of(connection, account.account_id), batches


def _head(desk: Desk, account: Account) -> str:
    with desk.reading() as connection:
        return head_of(connection, account.account_id)


def _write_book(desk: Desk, account: Account, export_format: ExportFormat, file: TextIO) -> None:
    with desk.reading() as connection:
        book = Book(
            account=account.account_id,
            as_known=desk.inquiry(connection, account).as_known,
            currency=account.currency,
        )
        file.writelines(export_book(connection, book, writer_of(export_format, book)))


def _checkpoint(desk: Desk, account: Account) -> str:
    with desk.reading() as connection:
        return read_newest_note(connection, account.account_id)
