"""Revenue: what of each product's sales is realised, because settled money paid it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = ("billing_code", "realised")


def report_revenue(connection: Connection, question: Question) -> Report:
    """Return one row for each product whose realised revenue changed on the days asked for.

    What was realised and came back in between is no change. Discounts, which belong to payments
    and not to products, stand in the totals. The connection must stay open while rows are read.
    """
    return answer(connection, question, name="revenue", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    realised = discounts = 0
    bound = reading.extent.bound() | question.days()
    for row in _SQL.run(reading.connection, "add_up_revenue", bound):
        # PostgreSQL sums whole numbers to decimals.
        row_realised = int(row.realised)
        realised += row_realised
        discounts += int(row.discounts)
        if row_realised:
            yield {
                "billing_code": row.billing_code,
                "realised": question.amount(row_realised),
            }
    reading.totals["realised"] = question.amount(realised)
    reading.totals["discounts"] = question.amount(discounts)
    reading.totals["net"] = question.amount(realised - discounts)
