"""Confirming: whether a batch's rows are as they were sealed, read as columns, a chunk at a time.

That is the quick way for rows that nobody touched, nearly all. It only ever says yes: whatever is
not as it was sealed is read again row by row, and told of, in `batches.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.dialects import for_sqlite
from ingestd.ledger.audit.columns import (
    Column,
    gather,
    gather_presence,
    hash_same,
    hash_written,
    place,
    take,
)
from ingestd.ledger.audit.sides import Sides
from ingestd.ledger.audit.spans import NUMBERED, SealedAs
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.evidence.chunks import Chunk, values_of
from ingestd.ledger.evidence.layouts import SEALED_TABLES, Layout
from ingestd.ledger.proof.digest import CHUNK_ROWS, ColumnKind, join_columns

_COUNTERS = {table: counter for counter, (table, _) in NUMBERED.items()} | {"guest": "parties"}
_NO_END = 2**63 - 1
_HEADING = 3  # a chunk's number of rows, and its first and its last number


def confirm(
    connection: Connection,
    batch: Batch,
    table: str,
    sealed: Sequence[SealedAs],
    *,
    rows: int,
    sides: Sides,
) -> list[Chunk] | None:
    """Return a batch's chunks of a table if they are stored as they were sealed; else None.

    `rows` is how many there are altogether. What is read is put to the `sides`, too.
    """
    sizes = [chunk.rows for chunk in sealed]
    if not sealed or not _has_ranges(table) or sum(sizes) != rows or set(sizes[:-1]) - {CHUNK_ROWS}:
        return None
    layout = SEALED_TABLES[table].layout(sealed[0].layout)
    if layout is None or {chunk.layout for chunk in sealed} != {sealed[0].layout}:
        return None
    ends = [chunk.first_row for chunk in sealed[1:]] + [_after(batch, table)]
    found = []
    for was, end in zip(sealed, ends, strict=True):
        try:
            chunk, columns = _read(connection, batch, table, layout, was, end)
        except ValueError:
            return None
        if chunk is None:
            return None
        sides.feed(batch.batch_no, table, chunk.rows, columns)
        if (chunk.first_row, chunk.rows, chunk.digest) != (was.first_row, was.rows, was.digest):
            return None
        found.append(chunk)
    return found


def _read(
    connection: Connection, batch: Batch, table: str, layout: Layout, was: SealedAs, end: int
) -> tuple[Chunk | None, Mapping[str, Column]]:
    """Return the chunk of a batch's rows from one number up to another, and its columns."""
    values = _between(batch, table, was.first_row, end)
    dialect = connection.dialect.name
    kinds = _kinds(table, was.layout)
    query, bound = _query(table, dialect, _selected(kinds), tuple(kinds))
    row = connection.execute(query, {name: values[name] for name in bound}).one()
    rows = int(row[0])
    if not rows:
        return None, {}
    columns, holed = take(kinds, row[_HEADING:], rows=rows)
    if holed:
        # A second look at the same rows, for the few columns that some rows have.
        query, bound = _query(table, dialect, tuple(map(gather_presence, holed)), tuple(holed))
        presence = connection.execute(query, {name: values[name] for name in bound}).one()
        for (name, given), where in zip(holed.items(), presence[_HEADING:], strict=True):
            columns[name] = place(given, where)
    hashes = [
        hash_written(columns[name]) if name in columns else hash_same(kind, values[name], rows)
        for name, kind in layout.items()
    ]
    chunk = Chunk(
        table=table,
        first_row=int(row[1]),
        last_row=int(row[2]),
        rows=rows,
        layout=was.layout,
        digest=join_columns(was.layout, hashes),
    )
    return chunk, columns


def _has_ranges(table: str) -> bool:
    """Tell whether the chunks of a table are ranges of its rows' numbers."""
    sealed = SEALED_TABLES[table]
    return sealed.is_numbered and len(sealed.order) == 1


def _after(batch: Batch, table: str) -> int:
    """Return the number behind a batch's last row of a table."""
    counter = _COUNTERS.get(table)
    return _NO_END if counter is None else int(getattr(batch, f"{counter}_until")) + 1


def _between(batch: Batch, table: str, first: int, end: int) -> dict[str, object]:
    """Return what the query of a chunk binds."""
    values = values_of(batch)
    counter = _COUNTERS.get(table)
    if counter is not None:
        # The one range that the query has: with two, SQLite would look from the wider one's start.
        values |= {f"{counter}_before": first - 1, f"{counter}_until": end - 1}
    return values | {"first": first, "end": end}


@cache
def _kinds(table: str, layout: int) -> dict[str, ColumnKind]:
    """Return the columns that are read: what is known of all rows of a batch is not asked for."""
    sealed = SEALED_TABLES[table]
    columns = sealed.layouts[layout - 1]
    return {name: kind for name, kind in columns.items() if name not in sealed.fixed}


def _selected(kinds: Mapping[str, ColumnKind]) -> tuple[str, ...]:
    return tuple(field for name, kind in kinds.items() for field in gather(kind, name))


@cache
def _query(
    table: str, dialect: str, selected: tuple[str, ...], read: tuple[str, ...]
) -> tuple[sa.TextClause, tuple[str, ...]]:
    """Return a chunk's query, and the names that it binds.

    The layout is the one place that lists a table's columns: the query follows from it.
    """
    sealed = SEALED_TABLES[table]
    (number,) = sealed.order
    between = "" if table in _COUNTERS else f" AND {number} >= :first AND {number} < :end"
    source = f"{table} WHERE {sealed.belongs}{between}"
    if dialect != "sqlite":
        # SQLite walks a range of a key in its order; rows in another would not be confirmed.
        inner = ", ".join(dict.fromkeys((number, *read)))
        source = f"(SELECT {inner} FROM {source} ORDER BY {number}) t"
    query = f"SELECT COUNT(*), MIN({number}), MAX({number}), {', '.join(selected)} FROM {source}"
    text = sa.text(for_sqlite(query, keeps_join_order=False) if dialect == "sqlite" else query)
    return text, tuple(text.compile().params)
