"""COPY in binary: what stands around the rows, and in which order their fields come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

Columns = Sequence[Sequence[Any]]
"""Rows, column by column, in the order of a table's columns; no columns are no rows."""


def packed_order(columns: Mapping[str, str]) -> list[str]:
    """Return the names of a table's columns in the order in which their values are packed.

    `columns` has each column's kind: `whole`, `octets` or `text`, with a `?` behind it where a
    value may be None.
    """
    fixed = [name for name, kind in columns.items() if is_fixed(kind)]
    return fixed + [name for name, kind in columns.items() if not is_fixed(kind)]


def is_fixed(kind: str) -> bool:
    """Tell whether all values of a kind take as many bytes."""
    return kind in {"whole", "octets"}
