r"""The digest of a chunk of rows: injective, made column by column.

A chunk's digest is SHA-256 over the number of the table's layout, as four bytes little-endian,
and the SHA-256 of each column in the order of the layout. What a column's own hash is over goes
by its kind, for n rows:

| kind | bytes |
|---|---|
| `text` | for each value `00` where there is none, else `01`, its length in bytes as a u32 |
|        | little-endian, and its UTF-8 |
| `octets` | the same with the bytes as they are |
| `number` | a bitmap of (n + 7) // 8 bytes: bit i % 8 (the lowest is 0) of byte i // 8 says that |
|          | value i is there, bits beyond n are 0; then n signed 64-bit integers, little-endian, |
|          | 0 where there is none |
| `flag` | one byte for each value: `00` no, `01` yes, `02` where there is none |

Each of the four is injective, its length included. The layout says which kinds stand in which
order, so that no other columns of the same table have the same digest.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import repeat
from operator import is_not
from typing import Any

CHUNK_ROWS = 8_192
"""How many stored rows a chunk holds; only a batch's last chunk of a table has fewer."""

_NONE = b"\x00"
_LENGTH_BYTES = 4
_FLAGS: dict[object, int] = {False: 0, True: 1, None: 2}
_OTHER = 255
# A short text's mark and length, as ASCII characters, which are the bytes they stand for.
_SHORT = tuple(f"\x01{chr(length)}\0\0\0" for length in range(128))
_SHORT_OCTETS = tuple(map(str.encode, _SHORT))


class ColumnKind(StrEnum):
    """How a column's values are written down to be hashed."""

    TEXT = "text"
    OCTETS = "octets"
    NUMBER = "number"
    FLAG = "flag"


Column = Sequence[Any]
"""A chunk's values of one column, None where a row has none.

Numbers may also come as a buffer of native 64-bit signed integers (`memoryview(column)`, of an
`array` or of numpy), all of them there: it is hashed as it lies. A column of any kind may come
`Written`.
"""


@dataclass(frozen=True, slots=True)
class Written:
    """A column of so many rows that is written down already, as its kind is."""

    octets: bytes
    rows: int

    def __len__(self) -> int:
        return self.rows


def hash_chunk(layout: int, columns: Iterable[tuple[ColumnKind, Column | Written]]) -> str:
    """Return a chunk's digest, hexadecimal.

    `columns` come in the layout's order and are equally long, with one row at least. TypeError
    where a value is not of its column's kind, OverflowError where a number has no 64 bits.
    """
    rows = set()
    hashes = []
    for kind, values in columns:
        rows.add(len(values))
        hashes.append(hash_column(kind, values))
    if len(rows) != 1 or 0 in rows:
        raise ValueError(f"a chunk's columns are equally long, and not empty: {sorted(rows)}")
    return join_columns(layout, hashes)


def join_columns(layout: int, hashes: Iterable[bytes]) -> str:
    """Return a chunk's digest, hexadecimal, from its columns' hashes in the layout's order."""
    return sha256(layout.to_bytes(4, "little") + b"".join(hashes)).hexdigest()


def hash_column(kind: ColumnKind, values: Column | Written) -> bytes:
    """Return one column's hash."""
    written = values.octets if isinstance(values, Written) else write_column(kind, values)
    return sha256(written).digest()


def write_column(kind: ColumnKind, values: Column) -> bytes:
    """Return the bytes that a column's hash is over."""
    return _WRITERS[kind](values)


def _write_texts(values: Column) -> bytes:
    # Nearly all columns hold short ASCII: then the whole is one join, without a step for each.
    try:
        pieces: list[str] = [""] * (2 * len(values))
        pieces[0::2] = map(_SHORT.__getitem__, map(len, values))
        pieces[1::2] = values
        return "".join(pieces).encode("ascii")
    except (TypeError, IndexError, UnicodeEncodeError):
        # Unlike `value.encode()`, this refuses whatever is no text.
        return _write_octets([None if value is None else str.encode(value) for value in values])


def _write_octets(values: Column) -> bytes:
    try:
        pieces: list[bytes] = [b""] * (2 * len(values))
        pieces[0::2] = map(_SHORT_OCTETS.__getitem__, map(len, values))
        pieces[1::2] = values
        return b"".join(pieces)
    except (TypeError, IndexError):
        return b"".join([_NONE if value is None else _mark(value) + value for value in values])


def _mark(octets: bytes) -> bytes:
    length = len(octets)
    if length < len(_SHORT_OCTETS):
        return _SHORT_OCTETS[length]
    return b"\x01" + length.to_bytes(_LENGTH_BYTES, "little")


def _write_numbers(values: Column) -> bytes:
    rows = len(values)
    try:
        return ((1 << rows) - 1).to_bytes((rows + 7) // 8, "little") + _int64s(values)
    except TypeError:
        present = bytes(map(is_not, values, repeat(None)))
        numbers = [0 if value is None else value for value in values]
        return _bitmap(present) + _int64s(numbers)


def _int64s(values: Column) -> bytes:
    if isinstance(values, memoryview):
        if values.format not in {"q", "l"} or values.itemsize != 8 or values.ndim != 1:
            raise ValueError(f"a buffer of 64-bit integers was expected, not {values.format}")
        numbers = array("q", values.tobytes())
    elif isinstance(values, (str, bytes)):
        # An array would take bytes for numbers that lie in memory.
        raise ValueError("a column of numbers was expected")  # noqa: TRY004 - our own bug
    else:
        numbers = array("q", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _bitmap(present: bytes) -> bytes:
    # Read as one number in base two, of which the first row is the lowest digit.
    digits = present[::-1].translate(bytes.maketrans(b"\x00\x01", b"01"))
    return int(digits, 2).to_bytes((len(present) + 7) // 8, "little")


def _write_flags(values: Column) -> bytes:
    # The databases do not agree on what a flag is: one gives True, the other 1.
    written = bytes(map(_FLAGS.get, values, repeat(_OTHER)))
    if _OTHER in written:
        raise TypeError("a flag is true, false, or not there")
    return written


_WRITERS: dict[ColumnKind, Callable[[Column], bytes]] = {
    ColumnKind.TEXT: _write_texts,
    ColumnKind.OCTETS: _write_octets,
    ColumnKind.NUMBER: _write_numbers,
    ColumnKind.FLAG: _write_flags,
}
