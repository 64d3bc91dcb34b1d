"""Agreement: what the books hold twice has to be the same. Each check is one statement.

Most are differences of two sides: one side is added, the other one taken away, and whatever is
left over differs. That costs one sort, however many rows agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.chart import BALANCE, CHARGED, LedgerAccount
from ingestd.ledger.post import RECEIVABLE_OF_CHARGE
from ingestd.values.identifiers import AccountId

_RECEIVABLE = f"({', '.join(f'{move.debit:d}' for move in CHARGED.values())})"
_CREDITS = f"({', '.join(f'{accounts.credit:d}' for accounts in BALANCE.values())})"
_DEFERRED = f"{LedgerAccount.DEFERRED_REVENUE:d}"
_REALISED = f"{LedgerAccount.REALISED_REVENUE:d}"
_ALLOCATED = "CASE WHEN a.reverses_allocation_no IS NULL THEN a.amount ELSE -a.amount END"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two places that should say the same, and the batch that they belong to."""

    batch_no: int | None
    message: str


_CHARGES = (
    "SELECT c.batch_no, c.charge_no, c.party_no, c.billing_code, c.amount, c.effective_on,"
    f" {RECEIVABLE_OF_CHARGE} AS receivable FROM charge c"
    " WHERE c.account = :account AND c.amount > 0"
)
_CHARGE_POSTINGS = (
    "SELECT p.batch_no, p.charge_no, p.debit_party_no, p.billing_code, p.amount, p.effective_on,"
    " p.debit_account FROM posting p WHERE p.account = :account"
    f" AND p.credit_account = {_DEFERRED} AND p.debit_account IN {_RECEIVABLE}"
)


def find_charges_and_postings(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find charges without exactly their posting, and postings of a charge that say otherwise."""
    values = {"account": account}
    for row in connection.execute(sa.text(f"{_CHARGES} EXCEPT {_CHARGE_POSTINGS}"), values):
        yield Disagreement(
            batch_no=row.batch_no, message=f"charge {row.charge_no} has no posting that fits it"
        )
    for row in connection.execute(sa.text(f"{_CHARGE_POSTINGS} EXCEPT {_CHARGES}"), values):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"a posting of charge {row.charge_no} fits no charge",
        )
    # EXCEPT does not see that a charge was posted twice; only then is it worth looking for.
    count = "SELECT (SELECT COUNT(*) FROM ({}) x) - (SELECT COUNT(*) FROM ({}) y)"
    if connection.execute(sa.text(count.format(_CHARGE_POSTINGS, _CHARGES)), values).scalar_one():
        for row in connection.execute(
            sa.text(
                f"SELECT x.charge_no, MAX(x.batch_no) AS batch_no FROM ({_CHARGE_POSTINGS}) x"
                " GROUP BY x.charge_no HAVING COUNT(*) > 1"
            ),
            values,
        ):
            yield Disagreement(
                batch_no=row.batch_no, message=f"charge {row.charge_no} is posted more than once"
            )


_ALLOCATION_POSTINGS = f"""
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, a.credit_account, a.party_no,
    {_ALLOCATED} AS amount FROM allocation a WHERE a.account = :account
  UNION ALL SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.debit_account,
    p.debit_party_no, -p.amount FROM posting p WHERE p.account = :account
    AND p.debit_account IN {_CREDITS} AND p.credit_account IN {_RECEIVABLE}
  UNION ALL SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no, p.credit_account,
    p.credit_party_no, p.amount FROM posting p WHERE p.account = :account
    AND p.credit_account IN {_CREDITS} AND p.debit_account IN {_RECEIVABLE}
) x GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on, x.credit_account, x.party_no
HAVING SUM(x.amount) <> 0
"""
_REALISED_POSTINGS = f"""
SELECT x.batch_no, x.payment_no, x.charge_no, SUM(x.amount) AS amount FROM (
  SELECT a.batch_no, a.effective_on, a.payment_no, a.charge_no, {_ALLOCATED} AS amount
    FROM allocation a WHERE a.account = :account
  UNION ALL SELECT p.batch_no, p.effective_on, p.payment_no, p.charge_no,
    CASE WHEN p.credit_account = {_REALISED} THEN -p.amount ELSE p.amount END
    FROM posting p WHERE p.account = :account
    AND ((p.debit_account = {_DEFERRED} AND p.credit_account = {_REALISED})
      OR (p.debit_account = {_REALISED} AND p.credit_account = {_DEFERRED}))
) x GROUP BY x.batch_no, x.payment_no, x.charge_no, x.effective_on HAVING SUM(x.amount) <> 0
"""


def find_allocations_and_postings(
    connection: Connection, account: AccountId
) -> Iterator[Disagreement]:
    """Find where allocations and what was posted for them differ: the credit or the revenue."""
    for statement, posted in (
        (_ALLOCATION_POSTINGS, "paid"),
        (_REALISED_POSTINGS, "realised"),
    ):
        for row in connection.execute(sa.text(statement), {"account": account}):
            yield Disagreement(
                batch_no=row.batch_no,
                message=f"payment {row.payment_no} and charge {row.charge_no}: allocations and"
                f" what was posted as {posted} differ by {row.amount} minor units",
            )


# A LEFT JOIN keeps the order: each reversal looks its posting up.
_REVERSALS = """
SELECT r.batch_no, r.posting_no FROM posting r
LEFT JOIN posting o ON o.account = r.account AND o.posting_no = r.reverses_posting_no
  AND o.debit_account = r.credit_account AND o.credit_account = r.debit_account
  AND o.amount = r.amount AND o.posting_no < r.posting_no
WHERE r.account = :account AND r.reverses_posting_no IS NOT NULL AND o.posting_no IS NULL
"""
_REVERSED_TWICE = """
SELECT MAX(r.batch_no) AS batch_no, r.reverses_posting_no AS posting_no FROM posting r
WHERE r.account = :account AND r.reverses_posting_no IS NOT NULL
GROUP BY r.reverses_posting_no HAVING COUNT(*) > 1
"""


def find_reversals(connection: Connection, account: AccountId) -> Iterator[Disagreement]:
    """Find postings that do not undo exactly what they say, or what was undone before."""
    for row in connection.execute(sa.text(_REVERSALS), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no,
            message=f"posting {row.posting_no} is not the mirror of the one that it reverses",
        )
    for row in connection.execute(sa.text(_REVERSED_TWICE), {"account": account}):
        yield Disagreement(
            batch_no=row.batch_no, message=f"posting {row.posting_no} is reversed more than once"
        )


_STATES = f"""
SELECT c.batch_no, x.charge_no, x.allocated, x.voided, x.states FROM (
  SELECT y.charge_no, SUM(y.allocated) AS allocated, SUM(y.voided) AS voided,
    SUM(y.states) AS states FROM (
    SELECT s.charge_no, s.allocated, s.voided, 1 AS states FROM charge_state s
      WHERE s.account = :account
    UNION ALL SELECT a.charge_no, -({_ALLOCATED}), 0, 0 FROM allocation a
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


Find = Callable[[Connection, AccountId], Iterator[Disagreement]]

AGREEMENTS: Mapping[str, Find] = MappingProxyType(
    {
        "charge_postings": find_charges_and_postings,
        "allocation_postings": find_allocations_and_postings,
        "reversals": find_reversals,
        "charge_states": find_charge_states,
        "credit_lots": find_credit_lots,
    }
)
"""Every check, by its public name."""
