"""The catalog: what charges and payments refer to, searched, followed, and imported as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Visit, refuse
from ingestd.console.office.cells import path_of, table_of, within
from ingestd.console.office.desk import ROWS_MAX, Desk, said
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.entries.author import Author, Command
from ingestd.reports.trails.catalog_history import follow_catalog_row
from ingestd.reports.trails.catalog_list import columns_of, list_catalog
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

Row = Mapping[str, Any]


class Catalog:
    """The pages of catalogs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

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
        """Ask for the rows of an import."""
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        heading = ",".join(columns_of(kind)) + "\n"
        return _import_page(request, kind, content=heading, reason="")

    async def look(self, request: Request, visit: Visit) -> Response:
        """Say what an import would change and what of it is wrong, line by line; keep nothing."""
        return await self._import(request, visit, only_tries=True)

    async def take(self, request: Request, visit: Visit) -> Response:
        """Take the good rows."""
        return await self._import(request, visit, only_tries=False)

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
            result = await write(
                self._take,
                visit,
                kind,
                content.getvalue(),
                said(fields, "reason"),
                only_tries=False,
            )
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

    async def _import(self, request: Request, visit: Visit, *, only_tries: bool) -> Response:
        kind = _kind_of(request)
        if kind is None:
            return refuse(request, 404)
        fields = await read_fields(request)
        content, reason = fields.get("content", ""), fields.get("reason", "")
        try:
            result = await write(
                self._take, visit, kind, content, reason.strip() or None, only_tries=only_tries
            )
        except (UsageError, LedgerRefusal) as error:
            return _import_page(
                request, kind, content=content, reason=reason, trouble=error.message
            )
        if only_tries or result.is_refused:
            return _import_page(request, kind, content=content, reason=reason, result=result)
        counts = {name: str(value) for name, value in _counts(result).items()}
        return RedirectResponse(
            within(path_of("/catalog", kind.value), visit.books.account_id)
            + "".join(f"&{name}={value}" for name, value in counts.items()),
            303,
        )

    def _take(
        self, visit: Visit, kind: CatalogKind, content: str, reason: str | None, *, only_tries: bool
    ) -> CatalogResult:
        installation, user = self._desk.installation, visit.user
        with installation.database.scratch_folder() as folder:
            path = folder / f"{kind.value}.csv"
            path.write_text(content, encoding="utf-8", newline="")
            return import_file(
                installation,
                visit.books,
                kind,
                path,
                author=_author(user, reason),
                only_tries=only_tries,
            )


def _author(user: User, reason: str | None) -> Author:
    return Author(command=Command.CATALOG_IMPORT, entered_by=user.name, reason=reason)


def _import_page(
    request: Request,
    kind: CatalogKind,
    *,
    content: str,
    reason: str,
    result: CatalogResult | None = None,
    trouble: str | None = None,
) -> Response:
    findings = () if result is None else result.findings
    is_bad = trouble is not None or (result is not None and result.is_refused)
    return page(
        request,
        "office/catalog_import.html",
        status=422 if is_bad else 200,
        kind=kind.value,
        content=content,
        reason=reason,
        trouble=trouble,
        counts=None if result is None or result.is_refused else _counts(result),
        is_refused=result is not None and result.is_refused,
        findings=[
            {name: getattr(finding, name) for name in _FINDING_COLUMNS} for finding in findings
        ],
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
