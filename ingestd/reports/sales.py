"""Sales: what each product was charged for, what of it was taken back."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.extent import COUNTS
from ingestd.reports.report import Question, Reading, Report, Row, answer

COLUMNS = ("billing_code", "charged", "voided", "net")

_DEFERRED = f"{LedgerAccount.DEFERRED_REVENUE:d}"
_RECEIVABLE = f"({LedgerAccount.RECEIVABLE_FEES:d}, {LedgerAccount.RECEIVABLE_WALLET:d})"

# A sale moves deferred revenue to a receivable, whatever event it came by; a refund moves it back.
_STATEMENT = f"""
SELECT p.billing_code,
  SUM(CASE WHEN p.credit_account = {_DEFERRED} THEN p.amount ELSE 0 END) AS charged,
  SUM(CASE WHEN p.debit_account = {_DEFERRED} THEN p.amount ELSE 0 END) AS voided
FROM batch_total p
WHERE {COUNTS.format("p")} AND p.effective_on >= :since AND p.effective_on <= :until
  AND ((p.credit_account = {_DEFERRED} AND p.debit_account IN {_RECEIVABLE})
    OR (p.debit_account = {_DEFERRED} AND p.credit_account IN {_RECEIVABLE}))
GROUP BY p.billing_code ORDER BY p.billing_code
"""


def report_sales(connection: Connection, question: Question) -> Report:
    """Return one row for each product that was charged or taken back on the days asked for.

    Rows are read as they are asked for: the connection must stay open.
    """
    return answer(connection, question, name="sales", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    charged = voided = 0
    for row in reading.connection.execute(
        sa.text(_STATEMENT), reading.extent.bound() | question.days()
    ):
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
