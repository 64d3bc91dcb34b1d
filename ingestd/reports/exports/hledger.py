"""The book in hledger's journal format, as `hledger check` reads it."""

from __future__ import annotations

from collections.abc import Iterable

from ingestd.reports.escaping.texts import shown
from ingestd.reports.exports.book import Book
from ingestd.reports.exports.facts import Facts
from ingestd.reports.exports.journal import Entry
from ingestd.values.money import format_amount

_ACCOUNT_CHARACTERS = 48
_AMOUNT_CHARACTERS = 14
# A comma ends a tag's value, and a bracketed date in a comment moves a posting.
_NOT_IN_TAGS = ",[]"
# A semicolon begins a comment, and a bar parts the payee from the rest.
_NOT_IN_DESCRIPTIONS = ";|"


class HledgerWriter:
    """Writes hledger's journal. What could break or bend its syntax is escaped."""

    def __init__(self, book: Book) -> None:
        self._currency = book.currency
        self._decimals = book.decimals

    def preamble(self, book: Book, remarks: Iterable[str], first_on: str | None) -> str:
        """Begin the file: what it is, and the currency."""
        example = format_amount(1000 * 10**self._decimals, self._decimals)
        lines = [
            *(f"; {shown(remark)}" for remark in remarks),
            "decimal-mark .",
            # A currency without decimals is told by a mark with nothing behind it.
            f"commodity {example if '.' in example else example + '.'} {self._currency}",
        ]
        return "\n".join([*lines, "", ""])

    def opening(self, name: str, facts: Facts, first_on: str) -> str:
        """Declare an account."""
        return f"account {name}  ; {_tags(facts)}\n"

    def entry(self, entry: Entry) -> str:
        """Begin a transaction, its batch in the place of a code, with its tags."""
        party = shown(entry.party, also=_NOT_IN_DESCRIPTIONS)
        narration = shown(entry.narration, also=_NOT_IN_DESCRIPTIONS)
        heading = f"\n{entry.day} * ({entry.batch_no}) {party} | {narration}\n"
        return heading + "".join(
            f"    ; {_tags({key: value})}\n" for key, value in entry.facts.items()
        )

    def leg(self, name: str, amount: int, facts: Facts) -> str:
        """Write a posting with its tags."""
        return f"    {self._amount(name, amount)}  ; {_tags(facts)}\n"

    def closings_begin(self, name: str, last_on: str) -> str:
        """Begin a transaction that moves nothing and states balances."""
        return f"\n{last_on} * balances of {name}\n"

    def closing(self, name: str, balance: int, last_on: str, *, with_below: bool) -> str:
        """Assert a balance; `=*` counts what is below the account, too."""
        sign = "=*" if with_below else "="
        number = format_amount(balance, self._decimals)
        return (
            f"    {self._amount(name, 0)} {sign:<2}"
            f" {number:>{_AMOUNT_CHARACTERS}} {self._currency}\n"
        )

    def _amount(self, name: str, amount: int) -> str:
        # Two spaces end an account's name.
        number = format_amount(amount, self._decimals)
        return f"{name:<{_ACCOUNT_CHARACTERS}}  {number:>{_AMOUNT_CHARACTERS}} {self._currency}"


def _tags(facts: Facts) -> str:
    return ", ".join(
        f"{key}: {shown(str(value), also=_NOT_IN_TAGS)}" for key, value in facts.items()
    )
