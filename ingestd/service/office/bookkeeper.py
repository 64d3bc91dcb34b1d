"""The bookkeeper: who writes an account's books by command, and how what was typed is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeVar

from ingestd.access.accounts import Account
from ingestd.database.engine import Database
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.amounts import AmountJudge
from ingestd.formats.judging.judged import Problem
from ingestd.ledger.entries.author import Author, Command
from ingestd.ledger.entries.entry import Entry, write_entry
from ingestd.ledger.evidence.signing import Signing
from ingestd.values.clock import Clock, day_in, from_microseconds, to_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import UsageError
from ingestd.values.money import decimals_of, format_amount

T = TypeVar("T")

_NEGATIVE = (
    "An amount is never negative. What was charged is taken back with: ingestd charges void; what "
    "was paid with: ingestd payments void, or return once it settled."
)

Answer = dict[str, object]
"""What a command did, under the names that its JSON has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookkeeper:
    """Writes one account's books, one sealed batch for each command.

    `entered_by` is who asks for it, and `reason` why, as they were typed.
    """

    database: Database
    clock: Clock
    account: Account
    entered_by: str
    reason: str | None = None
    signing: Signing | None = None

    def write(
        self,
        event: str,
        work: Callable[[Entry], T],
        *,
        command: Command,
        on: date | None,
        source: str | None = None,
    ) -> T:
        """Run `work` as one entry; see `write_entry`. `source` is the place of sale, if named.

        Raises UsageError for bytes that are no text, too: no database looks for them.
        """
        author = Author(
            command=command, entered_by=self.entered_by, reason=self.reason, source=source
        )
        try:
            return write_entry(
                self.database,
                self.clock,
                self.account,
                event=event,
                author=author,
                work=work,
                on=on,
                signing=self.signing,
            )
        except UnicodeEncodeError as error:
            raise UsageError(f"{error.object!a} is no text. Type it as UTF-8.") from error

    def amount_of(self, text: str) -> int:
        """Return an amount in minor units. Raises UsageError, which says how to write it."""
        judged = AmountJudge(decimals_of(self.account.currency))(text)
        if judged is None or isinstance(judged, Problem):
            message = "Write an amount." if judged is None else judged.message
            if judged is not None and judged.code is Code.AMOUNT_NEGATIVE:
                message = _NEGATIVE
            raise UsageError(f"{text or 'Nothing'} is no amount. {message}")
        return judged

    def something_of(self, text: str) -> int:
        """Return an amount above zero, as `amount_of` does."""
        amount = self.amount_of(text)
        if amount == 0:
            raise UsageError("--amount is more than nothing. Correct it.")
        return amount

    def written(self, amount: int) -> str:
        """Return an amount as the account's currency is written."""
        return format_amount(amount, decimals_of(self.account.currency))

    def day_of(self, microseconds: int) -> date:
        """Return the day of an instant in the account's time zone."""
        return day_in(self.account.timezone, from_microseconds(microseconds))

    def instant_of(self, entry: Entry) -> int:
        """Return now, or noon of the entry's day when that is another one (µs since 1970)."""
        now = self.clock.now()
        if Day.of(day_in(self.account.timezone, now)) == entry.day:
            return to_microseconds(now)
        day = entry.day.date
        return to_microseconds(datetime.combine(day, time(12), tzinfo=self.account.timezone))
