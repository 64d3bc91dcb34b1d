"""Written chunks: what a batch's rows come to, hashed on their way into the books.

The rows of a large file are not read back: their columns are at hand, and how many were stored and
what they add up to is compared with these afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

import numpy as np

from ingestd.ledger.books.batches import Batch
from ingestd.ledger.evidence.chunks import Chunk, values_of
from ingestd.ledger.evidence.layouts import SEALED_TABLES
from ingestd.ledger.proof.column_pieces import Numbers, Piece, as_column, joined, part_of, repeated
from ingestd.ledger.proof.digest import CHUNK_ROWS, ColumnKind, Written, hash_chunk

_MICROSECONDS = 1_000_000


class WrittenRows:
    """All rows of one numbered table that a batch has, chunk by chunk, as they are written.

    `add` takes them in their order, and `finish` comes after the last. `alike` are the values that
    all rows of the table have, beside those that the batch itself says. `sums` are those of each
    column of whole numbers that differ; instants are added up in seconds.
    """

    def __init__(self, batch: Batch, table: str, alike: Mapping[str, str | int | None]) -> None:
        self.table = table
        self.rows = 0
        self.chunks: list[Chunk] = []
        self.sums: dict[str, int] = {}
        self._alike = {**values_of(batch), **alike}
        self._layout_no = len(SEALED_TABLES[table].layouts)
        self._layout = SEALED_TABLES[table].layouts[-1]
        self._number = SEALED_TABLES[table].order[0]
        self._pending: list[Mapping[str, Piece]] = []
        self._pending_rows = 0

    def add(self, columns: Mapping[str, Piece]) -> None:
        """Take the next rows, in columns of which one at least is there."""
        for name, piece in columns.items():
            if isinstance(piece, np.ndarray):
                self.sums[name] = self.sums.get(name, 0) + _sum(name, piece)
        added = len(columns[self._number])
        if not added:
            return
        self.rows += added
        self._pending.append(columns)
        self._pending_rows += added
        if self._pending_rows >= CHUNK_ROWS:
            self._close_full_ones()

    def finish(self) -> None:
        """Hash what is left."""
        if self._pending_rows:
            self._close(self._taken())

    def _close_full_ones(self) -> None:
        whole, rows = self._taken(), self._pending_rows
        end = rows - rows % CHUNK_ROWS
        for first in range(0, end, CHUNK_ROWS):
            self._close(_part(whole, first, first + CHUNK_ROWS))
        self._pending_rows = rows - end
        self._pending = [_part(whole, end, rows)] if end < rows else []

    def _taken(self) -> Mapping[str, Piece]:
        names = self._pending[0]
        return {name: joined([columns[name] for columns in self._pending]) for name in names}

    def _close(self, columns: Mapping[str, Piece]) -> None:
        numbers = cast("Numbers", columns[self._number])
        rows = len(numbers)
        written = (
            (kind, as_column(columns[name]) if name in columns else self._same(name, kind, rows))
            for name, kind in self._layout.items()
        )
        self.chunks.append(
            Chunk(
                table=self.table,
                first_row=int(numbers[0]),
                last_row=int(numbers[-1]),
                rows=rows,
                layout=self._layout_no,
                digest=hash_chunk(self._layout_no, written),
            )
        )

    def _same(self, name: str, kind: ColumnKind, rows: int) -> Written:
        value = self._alike[name]
        if value is not None and not isinstance(value, (str, int)):
            raise TypeError(f"{name} is neither a text nor a number")
        return _repeated(kind, value, rows)


@lru_cache(maxsize=64)
def _repeated(kind: ColumnKind, value: str | int | None, rows: int) -> Written:
    """Return a column of one value; most chunks have as many rows."""
    return repeated(kind, value, rows)


def _part(columns: Mapping[str, Piece], first: int, end: int) -> Mapping[str, Piece]:
    return {name: part_of(piece, first, end) for name, piece in columns.items()}


def _sum(name: str, numbers: Numbers) -> int:
    return int((numbers // _MICROSECONDS if name.endswith("_at") else numbers).sum())
