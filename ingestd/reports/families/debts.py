"""Debts: what one family or party owes, by age, and what is on its way from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from ingestd.ledger.books.chart import PartyKind
from ingestd.reports.families.household import Household
from ingestd.reports.families.passbook import FEES_RECEIVABLES, Charge, Payment
from ingestd.reports.figures.ages import BUCKETS, bucket_of
from ingestd.reports.known.contacts import Contact, read_contact, read_students_of
from ingestd.values.identifiers import AccountId


@dataclass(slots=True, kw_only=True)
class Debt:
    """What a family owes in fees by age, what its wallets owe, and what is pending of it.

    Amounts are in minor units. `last_paid_on` is the last day, as the books count days, on which
    it gave money that settled and did not come back.
    """

    kind: PartyKind
    code: str
    by_age: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    wallet_open: int = 0
    pending: int = 0
    last_paid_on: int | None = None

    @property
    def open(self) -> int:
        """What is open in fees."""
        return sum(self.by_age)

    def add_pending(self, pending: int, last_paid_on: int | None) -> None:
        """Add what one more of its members has given."""
        self.pending += pending
        if last_paid_on is not None:
            self.last_paid_on = max(self.last_paid_on or 0, last_paid_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCharge:
    """A charge of which something is open, in minor units."""

    charge: Charge
    open: int

    @property
    def is_fee(self) -> bool:
        """Whether money for fees pays it, and not a wallet's."""
        return self.charge.receivable_account in FEES_RECEIVABLES


def open_charges_of(household: Household) -> list[OpenCharge]:
    """Return what the household's members have open, oldest first."""
    left = household.passbook.open_amounts(as_of=household.day, known_batch=household.known_batch)
    charges = household.passbook.charges
    found = [
        OpenCharge(charge=charges[charge_no], open=amount)
        for charge_no, amount in left.items()
        if charges[charge_no].party_no in household.belonging
    ]
    return sorted(found, key=lambda each: (each.charge.occurred_at, each.charge.charge_no))


def debt_of(household: Household, starts: dict[str, object]) -> Debt:
    """Return what a household owes; `starts` are when the youngest ages begin."""
    debt = Debt(kind=household.kind, code=household.code)
    for each in open_charges_of(household):
        if each.is_fee:
            debt.by_age[bucket_of(each.charge.occurred_at, starts)] += each.open
        else:
            debt.wallet_open += each.open
    belonging = household.belonging
    for payment in household.passbook.payments.values():
        if payment.party_no in belonging:
            debt.add_pending(*_given(payment, household))
    return debt


def pending_of(household: Household) -> list[Payment]:
    """Return the payments of the household's members that nothing has become of yet."""
    belonging = household.belonging
    return [
        payment
        for payment in household.passbook.payments.values()
        if payment.party_no in belonging and _given(payment, household)[0]
    ]


def contact_of(connection: Connection, account: AccountId, household: Household) -> Contact:
    """Return how who answers for a household is reached."""
    return read_contact(
        connection,
        account,
        household.kind,
        household.code,
        known_batch=household.known_batch,
    )


def students_of(connection: Connection, account: AccountId, household: Household) -> Sequence[str]:
    """Return the students of a household, in order: the roster's, and who moved as they moved."""
    if household.family is None:
        return [household.code] if household.kind is PartyKind.STUDENT else []
    students = read_students_of(
        connection, account, household.family, known_batch=household.known_batch
    )
    belonging = household.belonging
    for member in household.members:
        if member.kind is PartyKind.STUDENT:
            students.discard(member.code)
            if member.party_no in belonging:
                students.add(member.code)
    return sorted(students, key=str.encode)


def _given(payment: Payment, household: Household) -> tuple[int, int | None]:
    """Return what of a payment is pending, and the day it was given where it settled for good."""
    if payment.received_on > household.day or payment.batch_no > household.known_batch:
        return 0, None
    events = {
        became.event
        for became in payment.became
        if became.effective_on <= household.day and became.batch_no <= household.known_batch
    }
    return (
        0 if events else payment.amount,
        payment.received_on if events == {"settled"} else None,
    )
