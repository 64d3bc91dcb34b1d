"""Cells: the values of rows as a page shows them, each figure with the way to what it is of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ingestd.reports.escaping.spreadsheets import NUMERIC

Row = Mapping[str, object]
Way = Callable[[Row, str], str | None]
"""Tells where a cell of a row leads, by its column; None for nowhere."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTS = frozenset({"opening", "closing", "rows_sealed", "amount_posted", "lines"})


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text, and the path of the page that it leads to."""

    text: str
    way: str | None
    is_number: bool

    @property
    def kind(self) -> str:
        """How it is set: figures stand to the right, and neither they nor days are broken."""
        if self.is_number:
            return "number"
        return "day" if _DAY.fullmatch(self.text) else ""


def is_number(column: str) -> bool:
    """Tell whether a column holds figures."""
    return column in NUMERIC or column in _COUNTS


def cells_of(
    rows: Sequence[Row], columns: Sequence[str], way: Way, *, account: str
) -> list[list[Cell]]:
    """Return rows as cells, whose ways stay with an account."""

    def cell(row: Row, column: str) -> Cell:
        value = row.get(column)
        if value is None or value == "":
            return Cell(text="", way=None, is_number=is_number(column))
        found = way(row, column)
        return Cell(
            text=str(value),
            way=None if found is None else within(found, account),
            is_number=is_number(column),
        )

    return [[cell(row, column) for column in columns] for row in rows]


def within(address: str, account: str) -> str:
    """Return an address that stays with an account."""
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'account': account})}"


def path_of(page: str, *names: object) -> str:
    """Return the path of a page about something, whatever characters its name has."""
    return "/".join((page, *(quote(str(name), safe="") for name in names)))


_PAGES = {
    **dict.fromkeys(("tracking_id", "payout_id", "for_tracking_id"), "/trace"),
    "payment_id": "/payments",
    **dict.fromkeys(
        (
            *("party", "payer", "student_id", "family", "debit_party", "credit_party"),
            *("from_party", "to_party", "credit_of"),
        ),
        "/parties",
    ),
    "upload_id": "/uploads",
    **dict.fromkeys(("batch_no", "batch", "undone_batch"), "/ledger/batches"),
}


def way_by_name(row: Row, column: str) -> str | None:
    """Return where a name leads: to the page of what is called so."""
    value = row.get(column)
    if value is None or value == "":
        return None
    if column == "row" and row.get("upload_id"):
        return path_of("/uploads", row["upload_id"]) + path_of("/rows", value)
    if column == "batch_num":
        return path_of("/batches", row.get("merchant_id") or "-", value)
    page = _PAGES.get(column)
    return None if page is None else path_of(page, value)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, each with whether it holds figures, and rows of cells."""

    columns: tuple[tuple[str, bool], ...]
    rows: list[list[Cell]]


def table_of(
    rows: Sequence[Row], account: str, columns: Sequence[str] | None = None, way: Way = way_by_name
) -> Table:
    """Return rows as a table; without `columns` it has those of its first row."""
    shown = tuple(columns or (rows[0] if rows else ()))
    return Table(
        tuple((column, is_number(column)) for column in shown),
        cells_of(rows, shown, way, account=account),
    )


def pairs_of(facts: Row, account: str, way: Way = way_by_name) -> list[tuple[str, Cell]]:
    """Return facts, each with its name; what nobody knows is left out."""
    names = [name for name, value in facts.items() if value not in (None, "")]
    [cells] = cells_of([facts], names, way, account=account)
    return list(zip(names, cells, strict=True))
