"""Catalogs as they were known: what an import changed later, put back as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

Columns = Mapping[str, object]


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
