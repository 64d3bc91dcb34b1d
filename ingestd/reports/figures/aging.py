"""Aging: what is owed, by how long ago it was charged for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = ("bucket", "open")
BUCKETS = ("0-30", "31-60", "61-90", "91+")
_OLDEST_DAYS = (30, 60, 90)  # the last day of each bucket but the last one


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
    still_open = _SQL.run(reading.connection, "add_up_open", bound).one()
    later = _SQL.run(reading.connection, "add_up_later", bound).one()
    # Each sum holds the ones before it; PostgreSQL sums whole numbers to decimals.
    younger = [0, *(int(now) - int(then) for now, then in zip(still_open, later, strict=True))]
    for bucket, (before, up_to) in zip(BUCKETS, pairwise(younger), strict=True):
        yield {"bucket": bucket, "open": question.amount(up_to - before)}
    reading.totals["open"] = question.amount(younger[-1])
