"""Totals: what each batch's postings come to, and what each party has by now.

Projections of the postings: a batch's sums by day, accounts and product, from which reports and
identities are had without walking a million postings, and the balance of each party.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE

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


_OF_BATCH = "p.account = :account AND p.batch_no = :batch_no AND p.posting_no > :postings_before"
_ADD_TOTALS = (
    "INSERT INTO batch_total (account, batch_no, effective_on, debit_account, credit_account,"
    " billing_code, postings, amount)"
    " SELECT CAST(:account AS TEXT), :batch_no, p.effective_on, p.debit_account,"
    " p.credit_account, COALESCE(p.billing_code, ''), COUNT(*), SUM(p.amount)"
    f" FROM posting p WHERE {_OF_BATCH}"
    # What differs most comes first: the rows are sorted, and most comparisons end there.
    " GROUP BY p.billing_code, p.effective_on, p.debit_account, p.credit_account"
)
_ADD_TO_BALANCES = (
    "INSERT INTO party_balance (account, party_no, credit_account, postings, balance)"
    " SELECT CAST(:account AS TEXT), m.party_no, m.credit_account, COUNT(*), SUM(m.amount)"
    f" FROM ({balance_moves(_OF_BATCH)}) m GROUP BY m.party_no, m.credit_account"
    " ON CONFLICT (account, party_no, credit_account) DO UPDATE SET"
    " postings = party_balance.postings + excluded.postings,"
    " balance = party_balance.balance + excluded.balance"
)


def add_totals(connection: Connection, *, account: str, batch_no: int, postings_before: int) -> int:
    """Store what a batch's postings come to, once all are written; return all they move.

    The amount is in minor units. `postings_before` is the last posting of the batch before.
    """
    values = {"account": account, "batch_no": batch_no, "postings_before": postings_before}
    connection.execute(sa.text(_ADD_TOTALS), values)
    connection.execute(sa.text(_ADD_TO_BALANCES), values)
    amount = connection.execute(
        sa.text(
            "SELECT COALESCE(SUM(amount), 0) FROM batch_total"
            " WHERE account = :account AND batch_no = :batch_no"
        ),
        {"account": account, "batch_no": batch_no},
    ).scalar_one()
    return int(amount)
