"""Agreement of projections: what is kept for speed has to be what the facts come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.audit.agreement import ALLOCATED_AMOUNT, Disagreement, Find
from ingestd.ledger.books.chart import BALANCE
from ingestd.ledger.books.totals import balance_moves
from ingestd.ledger.paying.open_charges import OPEN_AMOUNT, PLACED, PRODUCT, STATE
from ingestd.values.identifiers import AccountId

_CREDITS = f"({', '.join(f'{accounts.credit:d}' for accounts in BALANCE.values())})"

_STATES = f"""
SELECT c.batch_no, x.charge_no, x.allocated, x.voided, x.states FROM (
  SELECT y.charge_no, SUM(y.allocated) AS allocated, SUM(y.voided) AS voided,
    SUM(y.states) AS states FROM (
    SELECT s.charge_no, s.allocated, s.voided, 1 AS states FROM charge_state s
      WHERE s.account = :account
    UNION ALL SELECT a.charge_no, -({ALLOCATED_AMOUNT}), 0, 0 FROM allocation a
      WHERE a.account = :account
    UNION ALL SELECT f.charge_no, 0, -c.amount, 0 FROM refund f
      LEFT JOIN charge c ON c.account = f.account AND c.charge_no = f.charge_no
      WHERE f.account = :account
  ) y GROUP BY y.charge_no
  HAVING SUM(y.allocated) <> 0 OR SUM(y.voided) <> 0 OR SUM(y.states) = 0
) x LEFT JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no
"""
_STATE_AMOUNTS = """
SELECT c.batch_no, s.charge_no FROM charge_state s
LEFT JOIN charge c ON c.account = s.account AND c.charge_no = s.charge_no
WHERE s.account = :account AND (c.charge_no IS NULL OR c.amount <> s.amount)
"""


def find_charge_states(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find charges whose state is not what allocations and refunds make of it."""
    for row in connection.execute(sa.text(_STATES), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"charge {row.charge_no} has no state"
            if row.states == 0
            else f"charge {row.charge_no}: its state has {row.allocated} too much allocated"
            f" and {row.voided} too much voided, in minor units",
        )
    for row in connection.execute(sa.text(_STATE_AMOUNTS), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"charge {row.charge_no}: its state has another amount than the charge",
        )


_LOTS = f"""
SELECT y.batch_no, x.payment_no, x.ledger_account, x.remaining, x.lots FROM (
  SELECT l.payment_no, l.ledger_account, l.party_no, SUM(l.amount) AS remaining,
    SUM(l.lots) AS lots FROM (
    SELECT t.payment_no, t.credit_account AS ledger_account, t.party_no, t.remaining AS amount,
      1 AS lots FROM credit_lot t WHERE t.account = :account
    UNION ALL SELECT p.payment_no, p.credit_account, p.credit_party_no, -p.amount, 0
      FROM posting p WHERE p.account = :account AND p.payment_no IS NOT NULL
      AND p.credit_account IN {_CREDITS}
    UNION ALL SELECT p.payment_no, p.debit_account, p.debit_party_no, p.amount, 0
      FROM posting p WHERE p.account = :account AND p.payment_no IS NOT NULL
      AND p.debit_account IN {_CREDITS}
  ) l GROUP BY l.payment_no, l.ledger_account, l.party_no
  HAVING SUM(l.amount) <> 0 OR SUM(l.lots) <> 1
) x LEFT JOIN payment y ON y.account = :account AND y.payment_no = x.payment_no
"""
_LOTS_SETTLED = """
SELECT y.batch_no, t.payment_no FROM credit_lot t
LEFT JOIN payment y ON y.account = t.account AND y.payment_no = t.payment_no
LEFT JOIN payment_event e ON e.account = t.account AND e.payment_no = t.payment_no
  AND e.event = 'settled' AND e.batch_no = t.settled_batch_no
WHERE t.account = :account AND e.payment_no IS NULL
"""


