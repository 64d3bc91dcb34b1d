"""Whom rejected rows are about, as far as that can still be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ingestd.formats.fields import Column
from ingestd.formats.header import Layout
from ingestd.formats.judged import Problem
from ingestd.formats.shape import ShapedRows
from ingestd.formats.texts import IdentifierJudge


class KeyTeller:
    """Tells the keys of rows that are rejected for something else than their key."""

    def __init__(self, key: Column, layout: Layout) -> None:
        self._judge = IdentifierJudge(key)
        self._position = layout.positions[key.name]

    def of_regular(self, rows: ShapedRows, rejected: Sequence[tuple[int, int]]) -> Iterator[str]:
        """Yield the keys of those rows whose (row, line) is in `rejected`."""
        if not rejected:
            return
        numbers = {row for row, _ in rejected}
        texts = zip(rows.rows, rows.columns[self._position], strict=True)
        yield from self._keys(text for row, text in texts if row in numbers)

    def of_misshapen(self, records: Iterable[Sequence[str]]) -> Iterator[str]:
        """Yield the keys of records with too many or too few fields, where they stand."""
        place = self._position
        yield from self._keys(fields[place] for fields in records if len(fields) > place)

    def _keys(self, texts: Iterable[str]) -> Iterator[str]:
        for text in texts:
            judged = self._judge(text)
            if not isinstance(judged, Problem):
                yield judged
