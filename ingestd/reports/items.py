"""Items: every charge, what of it is paid, and where it came from."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.ledger.chart import LedgerAccount
from ingestd.reports.report import Question, Report, Row, answer
from ingestd.values.money import format_amount

COLUMNS = (
    *("tracking_id", "student_id", "account_type", "billing_code", "occurred_on", "amount"),
    *("paid", "open", "status", "upload_id", "row"),
)
_CHUNK_ROWS = 5_000

# What postings say of a charge: value that left its receivable, to a customer's credit (paid)
# or back out of deferred revenue (voided). What was undone came back, and counts against it.
_STATEMENT = """
WITH moved AS (
  SELECT p.charge_no,
    SUM(CASE WHEN p.credit_account IN (:fees, :wallet) AND p.debit_account <> :deferred
             THEN p.amount
             WHEN p.debit_account IN (:fees, :wallet) AND p.credit_account <> :deferred
             THEN -p.amount ELSE 0 END) AS paid,
    SUM(CASE WHEN p.credit_account IN (:fees, :wallet) AND p.debit_account = :deferred
             THEN p.amount ELSE 0 END) AS voided
  FROM posting p JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
  WHERE p.account = :account AND p.charge_no IS NOT NULL AND p.event <> 'charge'
    AND p.effective_on <= :as_of AND b.sealed_at <= :known_at
  GROUP BY p.charge_no
)
SELECT c.tracking_id, y.party_code, c.account_type, c.billing_code, c.effective_on,
  c.amount, COALESCE(m.paid, 0) AS paid, COALESCE(m.voided, 0) AS voided, c.upload_id, c.row
FROM charge c
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
  LEFT JOIN moved m ON m.charge_no = c.charge_no
WHERE c.account = :account AND c.effective_on <= :as_of AND b.sealed_at <= :known_at
  AND c.effective_on >= :since AND c.effective_on <= :until
ORDER BY c.charge_no
"""


def report_items(connection: Connection, question: Question) -> Report:
    """Return one row for each charge, batch by batch, within one by tracking id.

    Rows are read as they are asked for, in bounded memory: the connection must stay open.
    """
    return answer(connection, question, name="items", columns=COLUMNS, rows=_rows)


def _rows(connection: Connection, question: Question, totals: dict[str, object]) -> Iterator[Row]:
    result = connection.execute(
        sa.text(_STATEMENT),
        question.bound()
        | {
            "since": "" if question.since is None else question.since.isoformat(),
            "until": "9999-12-31" if question.until is None else question.until.isoformat(),
            "fees": int(LedgerAccount.RECEIVABLE_FEES),
            "wallet": int(LedgerAccount.RECEIVABLE_WALLET),
            "deferred": int(LedgerAccount.DEFERRED_REVENUE),
        },
        execution_options={"yield_per": _CHUNK_ROWS},
    )
    amount = paid = left_open = items = 0
    for row in result:
        # PostgreSQL sums whole numbers to decimals.
        row_paid, voided = int(row.paid), int(row.voided)
        still_open = row.amount - row_paid - voided
        items += 1
        amount += row.amount
        paid += row_paid
        left_open += still_open
        yield _item(row, row_paid, voided, still_open, question.decimals)
    totals["items"] = items
    totals["amount"] = format_amount(amount, question.decimals)
    totals["paid"] = format_amount(paid, question.decimals)
    totals["open"] = format_amount(left_open, question.decimals)


def _item(
    row: SqlRow[tuple[object, ...]], paid: int, voided: int, still_open: int, decimals: int
) -> Row:
    return {
        "tracking_id": row.tracking_id,
        "student_id": row.party_code,
        "account_type": row.account_type,
        "billing_code": row.billing_code,
        "occurred_on": row.effective_on,
        "amount": format_amount(row.amount, decimals),
        "paid": format_amount(paid, decimals),
        "open": format_amount(still_open, decimals),
        "status": _status(row.amount, paid, voided, still_open),
        "upload_id": row.upload_id,
        "row": row.row,
    }


def _status(amount: int, paid: int, voided: int, still_open: int) -> str:
    if voided > 0 and voided == amount:
        return "void"
    if still_open == 0:
        return "paid"  # a charge of nothing, too: nobody owes anything for it
    return "partial" if paid > 0 else "unpaid"
