"""Whole tables, as they are stored: read in the order of their keys, and written elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import binary_copy, driver_of, stream
from ingestd.database.copying import Columns, packed_order
from ingestd.database.engine import Database

CHUNK_ROWS = 20_000

# What is stored has three types, and octets of any length.
_KINDS = ((sa.LargeBinary, "octets?"), (sa.Integer, "whole"), (sa.String, "text"))
_EVERY_KIND_OF_TABLE = sa.engine.reflection.ObjectKind.TABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTable:
    """A table: its columns in their order, each with its kind as in `packing.py`, and its key."""

    name: str
    columns: MappingProxyType[str, str]
    key: tuple[str, ...]


def list_tables(connection: Connection) -> list[StoredTable]:
    """Return every table of a database, by name.

    A column of a type that ingestd has none of, in somebody else's table, has no kind.
    """
    seen = sa.inspect(connection)
    keys = seen.get_multi_pk_constraint(kind=_EVERY_KIND_OF_TABLE)
    columns = seen.get_multi_columns(kind=_EVERY_KIND_OF_TABLE)
    return [
        StoredTable(
            name=place[1],
            columns=MappingProxyType(
                {column["name"]: _kind_of(column["type"], column["nullable"]) for column in found}
            ),
            key=tuple(keys[place]["constrained_columns"]),
        )
        for place, found in sorted(columns.items(), key=lambda one: one[0][1])
    ]


def hold_still(connection: Connection, tables: Iterable[StoredTable], *, alone: bool) -> None:
    """Keep all others from writing to tables until the transaction ends; `alone`, from reading.

    On SQLite whoever writes is the only one who does.
    """
    if connection.dialect.name != "sqlite":
        names = ", ".join(table.name for table in tables)
        mode = "ACCESS EXCLUSIVE" if alone else "SHARE"
        connection.exec_driver_sql(f"LOCK TABLE {names} IN {mode} MODE")
        # It says nothing for as long as the other database works.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def has_rows(connection: Connection, table: StoredTable) -> bool:
    """Tell whether anything is stored in a table."""
    return bool(
        connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {table.name})").scalar_one()
    )


def count_stored(connection: Connection, table: StoredTable) -> int:
    """Return how many rows a table has."""
    return int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table.name}").scalar_one())


def read_whole(connection: Connection, table: StoredTable) -> Generator[Columns, None, None]:
    """Yield all of a table, some thousand rows at a time, in the order of its key.

    The columns are in `packed_order`.
    """
    assert all(table.columns.values()), f"{table.name} is ours"
    names = ", ".join(f'"{name}"' for name in packed_order(table.columns))
    key = ", ".join(f'"{name}"' for name in table.key)
    statement = f"SELECT {names} FROM {table.name} ORDER BY {key}"
    for rows in stream(connection, statement, {}, chunk_rows=CHUNK_ROWS):
        yield list(zip(*rows, strict=True))


def write_whole(database: Database, table: StoredTable, chunks: Iterable[Columns]) -> None:
    """Fill an empty table with what `read_whole` yields, for the most part in its own order.

    PostgreSQL gets all of it in one transaction; SQLite, whose log grows with a transaction,
    chunk by chunk.
    """
    order = packed_order(table.columns)
    if not database.is_embedded:
        # Loaded only now: a daemon at rest does without arrays.
        from ingestd.database.packing import pack_rows  # noqa: PLC0415

        columns = {name: table.columns[name] for name in order}
        with database.writing() as connection:
            with binary_copy(connection, table.name, order) as copy:
                for chunk in chunks:
                    copy.write(pack_rows(columns, chunk))
            connection.exec_driver_sql(f"ANALYZE {table.name}")
        return
    names = ", ".join(f'"{name}"' for name in order)
    marks = ", ".join("?" * len(order))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"
    for chunk in chunks:
        with database.writing() as connection:
            driver_of(connection).executemany(statement, zip(*chunk, strict=True))


def _kind_of(stored: Any, nullable: bool) -> str:  # noqa: ANN401 - a type of SQLAlchemy's
    for known, kind in _KINDS:
        if isinstance(stored, known):
            return f"{kind.rstrip('?')}?" if nullable or kind.endswith("?") else kind
    return ""  # of somebody else's table
