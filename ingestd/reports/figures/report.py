"""What every report has in common: the question's two times, the answer's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.ledger.audit.identities import read_identities
from ingestd.ledger.books.extent import Extent, read_extent
from ingestd.ledger.books.head import read_head_hash
from ingestd.values.clock import format_instant, to_microseconds
from ingestd.values.days import Day
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount

Row = Mapping[str, object]

_FIRST_DAY, _LAST_DAY = date(1, 1, 2), date(9999, 12, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a report is asked: for which account, up to which day, as known at which instant.

    `as_of` counts days in the account's time zone, both ends included; `decimals` are those of
    the account's currency. `since` and `until` narrow a report to the days in between.
    """

    account: AccountId
    as_of: date
    as_known: datetime
    decimals: int
    zone: ZoneInfo
    since: date | None = None
    until: date | None = None

    @property
    def covers_all_days(self) -> bool:
        """Whether the answer is not narrowed to some days."""
        return self.since is None and self.until is None

    def days(self) -> dict[str, object]:
        """Return what narrows to days, to be bound: `since` and `until`, both included."""
        return {
            "since": Day.of(self.since or _FIRST_DAY),
            "until": Day.of(self.until or _LAST_DAY),
        }

    def instants(self) -> dict[str, object]:
        """Return the same for what occurred: `occurred_from`, and `occurred_before`, excluded."""
        return {
            "occurred_from": self.start_of(self.since or _FIRST_DAY),
            "occurred_before": self.start_of((self.until or _LAST_DAY) + timedelta(days=1)),
        }

    def start_of(self, day: date) -> int:
        """Return when a day begins in the account's time zone, in microseconds since 1970.

        Days at the calendar's ends, which no zone can place, count as the first or last it can.
        """
        placed = min(max(day, _FIRST_DAY), _LAST_DAY + timedelta(days=1))
        return to_microseconds(datetime.combine(placed, time(), tzinfo=self.zone))

    def days_before(self, days: int) -> date:
        """Return the day so many days before `as_of`, or the calendar's first."""
        return date.fromordinal(max(self.as_of.toordinal() - days, 1))

    def amount(self, minor_units: int) -> str:
        """Write an amount in the account's currency."""
        return format_amount(minor_units, self.decimals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A report at work: where it reads, what it was asked, which part of the books counts."""

    connection: Connection
    question: Question
    extent: Extent
    totals: dict[str, object]


Rows = Callable[[Reading], Iterator[Row]]
"""Reads a report's rows one by one, and fills its totals in after the last one."""


@dataclass(slots=True, kw_only=True)
class Report:
    """An answer: its rows come one by one; totals and identities are complete after the last."""

    name: str
    question: Question
    ledger_head: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    totals: dict[str, object] = field(default_factory=dict)
    identities: list[dict[str, object]] = field(default_factory=list)

    def heading(self) -> dict[str, object]:
        """Return what stands above the rows of the JSON answer."""
        return {
            "report": self.name,
            "account": self.question.account,
            "as_of": self.question.as_of.isoformat(),
            "as_known": format_instant(self.question.as_known),
            "ledger_head": self.ledger_head,
        }


def answer(
    connection: Connection, question: Question, *, name: str, columns: tuple[str, ...], rows: Rows
) -> Report:
    """Put a report together. Its rows are read as they are asked for: keep the connection open."""
    known_at = to_microseconds(question.as_known)
    extent = read_extent(connection, question.account, as_of=question.as_of, known_at=known_at)
    totals: dict[str, object] = {}
    identities: list[dict[str, object]] = []
    reading = Reading(connection=connection, question=question, extent=extent, totals=totals)
    return Report(
        name=name,
        question=question,
        ledger_head=read_head_hash(connection, question.account, known_at=known_at),
        columns=columns,
        rows=_rows_and_identities(reading, rows, identities),
        totals=totals,
        identities=identities,
    )


def _rows_and_identities(
    reading: Reading, rows: Rows, identities: list[dict[str, object]]
) -> Iterator[Row]:
    yield from rows(reading)
    write = reading.question.amount
    identities.extend(
        {
            "identity": identity.name,
            "left": write(identity.left),
            "right": write(identity.right),
            "holds": identity.holds,
        }
        for identity in read_identities(reading.connection, reading.extent)
    )
