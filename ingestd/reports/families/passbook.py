"""Passbooks: everything that ever moved the balances of some parties, found by index.

What it costs goes by what they did, whatever the books hold beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType
from typing import Final

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

# What a party has in credit less what it owes: 1120 and 1130 are what was paid out and is owed
# back, 2015 discounts that wait.
_TYPES: Final[Mapping[int, AccountType]] = MappingProxyType(
    {
        1100: AccountType.LIABILITY,
        1120: AccountType.LIABILITY,
        int(LedgerAccount.UNAPPLIED_FEES): AccountType.LIABILITY,
        2015: AccountType.LIABILITY,
        1110: AccountType.WALLET,
        1130: AccountType.WALLET,
        int(LedgerAccount.WALLET_CREDIT): AccountType.WALLET,
    }
)
_CREDITS = frozenset({2000, 2010, 2015})
_BAD_DEBTS = 4950
FEES_RECEIVABLES = frozenset({1100, 1120})
PAYOUT_RECEIVABLES = frozenset({1120, 1130})
RECEIVABLES = FEES_RECEIVABLES | frozenset({1110, 1130})
# The posting by which a charge itself came, where a command made it.
CHARGED_BY_COMMAND = frozenset({"sale", "penalty", "payout"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a party was charged with, or was paid out; amounts in minor units."""

    charge_no: int
    tracking_id: str
    party_no: int
    receivable_account: int
    billing_code: str
    amount: int
    note: str
    occurred_at: int
    effective_on: int
    batch_no: int

    @property
    def is_payout(self) -> bool:
        """Whether it was paid out, and is owed back where something is open of it."""
        return self.receivable_account in PAYOUT_RECEIVABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """A posting that names one of the parties, on either side."""

    posting_no: int
    batch_no: int
    event: str
    effective_on: int
    debit_account: int
    credit_account: int
    amount: int
    debit_party_no: int | None
    credit_party_no: int | None
    charge_no: int | None
    payment_no: int | None

    def taken(self) -> tuple[int, int, int]:
        """Return what of its charge was paid, taken back and written off by it; undone is less.

        As the view `charge_move` says it of all postings.
        """
        if self.credit_account in RECEIVABLES:
            other, amount = self.debit_account, self.amount
        elif self.debit_account in RECEIVABLES and self.credit_account in (*_CREDITS, _BAD_DEBTS):
            other, amount = self.credit_account, -self.amount
        else:
            return 0, 0, 0
        if other in _CREDITS:
            return amount, 0, 0
        if other == _BAD_DEBTS or self.event == "write_off":
            return 0, 0, amount
        return 0, amount, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Became:
    """What became of a payment: settled, returned or voided, on which day, by which batch."""

    event: str
    effective_on: int
    batch_no: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment, in minor units, and what became of it."""

    payment_no: int
    payment_id: str
    party_no: int
    kind: str
    amount: int
    received_on: int
    batch_no: int
    receipt_num: str | None
    became: tuple[Became, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one posting does to one party's balance: more in credit, or less and owed."""

    party_no: int
    account_type: AccountType
    amount: int
    effective_on: int
    batch_no: int
    posting_no: int
    event: str
    charge_no: int | None
    payment_no: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passbook:
    """The charges, postings and payments of some parties, from first to last."""

    members: frozenset[int]
    charges: Mapping[int, Charge]
    postings: Sequence[Posting]
    payments: Mapping[int, Payment]
    balances: Mapping[tuple[int, AccountType], int]

    def effects(self) -> list[Effect]:
        """Return what moved the parties' balances, one effect for each side of theirs."""
        by_command = {
            posting.charge_no for posting in self.postings if posting.event in CHARGED_BY_COMMAND
        }
        found = [
            _effect_of(charge)
            for charge in self.charges.values()
            if charge.charge_no not in by_command and charge.amount
        ]
        for posting in self.postings:
            sides = (
                (posting.credit_party_no, posting.credit_account, posting.amount),
                (posting.debit_party_no, posting.debit_account, -posting.amount),
            )
            found.extend(
                Effect(
                    party_no=party_no,
                    account_type=_TYPES[account],
                    amount=amount,
                    effective_on=posting.effective_on,
                    batch_no=posting.batch_no,
                    posting_no=posting.posting_no,
                    event=posting.event,
                    charge_no=posting.charge_no,
                    payment_no=posting.payment_no,
                )
                for party_no, account, amount in sides
                if party_no in self.members and account in _TYPES
            )
        return found

    def taken(self, *, as_of: int, known_batch: int) -> dict[int, tuple[int, int, int]]:
        """Return what of each charge of an extent is paid, taken back and written off in it."""
        sums = {
            charge.charge_no: (0, 0, 0)
            for charge in self.charges.values()
            if charge.effective_on <= as_of and charge.batch_no <= known_batch
        }
        for posting in self.postings:
            is_within = posting.effective_on <= as_of and posting.batch_no <= known_batch
            if is_within and posting.charge_no in sums:
                paid, voided, written_off = sums[posting.charge_no]
                more = posting.taken()
                sums[posting.charge_no] = (
                    *(paid + more[0], voided + more[1]),
                    written_off + more[2],
                )
        return sums

    def open_amounts(self, *, as_of: int, known_batch: int) -> dict[int, int]:
        """Return what is open of each charge in an extent, where something is."""
        left = {
            charge_no: self.charges[charge_no].amount - sum(taken)
            for charge_no, taken in self.taken(as_of=as_of, known_batch=known_batch).items()
        }
        return {charge_no: amount for charge_no, amount in left.items() if amount}


