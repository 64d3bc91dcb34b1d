"""The catalog as it was known up to a batch, for whoever asks about an earlier time.

Answers of now read the tables of the catalog, and so do answers about a time since which nothing
changed. For all others the tables that a statement asks for are made again from the facts. Who asks
about few rows takes them from the catalog, and asks for those that have changed since.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, create_temporary
from ingestd.database.statements import KNOWN_PREFIX, Statements, read_as_known
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.catalog.declared import CATALOG_TABLES, STUDENT
from ingestd.ledger.catalog.making import filled_as_known, known_table
from ingestd.values.identifiers import AccountId

Columns = Mapping[str, object]

FAMILIES = "party_family"
"""The view of families, which follows from the roster."""

_SQL = Statements(__file__, made=[filled_as_known(table) for table in CATALOG_TABLES.values()])
_KNOWN = {name: known_table(table) for name, table in CATALOG_TABLES.items()}
_KNOWN_STUDENTS = _KNOWN[STUDENT.table]
_KNOWN_FAMILIES = Temporary(
    f"{KNOWN_PREFIX}{FAMILIES}",
    {
        "account": "text",
        "party_no": "whole",
        "kind": "text",
        "party_code": "text",
        "parent_code": "text?",
    },
    key=("account", "party_no"),
)


def know_catalog(
    connection: Connection, account: AccountId, *, batch_no: int, tables: Collection[str]
) -> None:
    """Let statements read `tables` of the catalog as they were known up to a batch.

    Those that say `/* as known */` behind a table do so from now on, on this connection; `tables`
    are all that they say it of, `party_family` among them. Where nothing changed since, they read
    the tables themselves.
    """
    values = {"account": account, "batch_no": batch_no}
    has_changed = _SQL.run(connection, "find_later_change", values).first() is not None
    read_as_known(connection, as_known=has_changed)
    if not has_changed:
        return
    wanted = {*tables} - {FAMILIES}
    if FAMILIES in tables:
        wanted.add(STUDENT.table)
    for name in sorted(wanted):
        known = _KNOWN[name]
        create_temporary(connection, known)
        _SQL.run(connection, f"fill_{name}", values)
        if known is _KNOWN_STUDENTS:
            _SQL.run(connection, "fill_registered", values)
        analyse(connection, known)
    if FAMILIES in tables:
        _SQL.fill(connection, _KNOWN_FAMILIES, "fill_families", values)


def read_rows_then(
    connection: Connection, account: AccountId, kind: CatalogKind, *, known_batch: int
) -> dict[str, Columns | None]:
    """Return the rows of a catalog that have changed since a batch, by key, as they were then.

    None stands for a row that was not there yet. Rows that have not changed since are left out:
    the catalog's table holds them as they were.
    """
    values = {"account": account, "kind": kind.value, "known_batch": known_batch}
    return {
        row.row_key: None if row.columns is None else json.loads(row.columns)
        for row in _SQL.run(connection, "find_rows_then", values)
    }
