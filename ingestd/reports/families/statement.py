"""Statements: what a family was charged, paid and got back over some time, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from ingestd.ledger.books.extent import Extent
from ingestd.reports.families.debts import pending_of
from ingestd.reports.families.household import (
    Household,
    day_asked,
    name_asked,
    read_household,
    small_extent,
)
from ingestd.reports.families.lines import Line, lines_of
from ingestd.reports.families.passbook import Charge, Payment
from ingestd.reports.families.wording import read_words
from ingestd.reports.figures.report import Question, Reading, Report, Row, report_of
from ingestd.values.days import Day
from ingestd.values.errors import UsageError

COLUMNS = (
    *("day", "event", "account_type", "party", "tracking_id", "payment_id", "text", "amount"),
    "balance",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line as it is read: day, event, whose, about what, in words, amount, balance after it."""

    day: date
    event: str
    account_type: str | None
    party_no: int | None
    party: str | None
    tracking_id: str | None
    payment_id: str | None
    text: str
    amount: int
    balance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A household's statement between two days; amounts in minor units.

    `opening` is what was in credit less what was owed before the first day, `closing` after the
    last. `kept` is what the members' balances come to at the end by what is kept beside the
    postings. `pending` has been received and has not settled.
    """

    household: Household
    since: date | None
    opening: int
    entries: Sequence[Entry]
    closing: int
    kept: int
    pending: Sequence[Payment]

    @property
    def total_pending(self) -> int:
        """What was received and has not settled."""
        return sum(payment.amount for payment in self.pending)


def report_statement(connection: Connection, question: Question) -> Report:
    """Return one row for each line between the days asked for.

    `party` names a family by its parent's code, a student or a guest alone. What the lines come to
    is held to the members' balances. Raises UsageError where nobody is named, as `look_up_party`
    does, and for the anonymous party.
    """
    statement = read_statement(connection, question)
    reading = Reading(
        connection=connection,
        question=question,
        extent=small_extent(connection, question),
        parties=None,
        totals={},
        identities=[],
    )
    return report_of(reading, name="statement", columns=COLUMNS, rows=_rows(reading, statement))


def _rows(reading: Reading, statement: Statement) -> Iterator[Row]:
    write = reading.question.amount
    for entry in statement.entries:
        yield {
            "day": entry.day.isoformat(),
            "event": entry.event,
            "account_type": entry.account_type,
            "party": entry.party,
            "tracking_id": entry.tracking_id,
            "payment_id": entry.payment_id,
            "text": entry.text,
            "amount": write(entry.amount),
            "balance": write(entry.balance),
        }
    reading.totals["opening"] = write(statement.opening)
    reading.totals["closing"] = write(statement.closing)
    reading.totals["pending"] = write(statement.total_pending)
    reading.hold("closing", statement.kept, statement.closing)


def read_statement(connection: Connection, question: Question) -> Statement:
    """Return a party's statement; what is asked is what a report is asked.

    Raises UsageError as `report_statement` does.
    """
    name = name_asked(question)
    if name is None:
        raise UsageError("Whose statement? Name a family, a student or a guest with --party.")
    extent = small_extent(connection, question)
    household = read_household(connection, extent, name, day=day_asked(question), with_family=False)
    lines = lines_of(
        household.passbook,
        household.members,
        family=household.family,
        as_of=household.day,
        known_batch=extent.batch_no,
    )
    first = 0 if question.since is None else Day.of(question.since)
    opening = sum(line.amount for line in lines if line.day < first)
    shown = [line for line in lines if line.day >= first]
    return Statement(
        household=household,
        since=question.since,
        opening=opening,
        entries=list(_entries(connection, extent, household, shown, opening=opening)),
        closing=opening + sum(line.amount for line in shown),
        kept=_kept(household),
        pending=pending_of(household),
    )


def _kept(household: Household) -> int:
    """Return the balances of who belongs there at the end: as stored, less what came later."""
    belonging, passbook = household.belonging, household.passbook
    stored = sum(
        balance for (party_no, _), balance in passbook.balances.items() if party_no in belonging
    )
    later = sum(
        effect.amount
        for effect in passbook.effects()
        if effect.party_no in belonging
        and (effect.effective_on > household.day or effect.batch_no > household.known_batch)
    )
    return stored - later


def _entries(
    connection: Connection,
    extent: Extent,
    household: Household,
    lines: Sequence[Line],
    *,
    opening: int,
) -> Iterator[Entry]:
    passbook = household.passbook
    codes = {member.party_no: member.code for member in household.members}
    words = read_words(connection, extent, household, lines)
    balance = opening
    for line in lines:
        balance += line.amount
        charge = passbook.charges.get(line.charge_no or 0)
        payment = passbook.payments.get(line.payment_no or 0)
        party_no = _whose(line, charge, payment, codes)
        yield Entry(
            day=Day(line.day).date,
            event=line.event,
            account_type=None if line.account_type is None else line.account_type.value,
            party_no=party_no,
            party=None if party_no is None else codes[party_no],
            tracking_id=None if charge is None else charge.tracking_id,
            payment_id=None if payment is None else payment.payment_id,
            text=words.of(line),
            amount=line.amount,
            balance=balance,
        )


def _whose(
    line: Line, charge: Charge | None, payment: Payment | None, codes: Mapping[int, str]
) -> int | None:
    """Return whose line it is: where it touched several, who was charged or paid, if a member."""
    if line.party_no is not None:
        return line.party_no
    about = charge or payment
    return about.party_no if about is not None and about.party_no in codes else None
