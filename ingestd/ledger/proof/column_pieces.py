"""Columns as they lie in memory: whole numbers in arrays, texts as the bytes they are hashed as.

A million rows are hashed in a fraction of the time that reading them back would take. `digest.py`
says how each kind is written down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np

from ingestd.ledger.proof.digest import ColumnKind, Written, write_column

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]
"""Whole numbers, all of them there."""

Chosen: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
"""Which of some rows are meant."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts or octets, one behind the other as they are hashed; row i has `starts[i:i + 2]`."""

    written: bytes
    starts: Numbers

    @classmethod
    def of(cls, values: Sequence[str | bytes | None], kind: ColumnKind = ColumnKind.TEXT) -> Texts:
        """Write down values of a kind that is no number."""
        return cls(write_column(kind, values), starts_of(_written_lengths(values)))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def part(self, first: int, end: int) -> Texts:
        """Return some rows that follow one another."""
        low, high = int(self.starts[first]), int(self.starts[end])
        return Texts(self.written[low:high], self.starts[first : end + 1] - low)

    def chosen(self, rows: Chosen) -> Texts:
        """Return some of the rows."""
        if rows.all():
            return self
        lows, highs = self.starts[:-1][rows].tolist(), self.starts[1:][rows].tolist()
        pieces = [self.written[low:high] for low, high in zip(lows, highs, strict=True)]
        return Texts(b"".join(pieces), starts_of([len(piece) for piece in pieces]))


Piece = Numbers | Texts
_MARK_BYTES = 5


def starts_of(lengths: Sequence[int] | Numbers) -> Numbers:
    """Return where each of some pieces starts that follow one another, and where the last ends."""
    starts = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(np.asarray(lengths, dtype=np.int64), out=starts[1:])
    return starts


def part_of(piece: Piece, first: int, end: int) -> Piece:
    """Return rows of a column that follow one another."""
    return piece.part(first, end) if isinstance(piece, Texts) else piece[first:end]


def joined(pieces: Sequence[Piece]) -> Piece:
    """Return the rows of several parts of a column as one."""
    if len(pieces) == 1:
        return pieces[0]
    texts = [piece for piece in pieces if isinstance(piece, Texts)]
    if not texts:
        return np.concatenate(cast("Sequence[Numbers]", pieces))
    lengths = np.concatenate([np.diff(piece.starts) for piece in texts])
    return Texts(b"".join(piece.written for piece in texts), starts_of(lengths))


def as_column(piece: Piece) -> Any:  # noqa: ANN401 - one of the two that `hash_chunk` takes
    """Return a column as `hash_chunk` takes it."""
    if isinstance(piece, Texts):
        return Written(piece.written, len(piece))
    return np.ascontiguousarray(piece).data


def repeated(kind: ColumnKind, value: str | int | None, rows: int) -> Written:
    """Return a column that has one value in all of its rows."""
    if kind is ColumnKind.NUMBER:
        return Written(write_column(kind, [value] * rows), rows)
    return Written(write_column(kind, [value]) * rows, rows)


def _written_lengths(values: Sequence[str | bytes | None]) -> Numbers:
    """Return how many bytes each value takes as it is hashed: a mark, its length, itself."""
    try:
        lengths = np.fromiter(map(len, values), dtype=np.int64, count=len(values))  # type: ignore[arg-type]
        if isinstance(values[0], bytes) or "".join(values).isascii():  # type: ignore[arg-type]
            return lengths + _MARK_BYTES
    except TypeError:
        pass  # there is None among them
    return np.array([1 if value is None else _MARK_BYTES + _size_bytes(value) for value in values])


def _size_bytes(value: str | bytes) -> int:
    return len(value.encode() if isinstance(value, str) else value)
