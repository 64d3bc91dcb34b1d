"""Balances: what each party has in credit, less what it owes. Negative: it owes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.figures.report import Question, Reading, Report, Row, answer

_SQL = Statements(__file__)

COLUMNS = ("party", "kind", "account_type", "balance")
_CHUNK_ROWS = 5_000

ACCOUNT_TYPES: Mapping[int, str] = MappingProxyType(
    {
        int(LedgerAccount.UNAPPLIED_FEES): AccountType.LIABILITY.value,
        int(LedgerAccount.WALLET_CREDIT): AccountType.WALLET.value,
        int(LedgerAccount.DEPOSITS): "DEPOSIT",
        int(LedgerAccount.ADVANCES): "ADVANCE",
    }
)
"""What a balance is of, by the account that its credit stands on."""


def report_balances(connection: Connection, question: Question) -> Report:
    """Return one row for each party and account type that ever moved.

    Deposits and advances, which are held and no balance of the party's, have rows where there is
    something. Narrowed to days, a balance is what changed on them. Rows are read as they are
    asked for: the connection must stay open.
    """
    return answer(connection, question, name="balances", columns=COLUMNS, rows=_rows)


def _rows(reading: Reading) -> Iterator[Row]:
    question = reading.question
    name = "find_balances" if question.covers_all_days else "find_changes"
    sums = dict.fromkeys(ACCOUNT_TYPES.values(), 0)
    for rows in _SQL.stream(reading.connection, name, reading.bound(), chunk_rows=_CHUNK_ROWS):
        for party, kind, credit_account, amount in rows:
            balance = int(amount)  # PostgreSQL sums whole numbers to decimals
            account_type = ACCOUNT_TYPES[credit_account]
            sums[account_type] += balance
            yield {
                "party": party,
                "kind": kind,
                "account_type": account_type,
                "balance": question.amount(balance),
            }
    owed = sums[AccountType.LIABILITY] + sums[AccountType.WALLET]
    reading.totals["balance"] = question.amount(owed)
    reading.totals["deposits"] = question.amount(sums["DEPOSIT"])
    reading.totals["advances"] = question.amount(sums["ADVANCE"])
