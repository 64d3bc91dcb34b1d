"""Balances: what each party has in credit, less what it owes. Negative: it owes."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.formats.student_billing import AccountType
from ingestd.ledger.chart import BALANCE
from ingestd.reports.report import Question, Report, Row, answer
from ingestd.values.money import format_amount

COLUMNS = ("party", "kind", "account_type", "balance")
_CHUNK_ROWS = 5_000

# Each posting has two sides. On the accounts that make up a balance, the credit side adds to
# its party's balance and the debit side takes from it.
_STATEMENT = """
WITH moved AS (
  SELECT p.credit_party_no AS party_no, p.credit_account AS ledger_account, p.amount AS amount
  FROM posting p JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
  WHERE p.account = :account AND p.credit_party_no IS NOT NULL
    AND p.effective_on <= :as_of AND b.sealed_at <= :known_at
  UNION ALL
  SELECT p.debit_party_no, p.debit_account, -p.amount
  FROM posting p JOIN seal b ON b.account = p.account AND b.batch_no = p.batch_no
  WHERE p.account = :account AND p.debit_party_no IS NOT NULL
    AND p.effective_on <= :as_of AND b.sealed_at <= :known_at
), summed AS (
  SELECT m.party_no,
    CASE WHEN m.ledger_account IN (:wallet_receivable, :wallet_credit)
         THEN 'WALLET' ELSE 'LIABILITY' END AS account_type,
    SUM(m.amount) AS balance
  FROM moved m
  WHERE m.ledger_account IN
    (:wallet_receivable, :wallet_credit, :liability_receivable, :liability_credit)
  GROUP BY 1, 2
)
SELECT y.party_code, y.kind, s.account_type, s.balance
FROM summed s JOIN party y ON y.account = :account AND y.party_no = s.party_no
ORDER BY y.kind, y.party_code, s.account_type
"""


def report_balances(connection: Connection, question: Question) -> Report:
    """Return one row for each party and account type that ever moved.

    Rows are read as they are asked for: the connection must stay open.
    """
    return answer(connection, question, name="balances", columns=COLUMNS, rows=_rows)


def _rows(connection: Connection, question: Question, totals: dict[str, object]) -> Iterator[Row]:
    wallet, liability = BALANCE[AccountType.WALLET], BALANCE[AccountType.LIABILITY]
    result = connection.execute(
        sa.text(_STATEMENT),
        question.bound()
        | {
            "wallet_receivable": int(wallet.receivable),
            "wallet_credit": int(wallet.credit),
            "liability_receivable": int(liability.receivable),
            "liability_credit": int(liability.credit),
        },
        execution_options={"yield_per": _CHUNK_ROWS},
    )
    total = 0
    for row in result:
        total += int(row.balance)
        yield {
            "party": row.party_code,
            "kind": row.kind,
            "account_type": row.account_type,
            "balance": format_amount(int(row.balance), question.decimals),
        }
    totals["balance"] = format_amount(total, question.decimals)
