"""Sales: what each product was charged for, what of it was taken back."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = ("billing_code", "charged", "voided", "net")


def report_sales(connection: Connection, question: Question) -> Report:
    """Return one row for each product that was charged or taken back on the days asked for.

    Rows are read as they are asked for: the connection must stay open.
    """
    return answer(connection, question, name="sales", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    charged = voided = 0
    bound = reading.extent.bound() | question.days()
    for row in _SQL.run(reading.connection, "add_up_sales", bound):
        # PostgreSQL sums whole numbers to decimals.
        row_charged, row_voided = int(row.charged), int(row.voided)
        charged += row_charged
        voided += row_voided
        yield {
            "billing_code": row.billing_code,
            "charged": question.amount(row_charged),
            "voided": question.amount(row_voided),
            "net": question.amount(row_charged - row_voided),
        }
    reading.totals["charged"] = question.amount(charged)
    reading.totals["voided"] = question.amount(voided)
    reading.totals["net"] = question.amount(charged - voided)
