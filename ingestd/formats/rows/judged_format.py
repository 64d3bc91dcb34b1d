"""A format as one thing: a file's columns, and what judges the rows that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ingestd.formats.fields import Column, FileFormat
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.rows.checking import CheckedRows
from ingestd.formats.rules import FileRules

T = TypeVar("T")


class Checker(Protocol[T]):
    """Judges the fields of rows that have one field for each column."""

    def check(self, rows: ShapedRows) -> CheckedRows[T]:
        """Return what became of each of the rows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFormat(Generic[T]):
    """All that a verdict on a file of a format needs to know of the format.

    `make_checker` makes what judges the rows of one file, from where that has its columns. `key`
    names the mandatory column whose values are told of rejected rows, too. It travels to other
    processes, so its functions stand in modules.
    """

    file: FileFormat
    make_checker: Callable[[Layout, FileRules], Checker[T]]
    key: Column | None = None
