"""What every report has in common: the question's two times, the answer's shape."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.database.engine import connection_beside
from ingestd.database.statements import Statements
from ingestd.ledger.audit.identities import Identity, read_identities
from ingestd.ledger.books.extent import Extent, read_extent
from ingestd.ledger.books.head import read_head_hash
from ingestd.ledger.catalog.as_known import know_catalog
from ingestd.reports.known.families import chosen_parties
from ingestd.values.clock import format_instant, to_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount

Row = Mapping[str, object]

_FIRST_DAY, _LAST_DAY = date(1, 1, 2), date(9999, 12, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a report is asked: for which account, up to which day, as known at which instant.

    `as_of` counts days in the account's time zone, both ends included; `decimals` are those of
    the account's currency. `since` and `until` narrow a report to the days in between. `party`,
    `family`, `status`, `product` and `source` narrow those to what is of one, where a report can;
    `by` says what its rows are sums of, where it has a choice. Of a list of charges or payments
    only what came `after` one is asked for, by its id: a page of it, whose totals are its own.
    """

    account: AccountId
    as_of: date
    as_known: datetime
    decimals: int
    zone: ZoneInfo
    since: date | None = None
    until: date | None = None
    party: str | None = None
    family: str | None = None
    status: str | None = None
    product: str | None = None
    source: str | None = None
    by: str | None = None
    after: str | None = None

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
    """A report at work: where it reads, what it was asked, which part of the books counts.

    `parties` are the numbers of those that it is narrowed to, None where it is about everybody.
    """

    connection: Connection
    question: Question
    extent: Extent
    parties: tuple[int, ...] | None
    totals: dict[str, object]
    identities: list[dict[str, object]]

    def bound(self) -> dict[str, object]:
        """Return what statements bind: the extent, the days, the parties, where they are narrowed.

        Where `all_parties` is 1, `parties` are not asked; the same goes for product and source,
        where all are meant by an empty text.
        """
        question = self.question
        return (
            self.extent.bound()
            | question.days()
            | question.instants()
            | {
                "all_parties": int(self.parties is None),
                "parties": list(self.parties or ()),
                "product": question.product or "",
                "source": question.source or "",
            }
        )

    def number_of(self, statements: Statements, name: str) -> int:
        """Return the number that the rows come after; 0 where all are asked for.

        Raises UsageError where there is none by that id.
        """
        after = self.question.after
        if after is None:
            return 0
        values = {"account": self.extent.account, "after": after}
        found = statements.run(self.connection, name, values).scalar()
        if found is None:
            raise UsageError(f"There is nothing called {after} to go on after.")
        return int(found)

    def hold(self, name: str, left: int, right: int) -> None:
        """Put two sums below the report that are equal in right books, in minor units."""
        self.identities.append(told_of(Identity(name=name, left=left, right=right), self.question))


def told_of(identity: Identity, question: Question) -> dict[str, object]:
    """Return an identity as it stands below a report."""
    return {
        "identity": identity.name,
        "left": question.amount(identity.left),
        "right": question.amount(identity.right),
        "holds": identity.holds,
    }


_WITHOUT_IDENTITIES = "ingestd_without_identities"

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
    connection: Connection,
    question: Question,
    *,
    name: str,
    columns: tuple[str, ...],
    rows: Rows,
    catalog: Collection[str] = (),
) -> Report:
    """Put a report together. Its rows are read as they are asked for: keep the connection open.

    `catalog` are the tables of which its statements say `/* as known */`: they read them as they
    were known at the question's instant. Raises UsageError where a report is narrowed to somebody
    whom nobody knows.
    """
    known_at = to_microseconds(question.as_known)
    extent = read_extent(connection, question.account, as_of=question.as_of, known_at=known_at)
    if catalog:
        batch_no = extent.batch_no
        know_catalog(connection, question.account, batch_no=batch_no, tables=catalog)
    reading = Reading(
        connection=connection,
        question=question,
        extent=extent,
        parties=chosen_parties(connection, extent, party=question.party, family=question.family),
        totals={},
        identities=[],
    )
    return report_of(reading, name=name, columns=columns, rows=_rows_and_identities(reading, rows))


def report_of(
    reading: Reading, *, name: str, columns: tuple[str, ...], rows: Iterator[Row]
) -> Report:
    """Return what a reading answers, with the identities that `rows` puts below it, and no more."""
    known_at = to_microseconds(reading.question.as_known)
    return Report(
        name=name,
        question=reading.question,
        ledger_head=read_head_hash(reading.connection, reading.extent.account, known_at=known_at),
        columns=columns,
        rows=rows,
        totals=reading.totals,
        identities=reading.identities,
    )


def leave_identities_out(connection: Connection) -> None:
    """Let reports on a connection come without them: who asks has them from elsewhere."""
    connection.execution_options(**{_WITHOUT_IDENTITIES: True})


def _rows_and_identities(reading: Reading, rows: Rows) -> Iterator[Row]:
    if reading.connection.get_execution_options().get(_WITHOUT_IDENTITIES):
        yield from rows(reading)
        return
    with _reading_identities(reading) as identities:
        yield from rows(reading)
        own = list(reading.identities)
        reading.identities.clear()
        for identity in identities():
            reading.identities.append(told_of(identity, reading.question))
        reading.identities.extend(own)


@contextmanager
def _reading_identities(reading: Reading) -> Iterator[Callable[[], list[Identity]]]:
    """Lend what returns the identities: read while the rows are, where a connection is free."""
    beside = connection_beside(reading.connection)
    if beside is None:
        yield lambda: read_identities(reading.connection, reading.extent)
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="identities") as threads:
        yield threads.submit(read_identities, beside, reading.extent).result
