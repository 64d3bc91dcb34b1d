"""The catalog: what charges and payments refer to, searched, followed, and imported as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.cells import path_of, table_of, within
from ingestd.console.office.desk import ROWS_MAX, Desk, said
from ingestd.console.page.dropped import (
    FORM_BYTES_MAX,
    CutError,
    Dropped,
    NoFileError,
    origin_of,
)
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import link_within, page
from ingestd.console.page.threads import read, write
from ingestd.formats.findings.codes import shorten
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.entries.author import Author, Command
from ingestd.reports.trails.catalog_history import follow_catalog_row
from ingestd.reports.trails.catalog_list import columns_of, list_catalog
from ingestd.service.files.kept_files import KeptFiles
from ingestd.service.files.receiving import NotReceivedError
from ingestd.service.http.bounds import allow_body
from ingestd.service.office.catalog import CatalogResult, import_file
from ingestd.service.people.users import User
from ingestd.values.errors import LedgerRefusal, UsageError

_OF_PEOPLE = frozenset({CatalogKind.STUDENTS, CatalogKind.PARENTS, CatalogKind.DONORS})
_CONTACTS = frozenset({"name", "email", "phone"})
_HISTORY_COLUMNS = (
    "batch",
    "known_at",
    "what",
    "change",
    "was",
    "became",
    "by",
    "reason",
    "filename",
)
_FINDING_COLUMNS = ("row", "line", "column", "code", "value", "message")
_COUNTS = ("rows", "rejected", "added", "changed", "unchanged")

_FINDINGS_SHOWN = 500

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """What is to be imported: rows as they were typed, or a file that was kept."""

    kind: CatalogKind
    content: str = ""
    reason: str = ""
    file_id: str = ""
    filename: str = ""


class Catalog:
    """The pages of catalogs."""

    def __init__(self, desk: Desk, kept: KeptFiles) -> None:
        self._desk = desk
        self._kept = kept

    async def kinds(self, request: Request, visit: Visit) -> Response:
        """Show which catalogs there are."""
        kinds = [(kind.value, columns_of(kind)) for kind in CatalogKind]
        return page(request, "office/catalogs.html", kinds=kinds)

    async def list(self, request: Request, visit: Visit) -> Response:
        """Show the rows of one catalog that have a text in them, a page at a time."""
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        text = request.query_params.get("q", "").strip()
        start = request.query_params.get("start", "0")
        first = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0
        rows = await read(_rows, self._desk, visit, kind)
        found = [row for row in rows if _has(row, text)]
        columns = _shown_columns(kind, visit)
        return page(
            request,
            "office/catalog.html",
            kind=kind.value,
            q=text,
            table=table_of(
                found[first : first + ROWS_MAX],
                visit.books.account_id,
                columns,
                lambda row, column: _way(kind, row, column),
            ),
            found=len(found),
            more=first + ROWS_MAX if len(found) > first + ROWS_MAX else None,
            is_page=first > 0,
        )

    async def history(self, request: Request, visit: Visit) -> Response:
        """Show every change of one row: in which batch, when, and by whom."""
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        key = request.path_params["key"]
        try:
            changes = await read(_history, self._desk, visit.books, kind, key)
        except UsageError:
            return refuse(request, 404)
        hides = kind in _OF_PEOPLE and not visit.sees_contacts
        lines = [
            change | {side: _one_text(change[side], hides=hides) for side in ("was", "became")}
            for change in changes
        ]
        return page(
            request,
            "office/catalog_row.html",
            kind=kind.value,
            key=key,
            table=table_of(lines, visit.books.account_id, _HISTORY_COLUMNS),
        )

    async def form(self, request: Request, visit: Visit) -> Response:
        """Ask for the rows of an import, or say what those of a file that is kept would change."""
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        file_id, filename = (request.query_params.get(each, "") for each in ("file", "filename"))
        if file_id:
            asked = _Import(kind=kind, file_id=file_id, filename=filename)
            return await self._import(request, visit, asked, only_tries=True)
        heading = ",".join(columns_of(kind)) + "\n"
        return _import_page(request, _Import(kind=kind, content=heading))

    async def drop(self, request: Request, visit: Visit) -> Response:
        """Keep a file for a day, and show what it would change."""
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        allow_body(request.scope, self._kept.receiver.limits.max_upload_bytes + FORM_BYTES_MAX)
        asked = _Import(kind=kind)
        origin = origin_of(request, visit.user.name)
        try:
            dropped = Dropped(request)
            await dropped.begin()
            kept = await self._kept.keep(visit.books.account_id, dropped.pieces(), origin=origin)
        except NoFileError:
            return _import_page(request, asked, trouble="Choose a file first.")
        except CutError:
            trouble = "The file did not arrive whole. Send it again."
            return _import_page(request, asked, trouble=trouble)
        except NotReceivedError as error:
            return _import_page(request, asked, trouble=error.message)
        way = link_within(visit.books.account_id)(
            path_of("/catalog", kind.value, "import"),
            file=kept.file_id,
            filename=shorten(dropped.filename),
        )
        return RedirectResponse(way, 303)

    async def look(self, request: Request, visit: Visit) -> Response:
        """Say what an import would change and what of it is wrong, line by line; keep nothing."""
        return await self._asked(request, visit, only_tries=True)

    async def take(self, request: Request, visit: Visit) -> Response:
        """Take the good rows."""
        return await self._asked(request, visit, only_tries=False)

    async def merchants(self, request: Request, visit: Visit) -> Response:
        """Show the electronic receipts' parameters: each merchant, how it settles, its account."""
        rows = await read(_rows, self._desk, visit, CatalogKind.MERCHANTS)
        columns = columns_of(CatalogKind.MERCHANTS)
        edited = request.query_params.get("edit")
        found = [row for row in rows if row["merchant_id"] == edited]
        if edited is not None and not found:
            return refuse(request, 404)
        return page(
            request,
            "office/merchants.html",
            table=table_of(
                rows,
                visit.books.account_id,
                columns,
                lambda row, column: _way(CatalogKind.MERCHANTS, row, column),
            ),
            merchants=[row["merchant_id"] for row in rows],
            given=found[0] if found else dict.fromkeys(columns, ""),
            is_new=not found,
            trouble=None,
        )

    async def keep_merchant(self, request: Request, visit: Visit) -> Response:
        """Keep one merchant: an import of one row."""
        kind, fields = CatalogKind.MERCHANTS, await read_fields(request)
        columns = columns_of(kind)
        content = io.StringIO()
        writer = csv.writer(content, lineterminator="\n")
        writer.writerows([columns, [fields.get(column, "") for column in columns]])
        trouble: str | None = None
        try:
            asked = _Import(
                kind=kind, content=content.getvalue(), reason=said(fields, "reason") or ""
            )
            result = await write(self._take, visit, asked, only_tries=False)
            if result.is_refused or result.rejected:
                trouble = " ".join(finding.message for finding in result.findings)
        except (UsageError, LedgerRefusal) as error:
            trouble = error.message
        if trouble is None:
            way = within("/receipting/merchants", visit.books.account_id)
            return RedirectResponse(way, 303)
        rows = await read(_rows, self._desk, visit, kind)
        return page(
            request,
            "office/merchants.html",
            status=422,
            table=table_of(rows, visit.books.account_id, columns),
            merchants=[row["merchant_id"] for row in rows],
            given={column: fields.get(column, "") for column in columns},
            is_new=True,
            trouble=trouble,
        )

    async def _asked(self, request: Request, visit: Visit, *, only_tries: bool) -> Response:
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        fields = await read_fields(request)
        asked = _Import(
            kind=kind,
            content=fields.get("content", ""),
            reason=fields.get("reason", ""),
            file_id=fields.get("file", ""),
            filename=fields.get("filename", ""),
        )
        return await self._import(request, visit, asked, only_tries=only_tries)

    async def _import(
        self, request: Request, visit: Visit, asked: _Import, *, only_tries: bool
    ) -> Response:
        try:
            result = await write(self._take, visit, asked, only_tries=only_tries)
        except (UsageError, LedgerRefusal) as error:
            return _import_page(request, asked, trouble=error.message)
        if only_tries or result.is_refused:
            return _import_page(request, asked, result=result)
        counts = {name: str(value) for name, value in _counts(result).items()}
        return RedirectResponse(
            within(path_of("/catalog", asked.kind.value), visit.books.account_id)
            + "".join(f"&{name}={value}" for name, value in counts.items()),
            303,
        )

    def _take(self, visit: Visit, asked: _Import, *, only_tries: bool) -> CatalogResult:
        installation = self._desk.installation
        with installation.database.scratch_folder() as folder:
            path = folder / f"{asked.kind.value}.csv"
            if asked.file_id:
                kept = self._kept.find(visit.books.account_id, asked.file_id)
                if kept is None:
                    raise UsageError("The file is no longer here: choose it again.")
                path = kept
            else:
                path.write_text(asked.content, encoding="utf-8", newline="")
            return import_file(
                installation,
                visit.books,
                asked.kind,
                path,
                author=_author(visit.user, asked.reason.strip() or None),
                only_tries=only_tries,
            )


