"""Packing: rows as PostgreSQL's COPY takes them in binary, thousands at a time, column by column.

Each row is its number of fields (16 bits) and, field by field, its length in bytes (32 bits, -1
where there is none) and its bytes; all numbers are big-endian. The fields come in `packed_order`
(`copying.py`): those that have one length in all rows first, so that an array holds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ingestd.database.copying import Columns, is_fixed

_WHOLE_BYTES = 8
# Bytes as characters of Latin-1, which are the bytes they stand for: texts are joined faster.
_NONE = "\xff\xff\xff\xff"
_LENGTHS = tuple(f"\0\0\0{chr(length)}" for length in range(256))


def pack_rows(columns: Mapping[str, str], values: Columns) -> bytes:
    """Return rows as COPY takes them, without its header and trailer.

    `columns` has each column's kind: `whole` (64 bits), `octets` (all of one length) or `text`,
    with a `?` behind it where a value may be None; octets that may be None may have any length.
    OverflowError for a number of more bits.
    """
    if not values or not len(values[0]):
        return b""
    by_name = dict(zip(columns, values, strict=True))
    varying = [name for name, kind in columns.items() if not is_fixed(kind)]
    fixed = [_array(by_name[name]) for name in columns if is_fixed(columns[name])]
    heads = pack_fixed(len(values[0]), len(columns), fixed)
    if not varying:
        return heads.tobytes()
    framed: list[Sequence[str]] = []
    for name in varying:
        if columns[name].startswith("whole"):
            framed.append(_frame_numbers(by_name[name]))
        elif columns[name].startswith("octets"):
            framed += _frame_octets(by_name[name])
        else:
            framed += frame_texts(by_name[name])
    width = heads.dtype.itemsize
    joined = heads.tobytes().decode("latin-1")
    pieces = [""] * (len(heads) * (1 + len(framed)))
    step = 1 + len(framed)
    pieces[0::step] = [joined[at : at + width] for at in range(0, len(joined), width)]
    for place, column in enumerate(framed, start=1):
        pieces[place::step] = column
    return "".join(pieces).encode("latin-1")


def pack_fixed(
    rows: int, fields: int, columns: Sequence[np.ndarray[Any, Any]]
) -> np.ndarray[Any, Any]:
    """Return each row's number of fields, and those of its fields that have one length.

    The columns are arrays of 64-bit integers, or of octets (`V16`).
    """
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for place, column in enumerate(columns):
        kind = ">i8" if column.dtype == np.int64 else column.dtype.str
        parts += [(f"length{place}", ">i4"), (f"value{place}", kind)]
    heads = np.empty(rows, dtype=np.dtype(parts))
    heads["fields"] = fields
    for place, column in enumerate(columns):
        heads[f"length{place}"] = column.dtype.itemsize
        heads[f"value{place}"] = column
    return heads


def _array(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    if not isinstance(values[0], bytes):
        return np.asarray(values, dtype=np.int64)
    size = len(values[0])
    if set(map(len, values)) != {size}:
        raise ValueError("octets of one column are equally long")
    return np.frombuffer(b"".join(values), dtype=f"V{size}")


def _frame_numbers(values: Sequence[int | None]) -> list[str]:
    """Return each number behind its length."""
    known = np.empty(len(values), dtype=np.dtype([("length", ">i4"), ("value", ">i8")]))
    known["length"] = _WHOLE_BYTES
    known["value"] = np.asarray([0 if value is None else value for value in values], dtype=np.int64)
    joined = known.tobytes().decode("latin-1")
    width = known.dtype.itemsize
    framed = [joined[at : at + width] for at in range(0, len(joined), width)]
    if None in values:
        framed = [
            _NONE if value is None else text for value, text in zip(values, framed, strict=True)
        ]
    return framed


def frame_texts(values: Sequence[str | None]) -> tuple[Sequence[str], Sequence[str]]:
    """Return each text's length as COPY takes it, and the text.

    Both are in the characters of Latin-1 that stand for their bytes.
    """
    texts = ["" if value is None else value for value in values]
    if not "".join(texts).isascii():
        texts = [text.encode().decode("latin-1") for text in texts]
    return _lengths_of(texts, values), texts


def _frame_octets(values: Sequence[bytes | None]) -> tuple[Sequence[str], Sequence[str]]:
    """Do with octets as `frame_texts` does with texts."""
    texts = ["" if value is None else value.decode("latin-1") for value in values]
    return _lengths_of(texts, values), texts


def _lengths_of(texts: Sequence[str], values: Sequence[object]) -> Sequence[str]:
    lengths = [
        _LENGTHS[length] if length < len(_LENGTHS) else length.to_bytes(4).decode("latin-1")
        for length in map(len, texts)
    ]
    if None in values:
        lengths = [
            _NONE if value is None else length
            for value, length in zip(values, lengths, strict=True)
        ]
    return lengths