def read_passbook(connection: Connection, account: AccountId, members: Sequence[int]) -> Passbook:
    """Return all that ever moved some parties' balances, whether a question knows of it or not."""
    values: dict[str, object] = {"account": account, "members": list(members)}
    charges = {
        row.charge_no: Charge(
            charge_no=row.charge_no,
            tracking_id=row.tracking_id,
            party_no=row.party_no,
            receivable_account=row.receivable_account,
            billing_code=row.billing_code,
            amount=row.amount,
            note=row.note or "",
            occurred_at=row.occurred_at,
            effective_on=row.effective_on,
            batch_no=row.batch_no,
        )
        for row in _SQL.run(connection, "find_charges", values)
    }
    values["charges"] = list(charges)
    postings = [Posting(**row._asdict()) for row in _SQL.run(connection, "find_postings", values)]
    values["payments"] = sorted(
        {posting.payment_no for posting in postings if posting.payment_no is not None}
    )
    return Passbook(
        members=frozenset(members),
        charges=charges,
        postings=postings,
        payments=_payments(connection, values),
        balances={
            (row.party_no, _TYPES[row.credit_account]): int(row.balance)
            for row in _SQL.run(connection, "find_balances", values)
        },
    )


def _payments(connection: Connection, values: Mapping[str, object]) -> dict[int, Payment]:
    found: dict[int, Payment] = {}
    rows = _SQL.run(connection, "find_payments", values)
    for payment_no, group in groupby(rows, key=lambda row: row.payment_no):
        events = list(group)
        first = events[0]
        found[payment_no] = Payment(
            payment_no=payment_no,
            payment_id=first.payment_id,
            party_no=first.party_no,
            kind=first.kind,
            amount=first.amount,
            received_on=first.received_on,
            batch_no=first.batch_no,
            receipt_num=first.receipt_num,
            became=tuple(
                Became(
                    event=row.event,
                    effective_on=row.event_on,
                    batch_no=row.event_batch_no,
                    reason=row.reason,
                )
                for row in events
                if row.event is not None
            ),
        )
    return found


def _effect_of(charge: Charge) -> Effect:
    return Effect(
        party_no=charge.party_no,
        account_type=_TYPES[charge.receivable_account],
        amount=-charge.amount,
        effective_on=charge.effective_on,
        batch_no=charge.batch_no,
        posting_no=0,
        event="charge",
        charge_no=charge.charge_no,
        payment_no=None,
    )
