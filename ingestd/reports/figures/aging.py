"""Aging: what is owed, by how long ago it was charged for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.ages import BUCKETS, starts_of
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = ("bucket", "open")


def report_aging(connection: Connection, question: Question) -> Report:
    """Return the four buckets, each with what is open of the charges that are so many days old.

    A charge's age is the number of days between the day it occurred and `as_of`, both in the
    account's time zone. The connection must stay open while rows are read.
    """
    return answer(connection, question, name="aging", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    bound = reading.bound() | starts_of(question)

    def sums(name: str) -> list[int]:
        # PostgreSQL sums whole numbers to decimals.
        return [int(amount) for amount in _SQL.run(reading.connection, name, bound).one()]

    # Each sum holds the ones before it.
    younger = sums("add_up_open")
    if reading.extent.has_later:
        later = zip(sums("add_up_later_charges"), sums("add_up_later"), strict=True)
        younger = [now - new + gone for now, (new, gone) in zip(younger, later, strict=True)]
    for bucket, (before, up_to) in zip(BUCKETS, pairwise([0, *younger]), strict=True):
        yield {"bucket": bucket, "open": question.amount(up_to - before)}
    reading.totals["open"] = question.amount(younger[-1])
