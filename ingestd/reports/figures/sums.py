"""Sums by key: amounts in minor units that are added up for each, and together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingestd.reports.figures.report import Question, Row


class Sums:
    """Amounts under some names, added up for each key that comes, and over all of them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._by_key: dict[str, list[int]] = {}

    def add(self, key: str, amounts: Sequence[int]) -> None:
        """Add amounts, in the order of the names, to those of a key."""
        before = self._by_key.get(key)
        if before is None:
            self._by_key[key] = list(amounts)
            return
        for place, amount in enumerate(amounts):
            before[place] += amount

    def total(self, name: str) -> int:
        """Return what a name's amounts come to."""
        place = self._names.index(name)
        return sum(amounts[place] for amounts in self._by_key.values())

    def rows(self, key_name: str, question: Question) -> Iterator[Row]:
        """Yield a row for each key, in the order of the keys' bytes."""
        for key in sorted(self._by_key, key=str.encode):
            written = map(question.amount, self._by_key[key])
            yield {key_name: key, **dict(zip(self._names, written, strict=True))}

    def totals(self, question: Question) -> dict[str, object]:
        """Return what all amounts come to, by name."""
        return {name: question.amount(self.total(name)) for name in self._names}
