"""Catalog histories: every change of one row, in which batch, when, and by whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.database.statements import Statements
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.catalog.declared import TABLES_OF, CatalogTable, Value, told
from ingestd.reports.trails.drill import Inquiry
from ingestd.values.clock import format_instant, from_microseconds
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

CHANGE_COLUMNS = (
    *("batch", "known_at", "event", "by", "reason", "upload_id", "filename", "what", "change"),
    *("was", "became"),
)
"""What every change tells."""

Answer = dict[str, Any]
_Columns = dict[str, Value]


def follow_catalog_row(
    connection: Connection, inquiry: Inquiry, kind: CatalogKind, key: str
) -> Answer:
    """Tell of a product, a student or another row of a catalog all that was made of it.

    `changes` are in the order of their batches, those of its prices, pledges and appeals among
    them: `was` and `became` have the columns that a change is about, `was` is None for what was
    new and `became` for what went. Raises UsageError for a key that no import has named.
    """
    changes = [
        change
        for table in TABLES_OF[kind]
        for change in _changes(inquiry, table, _facts(connection, inquiry, table, kind, key))
    ]
    if not changes:
        raise UsageError(f"The {kind.value} of account {inquiry.account} never had {key}.")
    changes.sort(key=lambda change: change["batch"])
    heading = inquiry.heading(connection, "catalog_history")
    return heading | {"kind": kind.value, "key": key, "changes": changes}


def _facts(
    connection: Connection, inquiry: Inquiry, table: CatalogTable, kind: CatalogKind, key: str
) -> Iterator[SqlRow[Any]]:
    """Yield the facts of a table's rows that a key is about, row by row, the oldest first."""
    if table.owner == table.key[-1]:
        first = last = key
    else:  # what follows the key is set apart by a space, and `!` comes behind that
        first, last = f"{key} ", f"{key}!"
    values = inquiry.bound(kind=table.kind, first=first, last=last)
    facts = list(_SQL.run(connection, "find_facts", values))
    if kind is CatalogKind.STUDENTS:
        yield from _registration(connection, inquiry, key, facts)
    # Of two products `A` and `A B` the prices of the second lie among those of the first.
    yield from (
        fact
        for fact in facts
        if fact.columns is None or json.loads(fact.columns)[table.owner] == key
    )


def _registration(
    connection: Connection, inquiry: Inquiry, key: str, facts: list[SqlRow[Any]]
) -> Iterator[SqlRow[Any]]:
    """Yield what a charge file made of a student whom no roster had named before."""
    for row in _SQL.run(connection, "find_registration", inquiry.bound(key=key)):
        if not facts or row.batch_no < facts[0].batch_no:
            yield row


def _changes(
    inquiry: Inquiry, table: CatalogTable, facts: Iterator[SqlRow[Any]]
) -> Iterator[Answer]:
    before: dict[str, _Columns | None] = {}
    for fact in facts:
        was = before.get(fact.row_key)
        became = _columns(inquiry, table, fact)
        before[fact.row_key] = became
        change = "added" if was is None else "removed" if became is None else "changed"
        if was is not None and became is not None:
            differing = [name for name in table.columns if was[name] != became[name]]
            was = {name: was[name] for name in differing}
            became = {name: became[name] for name in differing}
        yield {
            "batch": fact.batch_no,
            "known_at": format_instant(from_microseconds(fact.sealed_at)),
            "event": fact.event,
            "by": fact.entered_by,
            "reason": fact.reason,
            "upload_id": fact.upload_id,
            "filename": fact.filename,
            "what": table.kind,
            "change": change,
            "was": was,
            "became": became,
        }


def _columns(inquiry: Inquiry, table: CatalogTable, fact: SqlRow[Any]) -> _Columns | None:
    """Return what a fact says of each column, as files write it; None where the row went."""
    if fact.columns is None:
        return None
    # A student who was registered has what a roster's empty fields stand for.
    values = json.loads(fact.columns)
    return {
        name: told(kind, values.get(name), decimals=inquiry.decimals)
        for name, kind in table.columns.items()
    }
