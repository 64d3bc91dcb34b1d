"""Chunks: a batch's rows as they are stored, read back and hashed 8,192 at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import stream
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.evidence.layouts import SEALED_TABLES, Layout
from ingestd.ledger.proof.digest import CHUNK_ROWS, hash_chunk
from ingestd.ledger.proof.seal_hash import SealedChunk

_Rows = Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows of one table of a batch: which, by which layout they were hashed, and to what.

    `first_row` and `last_row` are the numbers that the first and the last have, or their places
    where the table has no numbers.
    """

    table: str
    first_row: int
    last_row: int
    rows: int
    layout: int
    digest: str

    @property
    def sealed(self) -> SealedChunk:
        """The chunk as a seal's hash is over it."""
        return SealedChunk(self.table, self.first_row, self.digest)


def values_of(batch: Batch) -> dict[str, object]:
    """Return what the conditions of `SealedTable.belongs` bind."""
    return {
        "account": batch.account,
        "batch_no": batch.batch_no,
        "upload_id": batch.upload_id,
        "charges_before": batch.charges_before,
        "postings_before": batch.postings_before,
        "parties_before": batch.parties_before,
        "refunds_before": batch.refunds_before,
        "payments_before": batch.payments_before,
        "allocations_before": batch.allocations_before,
        "codes_before": batch.codes_before,
        "charges_until": batch.charges_until,
        "postings_until": batch.postings_until,
        "parties_until": batch.parties_until,
        "refunds_until": batch.refunds_until,
        "payments_until": batch.payments_until,
        "allocations_until": batch.allocations_until,
        "codes_until": batch.codes_until,
    }


def read_chunks(
    connection: Connection, batch: Batch, table: str, *, rows: int, layout: int | None = None
) -> Iterator[Chunk]:
    """Yield the chunks that a batch's stored rows of a table come to now, in their order.

    `rows` is how many there are about: a handful is asked for at once. `layout` is the table's
    last one by default.
    """
    number = layout or len(SEALED_TABLES[table].layouts)
    place = 0
    for found in _read(connection, batch, table, number, rows=rows):
        yield _hash_rows(batch, table, number, found, place=place)
        place += len(found)


def read_chunks_from(
    connection: Connection,
    batch: Batch,
    table: str,
    *,
    layout: int,
    firsts: Sequence[int],
    rows: int,
) -> Iterator[Chunk | None]:
    """Yield what became of each of a batch's chunks, known by the numbers of their first rows.

    A row that vanished or came in changes the chunk that its number lies in, and no other. None
    stands for a chunk of which nothing is left.
    """
    index = _number_index(table, layout)
    parts: list[list[tuple[Any, ...]]] = [[] for _ in firsts]
    part = place = 0
    for found in _read(connection, batch, table, layout, rows=rows):
        for row in found:
            number = place + 1 if index is None else int(row[index])
            while part + 1 < len(firsts) and number >= firsts[part + 1]:
                part += 1
            parts[part].append(row)
            place += 1
    places = [0 if index is not None else first - 1 for first in firsts]
    for gathered, before in zip(parts, places, strict=True):
        yield _hash_rows(batch, table, layout, gathered, place=before) if gathered else None


def _hash_rows(batch: Batch, table: str, layout: int, rows: _Rows, *, place: int) -> Chunk:
    """Return the chunk of these rows; `place` is how many of the batch's rows come before.

    Raises TypeError and OverflowError for values that are not of their column's kind.
    """
    values = values_of(batch)
    read = dict(zip(_read_columns(table, layout), zip(*rows, strict=True), strict=True))
    index = _number_index(table, layout)
    first, last = place + 1, place + len(rows)
    if index is not None:
        first, last = int(rows[0][index]), int(rows[-1][index])
    columns = (
        (kind, read[name] if name in read else [values[name]] * len(rows))
        for name, kind in _layout(table, layout).items()
    )
    return Chunk(
        table=table,
        first_row=first,
        last_row=last,
        rows=len(rows),
        layout=layout,
        digest=hash_chunk(layout, columns),
    )


def _read(
    connection: Connection, batch: Batch, table: str, layout: int, *, rows: int
) -> Iterator[_Rows]:
    sealed = SEALED_TABLES[table]
    # The layout is the one place that lists a table's columns: the statement follows from it.
    statement = (
        f"SELECT {', '.join(_read_columns(table, layout))} FROM {table} WHERE {sealed.belongs}"
        f" ORDER BY {', '.join(sealed.order)}"
    )
    values = values_of(batch)
    if rows <= CHUNK_ROWS:
        text = sa.text(statement)
        bound = {name: values[name] for name in text.compile().params}
        # A few more may be there than there should be.
        few = [tuple(row) for row in connection.execute(text, bound)]
        for start in range(0, len(few), CHUNK_ROWS):
            yield few[start : start + CHUNK_ROWS]
        return
    with closing(stream(connection, statement, values, chunk_rows=CHUNK_ROWS)) as chunks:
        yield from chunks


def _layout(table: str, number: int) -> Layout:
    layout = SEALED_TABLES[table].layout(number)
    if layout is None:
        raise ValueError(f"{table} has no layout {number}")
    return layout


def _read_columns(table: str, layout: int) -> list[str]:
    """Return the columns that are read: what is known of all rows of a batch is not asked for."""
    fixed = SEALED_TABLES[table].fixed
    return [column for column in _layout(table, layout) if column not in fixed]


def _number_index(table: str, layout: int) -> int | None:
    sealed = SEALED_TABLES[table]
    return _read_columns(table, layout).index(sealed.order[0]) if sealed.is_numbered else None
