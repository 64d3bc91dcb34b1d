"""Arrears: who owes for how long, how they are reached, and when they last paid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.families.debts import Debt, contact_of, debt_of, students_of
from ingestd.reports.families.household import (
    day_asked,
    name_asked,
    read_household,
    small_extent,
)
from ingestd.reports.figures.ages import BUCKETS, starts_of
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer, report_of
from ingestd.reports.known.contacts import UNKNOWN, Contact, read_contacts
from ingestd.reports.known.families import Move, moves_known, read_all_moves
from ingestd.values.days import Day, day_text

_SQL = Statements(__file__)

COLUMNS = (
    *("family", "name", "email", "phone", "students", *BUCKETS, "open", "wallet_open", "pending"),
    "last_paid_on",
)
_Whose = tuple[PartyKind, str]


def report_arrears(connection: Connection, question: Question) -> Report:
    """Return one row for each family that owes something, and for each party that has none.

    Fees stand by how many days ago they occurred; what wallets owe stands apart. Narrowed to a
    party or a family it is its family's row alone, found whatever the books hold beside. The
    connection must stay open while rows are read.
    """
    name = name_asked(question)
    if name is None:
        return answer(connection, question, name="arrears", columns=COLUMNS, rows=_all_rows)
    reading = Reading(
        connection=connection,
        question=question,
        extent=small_extent(connection, question),
        parties=None,
        totals={},
        identities=[],
    )
    household = read_household(
        connection, reading.extent, name, day=day_asked(question), with_family=True
    )
    debt = debt_of(household, starts_of(question))
    contact = contact_of(connection, question.account, household)
    students = students_of(connection, question.account, household)
    rows = _written(reading, [debt], {(debt.kind, debt.code): contact}, {debt.code: students})
    return report_of(reading, name="arrears", columns=COLUMNS, rows=rows)


def _all_rows(reading: Reading) -> Iterator[Row]:
    moves = read_all_moves(reading.connection, reading.extent.account)
    debts = _debts(reading, moves)
    contacts = {
        (kind, code): contact
        for kind in (PartyKind.PARENT, PartyKind.STUDENT, PartyKind.GUEST)
        for code, contact in read_contacts(
            reading.connection,
            reading.extent.account,
            kind,
            known_batch=reading.extent.batch_no,
            codes=_codes_of(kind, debts),
        ).items()
    }
    students = _students(reading, moves, contacts)
    owing = [debt for debt in debts if debt.open or debt.wallet_open]
    yield from _written(reading, owing, contacts, students)
    books = _SQL.run(reading.connection, "add_up_receivables", reading.bound()).one()
    reading.hold("fees open", int(books.fees), sum(debt.open for debt in owing))
    reading.hold("wallets open", int(books.wallets), sum(debt.wallet_open for debt in owing))


def _codes_of(kind: PartyKind, debts: Iterable[Debt]) -> list[str] | None:
    """Return which guests are looked up; of parents and students all are read at once."""
    if kind is not PartyKind.GUEST:
        return None
    guests = [debt.code for debt in debts if debt.kind is kind and (debt.open or debt.wallet_open)]
    return guests if len(guests) <= _LOOKED_UP_MAX else None


_LOOKED_UP_MAX = 1_000


def _debts(reading: Reading, moves: Mapping[int, Sequence[Move]]) -> list[Debt]:
    """Return what each family owes in the extent, in the order of their codes."""
    bound = reading.bound() | starts_of(reading.question)
    extent = reading.extent
    last = (Day.of(extent.as_of), extent.batch_no)
    found: dict[_Whose, Debt] = {}

    def debt_of_party(party_no: int, kind: str, code: str, parent_code: str | None) -> Debt:
        family = code if kind == PartyKind.PARENT else parent_code
        if party_no in moves:
            family = moves_known(
                moves[party_no], roster_family=family, known_batch=extent.batch_no
            ).family_at(*last)
        whose = (PartyKind(kind), code) if family is None else (PartyKind.PARENT, family)
        debt = found.get(whose)
        if debt is None:
            debt = found[whose] = Debt(kind=whose[0], code=whose[1])
        return debt

    later = (("add_up_later", -1),) if extent.has_later else ()
    for name, sign in (("add_up_open", 1), *later):
        for party_no, kind, code, parent_code, *ages, wallet in _rows_of(reading, name, bound):
            debt = debt_of_party(party_no, kind, code, parent_code)
            # PostgreSQL sums whole numbers to decimals.
            for place, amount in enumerate(ages):
                debt.by_age[place] += sign * int(amount)
            debt.wallet_open += sign * int(wallet)
    for *whose, pending, last_paid_on in _rows_of(reading, "find_payers", bound):
        debt_of_party(*whose).add_pending(int(pending), last_paid_on)
    return sorted(found.values(), key=lambda debt: (debt.code.encode(), debt.kind))


def _rows_of(reading: Reading, name: str, bound: Mapping[str, object]) -> Sequence[Sequence[Any]]:
    return _SQL.run(reading.connection, name, bound).all()


def _students(
    reading: Reading,
    moves: Mapping[int, Sequence[Move]],
    contacts: Mapping[_Whose, Contact],
) -> Mapping[str, Sequence[str]]:
    """Return the students of each family, in order: the roster's, and who moved as they moved."""
    extent = reading.extent
    last = (Day.of(extent.as_of), extent.batch_no)
    moved = {each[0].student_id: each for each in moves.values()}
    found: defaultdict[str, list[str]] = defaultdict(list)
    for (kind, code), contact in contacts.items():
        if kind is PartyKind.STUDENT:
            family = contact.parent_code
            if code in moved:
                family = moves_known(
                    moved[code], roster_family=family, known_batch=extent.batch_no
                ).family_at(*last)
            if family is not None:
                found[family].append(code)
    return {family: sorted(codes, key=str.encode) for family, codes in found.items()}


def _written(
    reading: Reading,
    debts: Sequence[Debt],
    contacts: Mapping[_Whose, Contact],
    students: Mapping[str, Sequence[str]],
) -> Iterator[Row]:
    write = reading.question.amount
    for debt in debts:
        contact = contacts.get((debt.kind, debt.code), UNKNOWN)
        own = [debt.code] if debt.kind is PartyKind.STUDENT else []
        its = students.get(debt.code, own) if debt.kind is PartyKind.PARENT else own
        last_paid_on = debt.last_paid_on
        yield {
            "family": debt.code,
            "name": contact.name or None,
            "email": contact.email or None,
            "phone": contact.phone or None,
            "students": " ".join(its),
            **dict(zip(BUCKETS, map(write, debt.by_age), strict=True)),
            "open": write(debt.open),
            "wallet_open": write(debt.wallet_open),
            "pending": write(debt.pending),
            "last_paid_on": None if last_paid_on is None else day_text(last_paid_on),
        }
    totals = reading.totals
    totals["families"] = len(debts)
    for place, bucket in enumerate(BUCKETS):
        totals[bucket] = write(sum(debt.by_age[place] for debt in debts))
    totals["open"] = write(sum(debt.open for debt in debts))
    totals["wallet_open"] = write(sum(debt.wallet_open for debt in debts))
    totals["pending"] = write(sum(debt.pending for debt in debts))
