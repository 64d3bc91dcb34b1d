"""Identities: what has to be equal in books that are right, on any day, as known at any time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.extent import COUNTS, LATER, Extent
from ingestd.values.identifiers import AccountId

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
    """Return I1 to I5 for what an extent covers, by the totals and projections of the books."""
    return _identities(connection, (_SUMS, _BELOW_ZERO, _BEYOND), extent.bound())


def add_up_identities(connection: Connection, account: AccountId) -> list[Identity]:
    """Return I1 to I5 for everything, by the postings alone: what is kept beside is not asked."""
    statements = (_SUMS_OF_POSTINGS, _BELOW_ZERO_BY_POSTINGS, _BEYOND_BY_POSTINGS)
    return _identities(connection, statements, {"account": account})


def _identities(
    connection: Connection, statements: tuple[str, str, str], bound: Mapping[str, object]
) -> list[Identity]:
    sums, *outside = (connection.execute(sa.text(text), bound).one() for text in statements)
    # PostgreSQL sums whole numbers to decimals.
    owed, deferred, money, kept, clearing, pending = (int(value) for value in sums)
    below, beyond = (int(value) for [value] in outside)
    return [
        Identity(name="I1", left=owed, right=deferred),
        Identity(name="I2", left=money, right=kept),
        Identity(name="I3", left=clearing, right=pending),
        Identity(name="I4", left=below, right=0),
        Identity(name="I5", left=beyond, right=0),
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


def _lots(where: str) -> str:
    """Return SQL for what postings `p` leave of each credit lot: its key, and `amount`."""
    sides = " UNION ALL ".join(
        f"SELECT p.payment_no, p.{side}_account AS credit_account, p.{side}_party_no AS party_no,"
        f" {sign}p.amount AS amount FROM posting p WHERE {where} AND p.payment_no IS NOT NULL"
        f" AND p.{side}_account IN ({_numbers(_CREDITS)})"
        for side, sign in (("credit", ""), ("debit", "-"))
    )
    return (
        "SELECT l.payment_no, l.credit_account, l.party_no, SUM(l.amount) AS amount"
        f" FROM ({sides}) l GROUP BY l.payment_no, l.credit_account, l.party_no"
    )


_IS_RECEIVABLE = f"IN ({_numbers(_RECEIVABLE)})"


def moves_of_charges(where: str) -> str:
    """Return SQL for what left each charge's receivable by postings `p`: `charge_no` and two sums.

    It went to a customer's credit (`paid`), or back out of deferred revenue (`voided`). What was
    undone came back, and counts against it.
    """
    deferred = f"{LedgerAccount.DEFERRED_REVENUE:d}"
    return (
        f"SELECT p.charge_no, SUM(CASE WHEN p.debit_account = {deferred} THEN 0"
        f"  WHEN p.credit_account {_IS_RECEIVABLE} THEN p.amount ELSE -p.amount END) AS paid,"
        f" SUM(CASE WHEN p.debit_account = {deferred} THEN p.amount ELSE 0 END) AS voided"
        f" FROM posting p WHERE {where} AND p.charge_no IS NOT NULL"
        f" AND p.event <> 'charge' AND (p.credit_account {_IS_RECEIVABLE}"
        f"  OR (p.debit_account {_IS_RECEIVABLE} AND p.credit_account <> {deferred}))"
        " GROUP BY p.charge_no"
    )


_ALL = "p.account = :account"

# Sums without a GROUP BY: one pass, and nothing to sort.
_SIDES = ", ".join(
    (
        _balance("debit", "credit", _RECEIVABLE),
        _balance("credit", "debit", _DEFERRED),
        _balance("debit", "credit", _MONEY),
        _balance("credit", "debit", (*_REALISED, *_CREDITS, *_HELD)),
        _balance("debit", "credit", _CLEARING),
        _balance("credit", "debit", _PENDING),
    )
)
_SUMS = f"SELECT {_SIDES} FROM batch_total p WHERE {COUNTS.format('p')}"
_SUMS_OF_POSTINGS = f"SELECT {_SIDES} FROM posting p WHERE {_ALL}"

_LEFT = "(t.remaining - COALESCE(x.amount, 0))"
_BELOW_ZERO = (
    f"SELECT COALESCE(SUM(CASE WHEN {_LEFT} < 0 THEN -{_LEFT} ELSE 0 END), 0)"
    f" FROM credit_lot t LEFT JOIN ({_lots(LATER)}) x ON x.payment_no = t.payment_no"
    " AND x.credit_account = t.credit_account AND x.party_no = t.party_no"
    " WHERE t.account = :account"
)
_BELOW_ZERO_BY_POSTINGS = (
    "SELECT COALESCE(SUM(CASE WHEN x.amount < 0 THEN -x.amount ELSE 0 END), 0)"
    f" FROM ({_lots(_ALL)}) x"
)

_PAID = "(t.allocated - COALESCE(m.paid, 0))"
_GONE = f"({_PAID} + t.voided - COALESCE(m.voided, 0))"
_BEYOND = (
    f"SELECT COALESCE(SUM(CASE WHEN {_PAID} < 0 THEN -{_PAID} ELSE 0 END"
    f" + CASE WHEN {_GONE} > t.amount THEN {_GONE} - t.amount ELSE 0 END), 0)"
    f" FROM charge_state t LEFT JOIN ({moves_of_charges(LATER)}) m ON m.charge_no = t.charge_no"
    " WHERE t.account = :account"
)
# A LEFT JOIN keeps SQLite from walking all charges for each that has moved.
_BEYOND_BY_POSTINGS = (
    "SELECT COALESCE(SUM(CASE WHEN x.paid < 0 THEN -x.paid ELSE 0 END"
    " + CASE WHEN x.paid + x.voided > c.amount THEN x.paid + x.voided - c.amount ELSE 0 END), 0)"
    f" FROM ({moves_of_charges(_ALL)}) x LEFT JOIN charge c ON c.account = :account"
    " AND c.charge_no = x.charge_no"
)
