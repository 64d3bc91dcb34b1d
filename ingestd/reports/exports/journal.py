"""A journal in plain text: what every program's syntax can say of a book."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from ingestd.reports.exports.book import Book
from ingestd.reports.exports.facts import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What stands above the legs of one transaction."""

    day: str
    batch_no: int
    party: str
    narration: str
    facts: Facts


class Writer(Protocol):
    """Writes one program's syntax. Amounts are in minor units; every text ends its line."""

    def preamble(self, book: Book, remarks: Iterable[str], first_on: str | None) -> str:
        """Begin the file: what it is, and the currency."""

    def opening(self, name: str, facts: Facts, first_on: str) -> str:
        """Declare an account before it is used."""

    def entry(self, entry: Entry) -> str:
        """Begin a transaction."""

    def leg(self, name: str, amount: int, facts: Facts) -> str:
        """Add `amount` to an account within a transaction; below zero it is taken away."""

    def closings_begin(self, name: str, last_on: str) -> str:
        """Begin the balances of an account and those below it."""

    def closing(self, name: str, balance: int, last_on: str, *, with_below: bool) -> str:
        """State that an account ends at `balance`, with those below it or without."""


def day_after(day: str) -> str:
    """Return the day after `day`, both written `YYYY-MM-DD`."""
    return date.fromordinal(date.fromisoformat(day).toordinal() + 1).isoformat()
