"""Agreement of the catalog: what charges and payments refer to now is what imports made of it.

A price that was changed behind the ledger's back would decide what the next charge costs. Each
table is compared with the last facts of its rows in one statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Row

from ingestd.database.statements import Statements
from ingestd.ledger.audit.agreement import Check
from ingestd.ledger.catalog.declared import CATALOG_TABLES, CatalogTable
from ingestd.ledger.catalog.making import compared


def _check(table: CatalogTable) -> Check:
    statement = compared(table)

    def tell(row: Row[Any]) -> str:
        of = f"{table.table} {row.row_key}"
        if row.side == 0:
            return f"{of} is not what its last import made of it"
        return f"{of} came by no import" if row.side > 0 else f"{of} is missing"

    return Check(Statements.made((statement,)), statement.name, tell)


AGREEMENTS_OF_CATALOG: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {"catalog": tuple(_check(table) for table in CATALOG_TABLES.values())}
)
"""Every check of the catalog with its facts, by its public name."""
