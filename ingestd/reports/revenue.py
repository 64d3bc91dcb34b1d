"""Revenue: what of each product's sales is realised, because settled money paid it."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.extent import COUNTS
from ingestd.reports.report import Question, Reading, Report, Row, answer

COLUMNS = ("billing_code", "realised")

_REALISED = f"{LedgerAccount.REALISED_REVENUE:d}"
_DISCOUNTS = f"{LedgerAccount.DISCOUNTS:d}"

_STATEMENT = f"""
SELECT p.billing_code,
  SUM(CASE WHEN p.credit_account = {_REALISED} THEN p.amount
           WHEN p.debit_account = {_REALISED} THEN -p.amount ELSE 0 END) AS realised,
  SUM(CASE WHEN p.debit_account = {_DISCOUNTS} THEN p.amount
           WHEN p.credit_account = {_DISCOUNTS} THEN -p.amount ELSE 0 END) AS discounts
FROM batch_total p
WHERE {COUNTS.format("p")} AND p.effective_on >= :since AND p.effective_on <= :until
  AND (p.credit_account IN ({_REALISED}, {_DISCOUNTS})
    OR p.debit_account IN ({_REALISED}, {_DISCOUNTS}))
GROUP BY p.billing_code ORDER BY p.billing_code
"""


def report_revenue(connection: Connection, question: Question) -> Report:
    """Return one row for each product whose realised revenue changed on the days asked for.

    What was realised and came back in between is no change. Discounts, which belong to payments
    and not to products, stand in the totals. The connection must stay open while rows are read.
    """
    return answer(connection, question, name="revenue", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    realised = discounts = 0
    for row in reading.connection.execute(
        sa.text(_STATEMENT), reading.extent.bound() | question.days()
    ):
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
