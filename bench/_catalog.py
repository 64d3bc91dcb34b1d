"""The catalog of a bench's account, as an import leaves it: rows in force, and what they are."""

from __future__ import annotations

import sqlalchemy as sa

from ingestd.database.bulk import create_temporary, drop_temporary
from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.books.batches import open_batch
from ingestd.ledger.books.head import lock_head
from ingestd.ledger.catalog.declared import TABLES_OF
from ingestd.ledger.catalog.facts import write_catalog_facts
from ingestd.ledger.catalog.tables import CATALOG
from ingestd.ledger.evidence.seals import seal
from ingestd.values.identifiers import AccountId


def seal_catalog(database: Database, account: AccountId) -> None:
    """Write facts of all rows that were put straight into an account's catalog, as one batch."""
    with database.writing() as connection:
        head = lock_head(connection, account)
        batch = open_batch(head, event="catalog", now=0)
        for kind in CatalogKind:
            main = TABLES_OF[kind][0]
            create_temporary(connection, CATALOG)
            connection.execute(
                sa.text(
                    f"INSERT INTO stage_catalog (row, line, row_key)"
                    f" SELECT ROW_NUMBER() OVER (ORDER BY {main.owner}), 0, {main.owner}"
                    f" FROM {main.table} WHERE account = :account"
                ),
                {"account": account},
            )
            write_catalog_facts(connection, batch, kind)
            drop_temporary(connection, CATALOG)
        seal(connection, head, batch)