def find_credit_lots(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find credit lots that are not what postings leave of them."""
    for row in connection.execute(sa.text(_LOTS), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"payment {row.payment_no}: there is no credit lot on {row.ledger_account}"
            if row.lots == 0
            else f"payment {row.payment_no}: its credit lot on {row.ledger_account} has"
            f" {row.remaining} minor units too much",
        )
    for row in connection.execute(sa.text(_LOTS_SETTLED), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"payment {row.payment_no}: its credit lot names a batch that it did not"
            " settle in",
        )


# Both sides once each: what is left over stands on one side only, or differs.
_OPEN_CHARGES = f"""
SELECT MAX(x.batch_no) AS batch_no, x.charge_no, SUM(x.side) AS side FROM (
  SELECT o.charge_no, o.party_no, o.credit_account, o.occurred_at, o.sort, o.batch_no, o.row,
    o.amount, 1 AS side FROM open_charge o WHERE o.account = :account
  UNION ALL SELECT c.charge_no, {PLACED}, {OPEN_AMOUNT}, -1 FROM charge c {STATE} {PRODUCT}
  WHERE c.account = :account AND {OPEN_AMOUNT} > 0
) x GROUP BY x.charge_no, x.party_no, x.credit_account, x.occurred_at, x.sort, x.batch_no, x.row,
  x.amount HAVING SUM(x.side) <> 0 ORDER BY x.charge_no, 3
"""


def find_open_charges(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find open charges that are not what charges, their states and products make of them."""
    for row in connection.execute(sa.text(_OPEN_CHARGES), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"charge {row.charge_no}: what is left to pay, or its place, is not what"
            + (" is kept" if row.side < 0 else " the facts make of it"),
        )


_BATCH_TOTALS = """
SELECT x.batch_no, x.effective_on, x.debit_account, x.credit_account, SUM(x.amount) AS amount
FROM (
  SELECT b.batch_no, b.effective_on, b.debit_account, b.credit_account, b.billing_code,
    b.postings, b.amount FROM batch_total b WHERE b.account = :account
  UNION ALL SELECT p.batch_no, p.effective_on, p.debit_account, p.credit_account,
    COALESCE(p.billing_code, ''), -COUNT(*), -SUM(p.amount) FROM posting p
  WHERE p.account = :account GROUP BY 1, 2, 3, 4, 5
) x GROUP BY x.batch_no, x.effective_on, x.debit_account, x.credit_account, x.billing_code
HAVING SUM(x.amount) <> 0 OR SUM(x.postings) <> 0
"""


def find_batch_totals(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find totals of batches that are not what their postings come to."""
    for row in connection.execute(sa.text(_BATCH_TOTALS), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"its total of {row.debit_account} / {row.credit_account} on"
            f" {row.effective_on} has {row.amount} minor units too much",
        )


_PARTY_BALANCES = f"""
SELECT y.batch_no, x.party_no, x.credit_account, x.amount FROM (
  SELECT m.party_no, m.credit_account, SUM(m.amount) AS amount FROM (
    SELECT b.party_no, b.credit_account, b.postings, b.balance AS amount FROM party_balance b
    WHERE b.account = :account
    UNION ALL SELECT l.party_no, l.credit_account, -COUNT(*), -SUM(l.amount)
    FROM ({balance_moves("p.account = :account")}) l GROUP BY l.party_no, l.credit_account
  ) m GROUP BY m.party_no, m.credit_account
  HAVING SUM(m.amount) <> 0 OR SUM(m.postings) <> 0
) x LEFT JOIN party y ON y.account = :account AND y.party_no = x.party_no
"""


def find_party_balances(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find balances of parties that are not what postings come to."""
    for row in connection.execute(sa.text(_PARTY_BALANCES), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"party {row.party_no}: its balance on {row.credit_account} has {row.amount}"
            " minor units too much",
        )


_WITHOUT_KEY = """
SELECT c.batch_no, c.charge_no FROM charge c
LEFT JOIN charge_key e ON e.account = c.account AND e.tracking_id = c.tracking_id
WHERE c.account = :account AND e.charge_no IS DISTINCT FROM c.charge_no
"""
_STRAY_KEYS = """
SELECT c.batch_no, e.charge_no FROM charge_key e
LEFT JOIN charge c ON c.account = e.account AND c.charge_no = e.charge_no
WHERE e.account = :account AND c.tracking_id IS DISTINCT FROM e.tracking_id
"""
_MORE_KEYS = """
SELECT (SELECT COUNT(*) FROM charge_key e WHERE e.account = :account)
  > (SELECT COUNT(*) FROM charge c WHERE c.account = :account)
"""


def find_charge_keys(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find charges that do not hold their key, and keys that no charge has."""
    values = {"account": account}
    for row in connection.execute(sa.text(_WITHOUT_KEY), values):
        yield Disagreement(
            batch_no=row.batch_no, message=f"charge {row.charge_no} does not hold its key"
        )
    # Where each charge holds its own there are as many, or strays beside them.
    if connection.execute(sa.text(_MORE_KEYS), values).scalar_one():
        for row in connection.execute(sa.text(_STRAY_KEYS), values):
            yield Disagreement(
                batch_no=row.batch_no,
                message=f"a key is held for charge {row.charge_no}, which has another",
            )


AGREEMENTS_OF_PROJECTIONS: Mapping[str, Find] = MappingProxyType(
    {
        "charge_keys": find_charge_keys,
        "charge_states": find_charge_states,
        "credit_lots": find_credit_lots,
        "open_charges": find_open_charges,
        "batch_totals": find_batch_totals,
        "party_balances": find_party_balances,
    }
)
"""Every check of projections with the facts, by its public name."""
