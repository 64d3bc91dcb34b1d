"""Aging: what is owed, by how long ago it was charged for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.chart import LedgerAccount
from ingestd.ledger.extent import COUNTS
from ingestd.reports.report import Question, Reading, Report, Row, answer

COLUMNS = ("bucket", "open")
BUCKETS = ("0-30", "31-60", "61-90", "91+")
_OLDEST_DAYS = (30, 60, 90)  # the last day of each bucket but the last one

_RECEIVABLE = f"({LedgerAccount.RECEIVABLE_FEES:d}, {LedgerAccount.RECEIVABLE_WALLET:d})"
_DEFERRED = f"{LedgerAccount.DEFERRED_REVENUE:d}"

# Sums without a GROUP BY: one pass, and no million rows to sort.
_SUMS = ", ".join(
    f"COALESCE(SUM(CASE WHEN c.occurred_at >= :after_{days} THEN {{0}} ELSE 0 END), 0)"
    for days in _OLDEST_DAYS
)
_OCCURRED = "c.occurred_at >= :occurred_from AND c.occurred_at < :occurred_before"
_CHARGED = (
    f"SELECT {_SUMS.format('c.amount')}, COALESCE(SUM(c.amount), 0) FROM charge c"
    f" WHERE {COUNTS.format('c')} AND {_OCCURRED}"
)
# What left a receivable again, or came back to it: everything but the charges themselves.
_LEFT = f"CASE WHEN p.credit_account IN {_RECEIVABLE} THEN p.amount ELSE -p.amount END"
_MOVED = (
    f"SELECT {_SUMS.format(_LEFT)}, COALESCE(SUM({_LEFT}), 0)"
    # A CROSS JOIN keeps SQLite from walking all postings for each charge.
    " FROM posting p CROSS JOIN charge c"
    f" WHERE {COUNTS.format('p')} AND p.charge_no IS NOT NULL AND p.event <> 'charge'"
    f" AND (p.credit_account IN {_RECEIVABLE}"
    f"  OR (p.debit_account IN {_RECEIVABLE} AND p.credit_account <> {_DEFERRED}))"
    f" AND c.account = :account AND c.charge_no = p.charge_no AND {_OCCURRED}"
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
        bound[f"after_{days}"] = question.start_of(question.as_of - timedelta(days=days))
    charged = reading.connection.execute(sa.text(_CHARGED), bound).one()
    moved = reading.connection.execute(sa.text(_MOVED), bound).one()
    # Each sum holds the ones before it; PostgreSQL sums whole numbers to decimals.
    younger = [0, *(int(plus) - int(minus) for plus, minus in zip(charged, moved, strict=True))]
    for bucket, (before, up_to) in zip(BUCKETS, pairwise(younger), strict=True):
        yield {"bucket": bucket, "open": question.amount(up_to - before)}
    reading.totals["open"] = question.amount(younger[-1])
