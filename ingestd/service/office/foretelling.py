"""Foretelling: what a deed will write, tried whole and not kept; and that it writes just that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import NamedTuple, TypeVar

from ingestd.database.statements import Statements
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged, refusal_of_day
from ingestd.reports.trails.drill import account_label
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.values.clock import day_in
from ingestd.values.days import Day
from ingestd.values.errors import LedgerRefusal

_SQL = Statements(__file__)

T = TypeVar("T")


class Movement(NamedTuple):
    """What an entry moves from one account of the books to another, in how many lines."""

    debit: str
    credit: str
    lines: int
    amount: int


@dataclass(slots=True)
class Told:
    """What became of a deed: the batch it wrote, if it did, and what was moved by it.

    What was so already `is_new` not, and neither is what somebody may not do.
    """

    is_new: bool = False
    batch_no: int | None = None
    movements: tuple[Movement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForetellingKeeper(Bookkeeper):
    """A bookkeeper who tells in `told` what an entry moves.

    One who `only_tries` keeps nothing of it. One who was told what was `foretold` refuses an entry
    that would move anything else: somebody has changed the books since it was looked at.
    """

    only_tries: bool = False
    foretold: str | None = None
    told: Told = field(default_factory=Told)

    def write(
        self,
        event: str,
        work: Callable[[Entry], T],
        *,
        command: Command,
        on: date | None,
        source: str | None = None,
    ) -> T:
        """Run `work` as one entry, as a bookkeeper does, and look at what it moves."""

        def watched(entry: Entry) -> T:
            before = entry.head.postings
            answer = work(entry)
            self.told.is_new, self.told.movements = True, _movements(entry, before)
            if self.foretold not in (None, digest_of(self.told.movements)):
                raise LedgerRefusal(
                    "The books have changed since you looked: this would move other amounts. "
                    "Nothing was written. Look again.",
                    refusal="changed_meanwhile",
                )
            if self.only_tries:
                # It would be refused behind this, where what is only tried never comes.
                today = Day.of(day_in(self.account.timezone, self.clock.now()))
                refusal = refusal_of_day(entry.connection, self.account, entry.day, today=today)
                if refusal is not None:
                    raise refusal
                raise Unchanged(answer)
            self.told.batch_no = entry.batch.batch_no
            return answer

        self.told.is_new, self.told.batch_no, self.told.movements = False, None, ()
        # By its name: a class with slots is made anew, and `super()` knows the first one only.
        return Bookkeeper.write(self, event, watched, command=command, on=on, source=source)


def digest_of(movements: tuple[Movement, ...]) -> str:
    """Return a short text that says what an entry moves, to be compared."""
    return sha256(repr([tuple(one) for one in movements]).encode()).hexdigest()[:32]


def _movements(entry: Entry, postings_before: int) -> tuple[Movement, ...]:
    values = {"account": entry.head.account, "postings_before": postings_before}
    return tuple(
        Movement(
            debit=account_label(row.debit_account),
            credit=account_label(row.credit_account),
            lines=int(row.lines),
            amount=int(row.amount),
        )
        for row in _SQL.run(entry.connection, "add_up_movements", values)
    )
