"""Many rows at once, in and out, as fast as the driver goes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg import Copy
from sqlalchemy.engine import Connection

from ingestd.database.copying import COPY_HEADER, COPY_TRAILER

ANALYSED_ROWS_MIN = 1_000
"""From so many rows on PostgreSQL is told how large a stage is; it guesses well of fewer."""

_INNER_JOIN = re.compile(r"(?<!LEFT )(?<!CROSS )\bJOIN\b")


@dataclass(frozen=True, slots=True)
class Temporary:
    """A temporary table: its columns in order, and the columns that it is kept ordered by.

    A column's kind is `text`, `octets` or `whole`; a `?` behind it allows NULL.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()


def create_temporary(connection: Connection, *tables: Temporary, is_first: bool = False) -> None:
    """Make empty temporary tables that only this transaction sees; older ones are replaced.

    Where it `is_first` known that there are none, none is looked for.

    PostgreSQL takes them with the transaction's end: through a pooler the next transaction on this
    session is somebody else's. On SQLite they go with `drop_temporary` or with the connection.
    """
    if connection.dialect.name == "sqlite":
        if not is_first:
            drop_temporary(connection, *tables)
        driver = driver_of(connection)
        for statement in create_statements(tables, is_sqlite=True):
            driver.execute(statement)
        return
    statements = create_statements(tables, is_sqlite=False)
    if not is_first:
        dropped = ", ".join(f"pg_temp.{table.name}" for table in tables)
        statements.insert(0, f"DROP TABLE IF EXISTS {dropped}")
    connection.exec_driver_sql("; ".join(statements))


def create_statements(
    tables: Iterable[Temporary], *, is_sqlite: bool, temporary: bool = True
) -> list[str]:
    """Return the statements that make empty tables, temporary ones or a database's own."""
    types = {"text": "TEXT" if is_sqlite else 'TEXT COLLATE "C"'}
    types |= {"whole": "INTEGER" if is_sqlite else "BIGINT"}
    types |= {"octets": "BLOB" if is_sqlite else "BYTEA"}
    made = []
    for table in tables:
        parts = [
            f'"{name}" {types[kind.rstrip("?")]}' + ("" if kind.endswith("?") else " NOT NULL")
            for name, kind in table.columns.items()
        ]
        if table.key:
            parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
        # A single whole number is SQLite's own row number: rows that come in order are appended.
        ending = " WITHOUT ROWID" if len(table.key) > 1 else ""
        ending = ending if is_sqlite else " ON COMMIT DROP"
        kind = "TEMPORARY TABLE" if temporary else "TABLE"
        made.append(f"CREATE {kind} {table.name} ({', '.join(parts)}){ending}")
    return made


def drop_temporary(connection: Connection, *tables: Temporary) -> None:
    """Remove temporary tables."""
    schema = "temp" if connection.dialect.name == "sqlite" else "pg_temp"
    driver = driver_of(connection)
    for table in tables:
        driver.execute(f"DROP TABLE IF EXISTS {schema}.{table.name}")


def empty_temporary(connection: Connection, *tables: Temporary) -> None:
    """Take every row out of temporary tables."""
    for table in tables:
        connection.exec_driver_sql(f"DELETE FROM {table.name}")


def count_rows(connection: Connection, table: Temporary) -> int:
    """Return how many rows a temporary table has."""
    return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table.name}").scalar_one())


def append_from(connection: Connection, schema: str, table: Temporary) -> None:
    """Append the rows of the table of the same name in a database attached to SQLite's."""
    columns = ", ".join(table.columns)
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {schema}.{table.name}"
    )


def append_rows(connection: Connection, source: Temporary, target: Temporary) -> None:
    """Append the rows of a temporary table to another, which has some of its columns.

    Rows whose key is there already are left out.
    """
    columns = ", ".join(target.columns)
    connection.exec_driver_sql(
        f"INSERT INTO {target.name} ({columns}) SELECT {columns} FROM {source.name}"
        " WHERE TRUE ON CONFLICT DO NOTHING"
    )


def stage(connection: Connection, table: Temporary, rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a temporary table, values in the order of its columns.

    PostgreSQL: COPY, which takes only values that were checked before. SQLite: one prepared
    statement for all rows.
    """
    driver = driver_of(connection)
    if connection.dialect.name == "sqlite":
        stage_rows(driver, table, rows)
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def stage_rows(driver: sqlite3.Connection, table: Temporary, rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a table of an SQLite database."""
    marks = ",".join("?" * len(table.columns))
    driver.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)


@contextmanager
def binary_copy(connection: Connection, table: str, columns: Iterable[str]) -> Iterator[Copy]:
    """Lend a COPY into a PostgreSQL table that takes rows as `packing.py` packs them."""
    names = ", ".join(f'"{name}"' for name in columns)
    statement = f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)"
    with driver_of(connection).cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(COPY_HEADER)
        yield copy
        copy.write(COPY_TRAILER)


def copy_sorted(
    connection: Connection, source: Temporary, target: Temporary, *, order: str
) -> None:
    """Fill an empty temporary table with the rows of another, numbered from 1 in this order.

    The number is the first column of `target`; the others are among those of `source`.
    """
    number, *names = target.columns
    columns = ", ".join(names)
    if connection.dialect.name == "sqlite":
        # A row number that is not given is the next one; a window function would take twice
        # as long.
        connection.exec_driver_sql(
            f"INSERT INTO {target.name} ({columns}) SELECT {columns} FROM {source.name}"
            f" ORDER BY {order}"
        )
        return
    rows = connection.exec_driver_sql(
        f"INSERT INTO {target.name} ({number}, {columns})"
        f" SELECT ROW_NUMBER() OVER (ORDER BY {order}), {columns} FROM {source.name}"
    ).rowcount
    if rows >= ANALYSED_ROWS_MIN:
        analyse(connection, target)


def stream(
    connection: Connection, statement: str, values: Mapping[str, object], *, chunk_rows: int
) -> Generator[list[tuple[Any, ...]], None, None]:
    """Yield a query's rows as plain tuples, `chunk_rows` at a time, in bounded memory.

    `statement` binds its values as `:name`.
    """
    driver = driver_of(connection)
    compiled = sa.text(statement).compile(dialect=connection.dialect)
    is_sqlite = connection.dialect.name == "sqlite"
    # PostgreSQL keeps the rows of a named cursor until they are asked for.
    cursor = driver.cursor() if is_sqlite else driver.cursor(name="ingestd_stream")
    try:
        cursor.execute(statement if is_sqlite else str(compiled), dict(values))
        while rows := cursor.fetchmany(chunk_rows):
            yield rows
    finally:
        cursor.close()


def analyse(connection: Connection, *tables: Temporary) -> None:
    """Tell PostgreSQL how large the staged tables are; SQLite's plans do not depend on it."""
    if connection.dialect.name != "sqlite" and tables:
        connection.exec_driver_sql(f"ANALYZE {', '.join(table.name for table in tables)}")


def ordered(connection: Connection, statement: str) -> sa.TextClause:
    """Return a statement that reads the tables of each join in the order in which they are written.

    SQLite knows nothing of how large a staged table is: small ones first, the ledger by its keys.
    """
    if connection.dialect.name == "sqlite":
        statement = _INNER_JOIN.sub("CROSS JOIN", statement)
    return sa.text(statement)


def driver_of(connection: Connection) -> Any:  # noqa: ANN401 - sqlite3's connection, or psycopg's
    """Return the driver's own connection, inside the transaction that is open."""
    driver = connection.connection.driver_connection
    assert driver is not None, "an open connection has a driver's connection"
    return driver
