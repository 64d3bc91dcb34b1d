"""Lists in catalog files: whoever a row is about has exactly the entries of its list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy.engine import Connection

from ingestd.database.bulk import ordered
from ingestd.formats.fields import LIST_SEPARATOR
from ingestd.formats.kinds.catalog import CatalogRow
from ingestd.ledger.books.head import Head
from ingestd.ledger.catalog.tables import Catalog, ListTable


def listed_in(rows: Iterable[CatalogRow], position: int) -> Iterator[tuple[int, str]]:
    """Yield each value of each row's list, with the number of its row."""
    for row in rows:
        if text := row.values[position]:
            for value in str(text).split(LIST_SEPARATOR):
                yield row.row, value


def lists_of(catalog: Catalog, given: frozenset[str]) -> list[ListTable]:
    """Return the tables whose lists a file with these columns has."""
    return [table for table in catalog.lists if table.column in given]


def news_of_list(catalog: Catalog, table: ListTable) -> tuple[str, str]:
    """Return the queries for the rows whose list has an entry more, and an entry less.

    A list says nothing of whether its row is new.
    """
    added = (
        f"SELECT s.row, 0 AS is_new FROM {catalog.stage.name} s"
        f" JOIN {table.stage.name} v ON v.row = s.row LEFT JOIN {table.name} t"
        f" ON t.account = :account AND t.{catalog.key} = s.{catalog.key}"
        f" AND t.{table.value} = v.value WHERE t.account IS NULL"
    )
    removed = f"SELECT s.row, 0 AS is_new FROM {_unlisted(catalog, table)}"
    return added, removed


def replace_list(connection: Connection, head: Head, catalog: Catalog, table: ListTable) -> None:
    """Give everyone whom a staged row is about the entries of its list, and no others."""
    connection.execute(
        ordered(
            connection,
            f"DELETE FROM {table.name} WHERE account = :account"
            f" AND ({catalog.key}, {table.value}) IN"
            f" (SELECT t.{catalog.key}, t.{table.value} FROM {_unlisted(catalog, table)})",
        ),
        {"account": head.account},
    )
    connection.execute(
        ordered(
            connection,
            f"INSERT INTO {table.name} (account, {catalog.key}, {table.value})"
            f" SELECT CAST(:account AS TEXT), s.{catalog.key}, v.value"
            f" FROM {catalog.stage.name} s JOIN {table.stage.name} v ON v.row = s.row"
            " WHERE TRUE ON CONFLICT DO NOTHING",
        ),
        {"account": head.account},
    )


def _unlisted(catalog: Catalog, table: ListTable) -> str:
    """Return the entries `t` that the list of their row `s` does not have, as joins and where."""
    return (
        f"{catalog.stage.name} s JOIN {table.name} t"
        f" ON t.account = :account AND t.{catalog.key} = s.{catalog.key}"
        f" WHERE NOT EXISTS (SELECT 1 FROM {table.stage.name} v"
        f" WHERE v.row = s.row AND v.value = t.{table.value})"
    )
