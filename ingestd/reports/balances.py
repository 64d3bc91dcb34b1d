"""Balances: what each party has in credit, less what it owes. Negative: it owes."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from ingestd.database.bulk import ordered
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE
from ingestd.ledger.books.extent import COUNTS, LATER
from ingestd.ledger.books.totals import balance_moves
from ingestd.reports.report import Question, Reading, Report, Row, answer

COLUMNS = ("party", "kind", "account_type", "balance")
_CHUNK_ROWS = 5_000

_WALLET_CREDIT = BALANCE[AccountType.WALLET].credit

_MOVED_LATER = (
    "SELECT l.party_no, l.credit_account, COUNT(*) AS postings, SUM(l.amount) AS amount"
    f" FROM ({balance_moves(LATER)}) l GROUP BY l.party_no, l.credit_account"
)
_STANDING = f"""
SELECT b.party_no, b.credit_account, b.balance - COALESCE(x.amount, 0) AS balance
FROM party_balance b LEFT JOIN ({_MOVED_LATER}) x
  ON x.party_no = b.party_no AND x.credit_account = b.credit_account
WHERE b.account = :account AND b.postings > COALESCE(x.postings, 0)
"""
_ON_DAYS = f"{COUNTS.format('p')} AND p.effective_on >= :since AND p.effective_on <= :until"
_CHANGED = (
    "SELECT m.party_no, m.credit_account, SUM(m.amount) AS balance"
    f" FROM ({balance_moves(_ON_DAYS)}) m GROUP BY m.party_no, m.credit_account"
)
_STATEMENT = """
SELECT y.party_code, y.kind, s.credit_account, s.balance
FROM ({balances}) s JOIN party y ON y.account = :account AND y.party_no = s.party_no
ORDER BY y.kind, y.party_code, CASE s.credit_account WHEN {wallet} THEN 1 ELSE 0 END
"""


def report_balances(connection: Connection, question: Question) -> Report:
    """Return one row for each party and account type that ever moved.

    Narrowed to days, a balance is what changed on them. Rows are read as they are asked for:
    the connection must stay open.
    """
    return answer(connection, question, name="balances", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    balances = _STANDING if question.covers_all_days else _CHANGED
    result = reading.connection.execute(
        ordered(
            reading.connection, _STATEMENT.format(balances=balances, wallet=f"{_WALLET_CREDIT:d}")
        ),
        reading.extent.bound() | question.days(),
        execution_options={"yield_per": _CHUNK_ROWS},
    )
    total = 0
    for row in result:
        # PostgreSQL sums whole numbers to decimals.
        balance = int(row.balance)
        total += balance
        is_wallet = row.credit_account == _WALLET_CREDIT
        kind = AccountType.WALLET if is_wallet else AccountType.LIABILITY
        yield {
            "party": row.party_code,
            "kind": row.kind,
            "account_type": kind.value,
            "balance": question.amount(balance),
        }
    reading.totals["balance"] = question.amount(total)
