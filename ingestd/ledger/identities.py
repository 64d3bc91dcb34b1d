"""Identities: what has to be equal in books that are right, on any day, as known at any time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.chart import LedgerAccount
from ingestd.ledger.extent import COUNTS, Extent

_RECEIVABLE = (LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET)
_DEFERRED = (LedgerAccount.DEFERRED_REVENUE,)
_MONEY = (LedgerAccount.BANK, LedgerAccount.CASH)
_REALISED = (LedgerAccount.REALISED_REVENUE, LedgerAccount.DISCOUNTS)
_CREDITS = (LedgerAccount.WALLET_CREDIT, LedgerAccount.UNAPPLIED_FEES)
_HELD = (
    *(LedgerAccount.TAX, LedgerAccount.BUILDING_FUND, LedgerAccount.DEPOSITS),
    *(LedgerAccount.ADVANCES, LedgerAccount.OTHER_GL),
)
_CLEARING = (LedgerAccount.CLEARING,)
_PENDING = (LedgerAccount.PENDING_RECEIPTS,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Two amounts in minor units that have to be equal.

    I1: what is owed is revenue that is not realised yet. I2: money at hand is realised revenue
    less discounts, customers' credit, and funds held for others. I3: what clears is pending.
    I4 and I5: on the left what lies beyond the bounds together, a credit below zero, or a charge
    that is paid less than nothing or beyond its amount; nothing does on the right.
    """

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.left == self.right


def read_identities(connection: Connection, extent: Extent) -> list[Identity]:
    """Return I1 to I5, by the postings that an extent covers."""
    sums = connection.execute(sa.text(_SUMS), extent.bound()).one()
    below = connection.execute(sa.text(_BELOW_ZERO), extent.bound()).scalar_one()
    beyond = connection.execute(sa.text(_BEYOND), extent.bound()).scalar_one()
    # PostgreSQL sums whole numbers to decimals.
    owed, deferred, money, kept, clearing, pending = (int(value) for value in sums)
    return [
        Identity(name="I1", left=owed, right=deferred),
        Identity(name="I2", left=money, right=kept),
        Identity(name="I3", left=clearing, right=pending),
        Identity(name="I4", left=int(below), right=0),
        Identity(name="I5", left=int(beyond), right=0),
    ]


def _numbers(accounts: Collection[LedgerAccount]) -> str:
    return ", ".join(f"{account:d}" for account in accounts)


def _balance(plus: str, minus: str, accounts: Collection[LedgerAccount]) -> str:
    """Return SQL for what accounts got on one side, less what they got on the other."""
    numbers = _numbers(accounts)
    return (
        f"COALESCE(SUM(CASE WHEN p.{plus}_account IN ({numbers}) THEN"
        f"  CASE WHEN p.{minus}_account IN ({numbers}) THEN 0 ELSE p.amount END"
        f" WHEN p.{minus}_account IN ({numbers}) THEN -p.amount END), 0)"
    )


# Sums without a GROUP BY: one pass, and no million rows to sort.
_SUMS = (
    "SELECT "
    + ", ".join(
        (
            _balance("debit", "credit", _RECEIVABLE),
            _balance("credit", "debit", _DEFERRED),
            _balance("debit", "credit", _MONEY),
            _balance("credit", "debit", (*_REALISED, *_CREDITS, *_HELD)),
            _balance("debit", "credit", _CLEARING),
            _balance("credit", "debit", _PENDING),
        )
    )
    + f" FROM posting p WHERE {COUNTS.format('p')}"
)

_LOT_SIDE = (
    "SELECT p.payment_no, p.{side}_account AS ledger_account, p.{side}_party_no AS party_no,"
    " {sign}p.amount AS amount FROM posting p"
    f" WHERE {COUNTS.format('p')} AND p.payment_no IS NOT NULL"
    f" AND p.{{side}}_account IN ({_numbers(_CREDITS)})"
)
LOTS = (
    "SELECT l.payment_no, l.ledger_account, l.party_no, SUM(l.amount) AS remaining"
    f" FROM ({_LOT_SIDE.format(side='credit', sign='')}"
    f" UNION ALL {_LOT_SIDE.format(side='debit', sign='-')}) l"
    " GROUP BY l.payment_no, l.ledger_account, l.party_no"
)
"""SQL for what postings leave of each credit lot."""

_BELOW_ZERO = (
    "SELECT COALESCE(SUM(CASE WHEN x.remaining < 0 THEN -x.remaining ELSE 0 END), 0)"
    f" FROM ({LOTS}) x"
)

_IS_RECEIVABLE = f"IN ({_numbers(_RECEIVABLE)})"
MOVED = (
    "SELECT p.charge_no,"
    f" SUM(CASE WHEN p.debit_account = {LedgerAccount.DEFERRED_REVENUE:d} THEN 0"
    f"  WHEN p.credit_account {_IS_RECEIVABLE} THEN p.amount ELSE -p.amount END) AS paid,"
    f" SUM(CASE WHEN p.debit_account = {LedgerAccount.DEFERRED_REVENUE:d} THEN p.amount"
    "  ELSE 0 END) AS voided"
    f" FROM posting p WHERE {COUNTS.format('p')} AND p.charge_no IS NOT NULL"
    f" AND p.event <> 'charge' AND (p.credit_account {_IS_RECEIVABLE}"
    f"  OR (p.debit_account {_IS_RECEIVABLE}"
    f"   AND p.credit_account <> {LedgerAccount.DEFERRED_REVENUE:d}))"
    " GROUP BY p.charge_no"
)
"""SQL for what left each charge's receivable: to a customer's credit (`paid`), or back out of
deferred revenue (`voided`). What was undone came back, and counts against it."""

# A LEFT JOIN keeps SQLite from walking all charges for each that has moved.
_BEYOND = (
    "SELECT COALESCE(SUM(CASE WHEN x.paid < 0 THEN -x.paid ELSE 0 END"
    " + CASE WHEN x.paid + x.voided > c.amount THEN x.paid + x.voided - c.amount ELSE 0 END), 0)"
    f" FROM ({MOVED}) x LEFT JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no"
)
