"""Facts of the catalog: what a batch made of its rows, so that it can be told of any time."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statement, run
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.catalog.declared import TABLES_OF, CatalogTable
from ingestd.ledger.catalog.making import added_or_changed, removed


def _statements(table: CatalogTable) -> tuple[Statement, ...]:
    added = added_or_changed(table)
    return (added, removed(table)) if table.replaced else (added,)


_STATEMENTS: Mapping[CatalogKind, tuple[Statement, ...]] = MappingProxyType(
    {
        kind: tuple(statement for table in tables for statement in _statements(table))
        for kind, tables in TABLES_OF.items()
    }
)


def write_catalog_facts(connection: Connection, batch: Batch, kind: CatalogKind) -> int:
    """Write what a batch has made of the rows that the staged ones are about; return how many.

    Called once these are in force. A row that its last fact tells as it is has no new one, so
    that a roster that comes every night leaves what changed. The caller holds the head's lock.
    """
    values = {"account": batch.account, "batch_no": batch.batch_no}
    return sum(run(connection, statement, values).rowcount for statement in _STATEMENTS[kind])