def _author(user: User, reason: str | None) -> Author:
    return Author(command=Command.CATALOG_IMPORT, entered_by=user.name, reason=reason)


def _import_page(
    request: Request,
    asked: _Import,
    *,
    result: CatalogResult | None = None,
    trouble: str | None = None,
) -> Response:
    findings = () if result is None else result.findings
    is_bad = trouble is not None or (result is not None and result.is_refused)
    return page(
        request,
        "office/catalog_import.html",
        status=422 if is_bad else 200,
        kind=asked.kind.value,
        asked=asked,
        trouble=trouble,
        counts=None if result is None or result.is_refused else _counts(result),
        is_refused=result is not None and result.is_refused,
        findings=[
            {name: getattr(finding, name) for name in _FINDING_COLUMNS}
            for finding in findings[:_FINDINGS_SHOWN]
        ],
        left_out=max(len(findings) - _FINDINGS_SHOWN, 0),
        finding_columns=_FINDING_COLUMNS,
    )


def _counts(result: CatalogResult) -> dict[str, int]:
    return {
        "rows": result.records,
        "rejected": result.rejected,
        "added": result.imported.added,
        "changed": result.imported.changed,
        "unchanged": result.imported.unchanged,
    }


def _kind_of(request: Request) -> CatalogKind | None:
    name = request.path_params["kind"]
    return CatalogKind(name) if name in set(CatalogKind) else None


