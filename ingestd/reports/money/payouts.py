"""Payouts: who was given money back, how, whether it left the bank, and what of it is owed back."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.values.days import day_text

_SQL = Statements(__file__)

COLUMNS = (
    *("payout_id", "party", "payee", "method", "reference", "day", "amount", "status"),
    *("cleared_on", "owed_back"),
)


class Status(StrEnum):
    """How far a payout is."""

    PENDING = "pending"
    CLEARED = "cleared"
    VOIDED = "voided"


def report_payouts(connection: Connection, question: Question) -> Report:
    """Return one row for each payout made on the days asked for, in the order in which they came.

    Its status is the one of the day `as_of`: cash is cleared when it is given. What is owed back
    is what the payments that it came from took with them when they bounced. Rows are read as
    they are asked for: the connection must stay open.
    """
    return answer(connection, question, name="payouts", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    payouts = 0
    sums = dict.fromkeys(("amount", *Status, "owed_back"), 0)
    for row in _SQL.run(reading.connection, "find_payouts", reading.bound()):
        cleared_on = row.day if row.method == "cash" else row.cleared_on
        status = _status(cleared_on, row.voided_on)
        if question.status is not None and status != question.status:
            continue
        owed_back = int(row.owed_back)  # PostgreSQL sums whole numbers to decimals
        payouts += 1
        sums["amount"] += row.amount
        sums[status] += row.amount
        sums["owed_back"] += owed_back
        yield {
            "payout_id": row.payout_id,
            "party": row.party_code,
            "payee": row.payee,
            "method": row.method,
            "reference": row.reference,
            "day": day_text(row.day),
            "amount": question.amount(row.amount),
            "status": status.value,
            "cleared_on": None if cleared_on is None else day_text(cleared_on),
            "owed_back": question.amount(owed_back),
        }
    reading.totals["payouts"] = payouts
    reading.totals.update((str(name), question.amount(total)) for name, total in sums.items())
    is_whole = question.covers_all_days and question.source is None and question.status is None
    if is_whole and reading.parties is None:
        books = _SQL.run(reading.connection, "add_up_paid_out", reading.bound()).one()
        reading.hold("on their way", int(books.on_its_way), sums[Status.PENDING])
        reading.hold("owed back", int(books.owed_back), sums["owed_back"])


def _status(cleared_on: int | None, voided_on: int | None) -> Status:
    if voided_on is not None:
        return Status.VOIDED
    return Status.PENDING if cleared_on is None else Status.CLEARED
