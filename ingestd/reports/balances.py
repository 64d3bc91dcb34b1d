"""Balances: what each party has in credit, less what it owes. Negative: it owes."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.formats.student_billing import AccountType
from ingestd.ledger.chart import BALANCE
from ingestd.ledger.extent import COUNTS
from ingestd.reports.report import Question, Reading, Report, Row, answer

COLUMNS = ("party", "kind", "account_type", "balance")
_CHUNK_ROWS = 5_000

_LIABILITY, _WALLET = BALANCE[AccountType.LIABILITY], BALANCE[AccountType.WALLET]
_WALLETS = f"({_WALLET.receivable:d}, {_WALLET.credit:d})"
_FEES = f"({_LIABILITY.receivable:d}, {_LIABILITY.credit:d})"

_SIDE = (
    f"SELECT p.{{side}}_party_no AS party_no, p.{{side}}_account IN {_WALLETS} AS is_wallet,"
    " {sign}SUM(p.amount) AS amount FROM posting p"
    f" WHERE {COUNTS.format('p')} AND p.effective_on >= :since AND p.effective_on <= :until"
    f" AND p.{{side}}_party_no IS NOT NULL"
    f" AND (p.{{side}}_account IN {_FEES} OR p.{{side}}_account IN {_WALLETS})"
    " GROUP BY 1, 2"
)
# Each posting has two sides. On the accounts that make up a balance, the credit side adds to
# its party's balance and the debit side takes from it.
_STATEMENT = f"""
SELECT y.party_code, y.kind, s.is_wallet, s.balance
FROM (SELECT m.party_no, m.is_wallet, SUM(m.amount) AS balance
  FROM ({_SIDE.format(side="credit", sign="")}
    UNION ALL {_SIDE.format(side="debit", sign="-")}) m
  GROUP BY m.party_no, m.is_wallet) s
  JOIN party y ON y.account = :account AND y.party_no = s.party_no
ORDER BY y.kind, y.party_code, s.is_wallet
"""


def report_balances(connection: Connection, question: Question) -> Report:
    """Return one row for each party and account type that ever moved.

    Narrowed to days, a balance is what changed on them. Rows are read as they are asked for:
    the connection must stay open.
    """
    return answer(connection, question, name="balances", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    result = reading.connection.execute(
        sa.text(_STATEMENT),
        reading.extent.bound() | question.days(),
        execution_options={"yield_per": _CHUNK_ROWS},
    )
    total = 0
    for row in result:
        # PostgreSQL sums whole numbers to decimals.
        balance = int(row.balance)
        total += balance
        kind = AccountType.WALLET if row.is_wallet else AccountType.LIABILITY
        yield {
            "party": row.party_code,
            "kind": row.kind,
            "account_type": kind.value,
            "balance": question.amount(balance),
        }
    reading.totals["balance"] = question.amount(total)