def _rows(desk: Desk, visit: Visit, kind: CatalogKind) -> Sequence[Row]:
    account = visit.books
    with desk.reading() as connection:
        rows: Sequence[Row] = desk.answers.get(
            connection,
            account.account_id,
            ("catalog", kind),
            lambda: list_catalog(connection, desk.inquiry(connection, account), kind)["rows"],
        )
    columns = _shown_columns(kind, visit)
    return [{column: row[column] for column in columns} for row in rows]


def _shown_columns(kind: CatalogKind, visit: Visit) -> tuple[str, ...]:
    """Return a catalog's columns; how people are called and reached is for who may see it."""
    hides = kind in _OF_PEOPLE and not visit.sees_contacts
    return tuple(column for column in columns_of(kind) if not (hides and column in _CONTACTS))


def _history(desk: Desk, account: Account, kind: CatalogKind, key: str) -> list[dict[str, Any]]:
    with desk.reading() as connection:
        answer = follow_catalog_row(connection, desk.inquiry(connection, account), kind, key)
    changes: list[dict[str, Any]] = answer["changes"]
    return changes


def _has(row: Row, text: str) -> bool:
    lower = text.lower()
    return not lower or any(lower in str(value).lower() for value in row.values() if value)


def _way(kind: CatalogKind, row: Row, column: str) -> str | None:
    if column == columns_of(kind)[0]:
        return path_of("/catalog", kind.value, row[column])
    return path_of("/parties", f"parent:{row[column]}") if column == "parent_code" else None


def _one_text(columns: Mapping[str, object] | None, *, hides: bool) -> str:
    return " · ".join(
        f"{name} {'-' if value is None else value}"
        for name, value in (columns or {}).items()
        if not (hides and name in _CONTACTS)
    )
