"""Catalog lists: what an import of each kind has brought, as its files write it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import run
from ingestd.formats.fields import LIST_SEPARATOR
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.ledger.books.extent import read_known_batch
from ingestd.ledger.catalog.as_known import know_catalog
from ingestd.ledger.catalog.declared import APPEAL, PLEDGE, TABLES_OF, CatalogTable, Value, told
from ingestd.ledger.catalog.making import listed
from ingestd.reports.trails.drill import Inquiry
from ingestd.values.clock import to_microseconds

Row = Mapping[str, Value]


def columns_of(kind: CatalogKind) -> tuple[str, ...]:
    """Return the columns of a list: those of the kind's files."""
    return CATALOG_FORMATS[kind].file.column_names


def list_catalog(connection: Connection, inquiry: Inquiry, kind: CatalogKind) -> dict[str, Any]:
    """Return all rows of a kind as they were known, by key, with the columns of its files.

    Each price of a product is a row that repeats the product, and a list is one text, so that a
    file of these rows changes nothing.
    """
    known_at = to_microseconds(inquiry.as_known)
    batch_no = read_known_batch(connection, inquiry.account, known_at=known_at)
    names = [table.table for table in TABLES_OF[kind]]
    know_catalog(connection, inquiry.account, batch_no=batch_no, tables=names)
    rows = list(_rows(connection, inquiry, kind))
    return inquiry.heading(connection, "catalog") | {"kind": kind.value, "rows": rows}


def _rows(connection: Connection, inquiry: Inquiry, kind: CatalogKind) -> Iterator[Row]:
    main, *others = TABLES_OF[kind]
    columns = columns_of(kind)
    parts = {
        table.kind: _by_owner(_read(connection, inquiry, table), table.owner) for table in others
    }
    for row in _read(connection, inquiry, main):
        owner = row[main.owner]
        if kind is CatalogKind.PRODUCTS:
            prices = parts["prices"].get(owner, [{}])
            yield from ({name: (row | price).get(name) for name in columns} for price in prices)
            continue
        lists = {
            PLEDGE.kind: LIST_SEPARATOR.join(
                map(_pledge, parts.get(PLEDGE.kind, {}).get(owner, ()))
            ),
            APPEAL.kind: LIST_SEPARATOR.join(
                str(part["appeal_code"]) for part in parts.get(APPEAL.kind, {}).get(owner, ())
            ),
        }
        yield {name: (row | lists).get(name) for name in columns}


def _pledge(row: Row) -> str:
    number, promised = row["pledge_number"], row["promised"]
    return f"{number}" if promised is None else f"{number}={promised}"


def _read(
    connection: Connection, inquiry: Inquiry, table: CatalogTable
) -> Iterator[dict[str, Value]]:
    """Yield the rows of a table, with its values as files write them."""
    for row in run(connection, listed(table), {"account": inquiry.account}):
        yield {
            name: told(kind, value, decimals=inquiry.decimals)
            for (name, kind), value in zip(table.columns.items(), row, strict=True)
        }


def _by_owner(
    rows: Iterator[dict[str, Value]], owner: str
) -> Mapping[Value, list[dict[str, Value]]]:
    found: defaultdict[Value, list[dict[str, Value]]] = defaultdict(list)
    for row in rows:
        found[row[owner]].append(row)
    return found
