"""Tax: what was sold with tax, what of the tax was collected and given back, and what is due."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer
from ingestd.reports.figures.sums import Sums

_SQL = Statements(__file__)

_SUMS = ("sold_nett", "sold_tax", "collected_tax", "given_back_tax", "due")
COLUMNS = ("tax_code", *_SUMS)


def report_tax(connection: Connection, question: Question) -> Report:
    """Return one row for each tax code under which something was sold, collected or given back.

    Tax is collected when money pays its sale, and given back when that money bounces or the sale
    is refunded; what is due is the one less the other, on the days asked for. What was sold counts
    whole, whatever became of it. The connection must stay open while rows are read.
    """
    return answer(connection, question, name="tax", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    bound = reading.bound()
    sums = Sums(_SUMS)
    # PostgreSQL sums whole numbers to decimals.
    for row in _SQL.run(reading.connection, "find_sold", bound):
        sums.add(row.tax_code, (int(row.nett), int(row.tax), 0, 0, 0))
    for row in _SQL.run(reading.connection, "find_collected", bound):
        collected, given_back = int(row.collected), int(row.given_back)
        sums.add(row.tax_code, (0, 0, collected, given_back, collected - given_back))
    yield from sums.rows("tax_code", question)
    reading.totals.update(sums.totals(question))
    books = _SQL.run(reading.connection, "add_up_tax", bound).scalar_one()
    reading.hold("tax", int(books), sums.total("due"))
