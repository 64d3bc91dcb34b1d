"""The book in Beancount's syntax, as `bean-check` and Fava read it."""

from __future__ import annotations

from collections.abc import Iterable

from ingestd.reports.escaping.texts import shown
from ingestd.reports.exports.book import Book
from ingestd.reports.exports.facts import Facts
from ingestd.reports.exports.journal import Entry, day_after
from ingestd.values.money import format_amount

_ACCOUNT_CHARACTERS = 48
_AMOUNT_CHARACTERS = 14


class BeancountWriter:
    """Writes Beancount 3. Strings are quoted; what cannot be seen in them is escaped."""

    def __init__(self, book: Book) -> None:
        self._currency = book.currency
        self._decimals = book.decimals

    def preamble(self, book: Book, remarks: Iterable[str], first_on: str | None) -> str:
        """Begin the file: what it is, and the currency."""
        lines = [
            *(f"; {shown(remark)}" for remark in remarks),
            f'option "title" {_quoted(book.account)}',
            f'option "operating_currency" "{self._currency}"',
        ]
        if first_on is not None:
            lines += ["", f"{first_on} commodity {self._currency}"]
        return "\n".join([*lines, "", ""])

    def opening(self, name: str, facts: Facts, first_on: str) -> str:
        """Open an account."""
        return f"{first_on} open {name} {self._currency}\n" + _metadata(facts, "  ")

    def entry(self, entry: Entry) -> str:
        """Begin a transaction with its metadata."""
        heading = f"\n{entry.day} * {_quoted(entry.party)} {_quoted(entry.narration)}\n"
        return heading + _metadata(entry.facts, "  ")

    def leg(self, name: str, amount: int, facts: Facts) -> str:
        """Write a posting with its metadata."""
        return f"  {self._amount(name, amount)}\n" + _metadata(facts, "    ")

    def closings_begin(self, name: str, last_on: str) -> str:
        """Set an account and those below it apart."""
        return "\n"

    def closing(self, name: str, balance: int, last_on: str, *, with_below: bool) -> str:
        """Assert a balance, to the last minor unit.

        Beancount counts what is below an account always, and looks at the start of a day.
        """
        number = format_amount(balance, self._decimals)
        return (
            f"{day_after(last_on)} balance {name:<{_ACCOUNT_CHARACTERS}}"
            f" {number:>{_AMOUNT_CHARACTERS}} ~ 0 {self._currency}\n"
        )

    def _amount(self, name: str, amount: int) -> str:
        number = format_amount(amount, self._decimals)
        return f"{name:<{_ACCOUNT_CHARACTERS}} {number:>{_AMOUNT_CHARACTERS}} {self._currency}"


def _metadata(facts: Facts, indent: str) -> str:
    return "".join(
        f"{indent}{key}: {value if isinstance(value, int) else _quoted(value)}\n"
        for key, value in facts.items()
    )


def _quoted(text: str) -> str:
    escaped = shown(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
