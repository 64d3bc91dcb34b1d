"""Totals: what each batch's postings come to, and what each party has by now.

Projections of the postings: a batch's sums by day, accounts and product, from which reports and
identities are had without walking a million postings, and the balance of each party.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE

_SQL = Statements(__file__)

_WALLET = BALANCE[AccountType.WALLET]
_FEES = BALANCE[AccountType.LIABILITY]
_WALLETS = f"({_WALLET.receivable:d}, {_WALLET.credit:d})"
_BALANCES = f"({_FEES.receivable:d}, {_FEES.credit:d}, {_WALLET.receivable:d}, {_WALLET.credit:d})"

_SIDE = (
    "SELECT p.{side}_party_no AS party_no, CASE WHEN p.{side}_account IN "
    f"{_WALLETS} THEN {_WALLET.credit:d} ELSE {_FEES.credit:d} END AS credit_account,"
    " {sign}p.amount AS amount FROM posting p WHERE {where}"
    f" AND p.{{side}}_party_no IS NOT NULL AND p.{{side}}_account IN {_BALANCES}"
)


def balance_moves(where: str) -> str:
    """Return SQL for what postings `p` do to balances: `party_no, credit_account, amount`.

    Each posting has two sides: on the accounts that make up a balance, the credit side adds to
    its party's balance and the debit side takes from it. A balance goes by its credit account.
    """
    credit = _SIDE.format(side="credit", sign="", where=where)
    return f"{credit} UNION ALL {_SIDE.format(side='debit', sign='-', where=where)}"


def add_totals(connection: Connection, *, account: str, batch_no: int, postings_before: int) -> int:
    """Store what a batch's postings come to, once all are written; return all they move.

    The amount is in minor units. `postings_before` is the last posting of the batch before.
    """
    values = {"account": account, "batch_no": batch_no, "postings_before": postings_before}
    _SQL.run(connection, "add_totals", values)
    _SQL.run(connection, "add_to_balances", values)
    amount = _SQL.run(connection, "sum_batch", values).scalar_one()
    return int(amount)
