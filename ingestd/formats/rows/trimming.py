"""Spaces around values: taken off in every column, and told of once for each column."""

from __future__ import annotations

from collections.abc import Sequence

from ingestd.formats.fields import Column, Kind
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem
from ingestd.formats.rows.problems import Problems

_TRIMMED: Problem[str] = Problem(
    code=Code.VALUE_TRIMMED,
    message="Spaces around the values of this column were removed, first in this row.",
)
_IDENTIFIER_TRIMMED: Problem[str] = Problem(
    code=Code.IDENTIFIER_TRIMMED,
    message="Spaces around the identifiers of this column were removed, first in this row.",
)


class Trimming:
    """Takes the spaces off around the values of one file.

    Only the plain space of ASCII is taken off: another one is no slip of a fixed width.
    """

    def __init__(self) -> None:
        self._told: set[str] = set()

    def of(self, column: Column, texts: Sequence[str], problems: Problems) -> Sequence[str]:
        """Return a column's texts without outer spaces; the file's first is told of."""
        # One look at all of them at once; no text holds a NUL.
        joined = "\0".join(texts)
        if " " not in joined or not _has_outer_spaces(joined):
            return texts
        trimmed = [text.strip(" ") for text in texts]
        if column.name not in self._told:
            self._told.add(column.name)
            first = next(
                index for index, text in enumerate(texts) if len(text) != len(trimmed[index])
            )
            is_identifier = column.kind is Kind.IDENTIFIER
            problems.tell(first, column, _IDENTIFIER_TRIMMED if is_identifier else _TRIMMED)
        return trimmed


def _has_outer_spaces(joined: str) -> bool:
    return joined.startswith(" ") or joined.endswith(" ") or "\0 " in joined or " \0" in joined
