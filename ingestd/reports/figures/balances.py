"""Balances: what each party has in credit, less what it owes. Negative: it owes."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = ("party", "kind", "account_type", "balance")
_CHUNK_ROWS = 5_000

_WALLET_CREDIT = BALANCE[AccountType.WALLET].credit


def report_balances(connection: Connection, question: Question) -> Report:
    """Return one row for each party and account type that ever moved.

    Narrowed to days, a balance is what changed on them. Rows are read as they are asked for:
    the connection must stay open.
    """
    return answer(connection, question, name="balances", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    bound = reading.extent.bound() | question.days()
    name = "find_balances" if question.covers_all_days else "find_changes"
    total = 0
    for rows in _SQL.stream(reading.connection, name, bound, chunk_rows=_CHUNK_ROWS):
        for party, kind, credit_account, amount in rows:
            balance = int(amount)  # PostgreSQL sums whole numbers to decimals
            total += balance
            is_wallet = credit_account == _WALLET_CREDIT
            yield {
                "party": party,
                "kind": kind,
                "account_type": (AccountType.WALLET if is_wallet else AccountType.LIABILITY).value,
                "balance": question.amount(balance),
            }
    reading.totals["balance"] = question.amount(total)
