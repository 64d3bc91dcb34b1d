"""Pledges: what donors promised, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = (*("donor_number", "name", "pledge_number", "promised", "received", "pending", "status"),)


def report_pledges(connection: Connection, question: Question) -> Report:
    """Return one row for each pledge, in the order of donors' and pledges' numbers.

    A payment counts for the pledge that it names once it settled, until it is returned, and for
    what of it was not refunded; narrowed to days, only payments received on them do. A pledge
    without a sum is kept as soon as anything came. One that no list names any more is there as
    long as a payment names it. The connection must stay open while rows are read.
    """
    return answer(
        connection,
        question,
        name="pledges",
        columns=COLUMNS,
        rows=_rows,
        catalog=("donor", "donor_pledge"),
    )


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    write = question.amount
    bound = reading.extent.bound() | question.days()
    pledges = promised = received = pending = 0
    for row in _SQL.run(reading.connection, "find_pledges", bound):
        # PostgreSQL sums whole numbers to decimals.
        came, waits = int(row.received), int(row.pending)
        pledges += 1
        promised += row.promised or 0
        received += came
        pending += waits
        yield {
            "donor_number": row.donor_number,
            "name": row.name,
            "pledge_number": row.pledge_number,
            "promised": None if row.promised is None else write(row.promised),
            "received": write(came),
            "pending": write(waits),
            "status": _status(row.promised, came),
        }
    reading.totals["pledges"] = pledges
    reading.totals["promised"] = write(promised)
    reading.totals["received"] = write(received)
    reading.totals["pending"] = write(pending)


def _status(promised: int | None, received: int) -> str:
    if received <= 0:
        return "none"
    return "partial" if promised is not None and received < promised else "paid"
