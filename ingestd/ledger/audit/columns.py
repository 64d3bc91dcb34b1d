"""Columns: many rows at a time, each column put together to one text by the database.

A row that becomes a tuple of Python's costs more than all that is done with it. So the database
writes a column's numbers one behind the other, and its texts beside their lengths, and numpy
takes them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from ingestd.ledger.proof.digest import ColumnKind, hash_column

Int64s = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Octets = npt.NDArray[np.uint8]

_MARK_BYTES = 5  # of a text that is there, before its own: a mark, and its length
_NOT_THERE = -1


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: 0 where there is none. `present` is None where all are there."""

    values: Int64s
    present: Flags | None = None

    @property
    def written(self) -> bytes:
        """The bytes that a chunk's digest is over, as `proof/digest.py` has them."""
        present = np.ones(len(self.values), np.bool_) if self.present is None else self.present
        bitmap = np.packbits(present, bitorder="little")
        return bitmap.tobytes() + self.values.astype("<i8", copy=False).tobytes()


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts or octets: how long each is, -1 where there is none, and all of them."""

    lengths: Int64s
    octets: Octets

    @property
    def written(self) -> bytes:
        """The bytes that a chunk's digest is over, as `proof/digest.py` has them."""
        is_there = self.lengths >= 0
        sizes = np.where(is_there, self.lengths + _MARK_BYTES, 1)
        starts = np.cumsum(sizes) - sizes
        written = np.empty(int(sizes.sum()), np.uint8)
        is_text = np.ones(len(written), np.bool_)
        is_text[starts] = False
        written[starts] = is_there
        for place in range(1, _MARK_BYTES):
            at = starts[is_there] + place
            is_text[at] = False
            written[at] = self.lengths[is_there] >> 8 * (place - 1) & 0xFF
        written[is_text] = self.octets
        return written.tobytes()


Column = Numbers | Texts


def gather(kind: ColumnKind, column: str) -> Sequence[str]:
    """Return what a query selects to have a column of many rows in one row, as `take` reads it."""
    match kind:
        case ColumnKind.NUMBER:
            return (f"STRING_AGG(CAST({column} AS TEXT), ',')",)
        case ColumnKind.TEXT:
            return (_lengths(column), f"STRING_AGG({column}, '')")
        case ColumnKind.OCTETS:
            return (_lengths(column), f"STRING_AGG(ENCODE({column}, 'hex'), '')")
        case ColumnKind.FLAG:
            raise ValueError("no sealed table has flags")


def gather_presence(column: str) -> str:
    """Return what a query selects to know which numbers of a column are there."""
    return f"STRING_AGG(CASE WHEN {column} IS NULL THEN '0' ELSE '1' END, '')"


def take(
    kinds: Mapping[str, ColumnKind], row: Sequence[object], *, rows: int
) -> tuple[dict[str, Column], dict[str, Int64s]]:
    """Return the columns of a row that `gather` made the query of, and those with holes.

    These are numbers of which only some are there: where, is to be read, too. Raises ValueError
    for what is none of its kind.
    """
    fields = iter(row)
    found: dict[str, Column] = {}
    holed = {}
    for name, kind in kinds.items():
        if kind is not ColumnKind.NUMBER:
            lengths, content = next(fields), next(fields)
            found[name] = _texts(kind, lengths, content, rows=rows)
            continue
        numbers = parse_numbers(next(fields))
        if len(numbers) == rows:
            found[name] = Numbers(numbers)
        elif len(numbers) == 0:
            found[name] = Numbers(np.zeros(rows, np.int64), np.zeros(rows, np.bool_))
        else:
            holed[name] = numbers
    return found, holed


def place(numbers: Int64s, presence: object) -> Numbers:
    """Return a column with holes: its numbers, where `gather_presence` has them. ValueError."""
    present = np.frombuffer(str(presence).encode(), np.uint8) == ord("1")
    if int(present.sum()) != len(numbers):
        raise ValueError("numbers are not where they are said to be")
    values = np.zeros(len(present), np.int64)
    values[present] = numbers
    return Numbers(values, present)


def parse_numbers(content: object) -> Int64s:
    """Return whole numbers that stand in a text, divided by commas; none for no text. ValueError.

    A database leaves out what is not there.
    """
    if content is None:
        return np.zeros(0, np.int64)
    return np.fromstring(str(content), dtype=np.int64, sep=",")


@lru_cache(maxsize=256)
def hash_same(kind: ColumnKind, value: object, rows: int) -> bytes:
    """Return the hash of a column that has one value in all of its rows."""
    return hash_column(kind, [value] * rows)


def hash_written(column: Column) -> bytes:
    """Return a column's hash, as `hash_column` does for the same values."""
    return sha256(column.written).digest()


def _lengths(column: str) -> str:
    return f"STRING_AGG(CAST(COALESCE(OCTET_LENGTH({column}), {_NOT_THERE}) AS TEXT), ',')"


def _texts(kind: ColumnKind, lengths: object, content: object, *, rows: int) -> Texts:
    taken = "" if content is None else str(content)
    octets = bytes.fromhex(taken) if kind is ColumnKind.OCTETS else taken.encode()
    found = Texts(parse_numbers(lengths), np.frombuffer(octets, np.uint8))
    if len(found.lengths) != rows or int(found.lengths.clip(min=0).sum()) != len(octets):
        raise ValueError("texts are not as long as they are said to be")
    return found
