"""Aging: what is owed, by how long ago it was charged for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import ordered
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.extent import LATER
from ingestd.reports.report import Question, Reading, Report, Row, answer

COLUMNS = ("bucket", "open")
BUCKETS = ("0-30", "31-60", "61-90", "91+")
_OLDEST_DAYS = (30, 60, 90)  # the last day of each bucket but the last one

_RECEIVABLE = f"({LedgerAccount.RECEIVABLE_FEES:d}, {LedgerAccount.RECEIVABLE_WALLET:d})"

# Sums without a GROUP BY: one pass, and no million rows to sort.
_SUMS = ", ".join(
    (
        *(
            f"COALESCE(SUM(CASE WHEN c.occurred_at >= :after_{days} THEN {{0}} ELSE 0 END), 0)"
            for days in _OLDEST_DAYS
        ),
        "COALESCE(SUM({0}), 0)",
    )
)
_OCCURRED = "c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before"
_OPEN = (
    f"SELECT {_SUMS.format('c.amount')} FROM open_charge c"
    f" WHERE c.account = :account AND {_OCCURRED}"
)
# What came to a receivable later, less what left it.
_CAME = f"CASE WHEN p.debit_account IN {_RECEIVABLE} THEN p.amount ELSE -p.amount END"
_LATER = (
    f"SELECT {_SUMS.format(_CAME)} FROM posting p"
    " JOIN charge c ON c.account = :account AND c.charge_no = p.charge_no"
    f" WHERE {LATER} AND p.charge_no IS NOT NULL AND {_OCCURRED}"
    f" AND (p.debit_account IN {_RECEIVABLE} OR p.credit_account IN {_RECEIVABLE})"
)


def report_aging(connection: Connection, question: Question) -> Report:
    """Return the four buckets, each with what is open of the charges that are so many days old.

    A charge's age is the number of days between the day it occurred and `as_of`, both in the
    account's time zone. The connection must stay open while rows are read.
    """
    return answer(connection, question, name="aging", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    bound = reading.extent.bound() | question.instants()
    for days in _OLDEST_DAYS:
        bound[f"after_{days}"] = question.start_of(question.days_before(days))
    still_open = reading.connection.execute(sa.text(_OPEN), bound).one()
    later = reading.connection.execute(ordered(reading.connection, _LATER), bound).one()
    # Each sum holds the ones before it; PostgreSQL sums whole numbers to decimals.
    younger = [0, *(int(now) - int(then) for now, then in zip(still_open, later, strict=True))]
    for bucket, (before, up_to) in zip(BUCKETS, pairwise(younger), strict=True):
        yield {"bucket": bucket, "open": question.amount(up_to - before)}
    reading.totals["open"] = question.amount(younger[-1])
