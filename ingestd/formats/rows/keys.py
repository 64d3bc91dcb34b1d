"""Which rejected rows are meant, and whom they are about, as far as that can still be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ingestd.formats.fields import Column, FileFormat
from ingestd.formats.findings.codes import shorten
from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.texts import IdentifierJudge
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows


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


class RowName(NamedTuple):
    """What people find a row by, as it is written there: its key, and whom it is about."""

    row: int
    key: str | None
    party: str | None


class RowNamer:
    """Tells what people find rejected rows by; what is wrong with a value does not matter here."""

    def __init__(self, file_format: FileFormat, layout: Layout) -> None:
        key, *parties = file_format.named_by
        self._key = layout.positions.get(key)
        self._party = layout.positions.get(parties[0]) if parties else None

    def of_regular(self, rows: ShapedRows, rejected: Sequence[tuple[int, int]]) -> list[RowName]:
        """Return the names of those rows whose (row, line) is in `rejected`."""
        if not rejected:
            return []
        index_of = {row: index for index, row in enumerate(rows.rows)}
        keys, parties = (
            None if position is None else rows.columns[position]
            for position in (self._key, self._party)
        )
        return [
            RowName(row, _written(keys, index_of[row]), _written(parties, index_of[row]))
            for row, _ in rejected
        ]

    def of_misshapen(
        self, rejected: Sequence[tuple[int, int]], records: Sequence[Sequence[str]]
    ) -> list[RowName]:
        """Return the names of records with too many or too few fields, where they stand."""
        return [
            RowName(row, _written(fields, self._key), _written(fields, self._party))
            for (row, _), fields in zip(rejected, records, strict=True)
        ]


def _written(texts: Sequence[str] | None, position: int | None) -> str | None:
    if texts is None or position is None or position >= len(texts):
        return None
    return shorten(texts[position].strip(" ")) or None
