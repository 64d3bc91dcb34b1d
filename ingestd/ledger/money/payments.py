"""Payments: received, pending until they settle, and what settled money becomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.values.days import Day

SETTLED, VOIDED = "settled", "voided"

CASH = "cash"

_SQL = Statements(__file__)

CHOSEN = Temporary("stage_chosen", {"payment_no": "whole"}, key=("payment_no",))
"""The payments that something is done to; the caller fills it, or `choose_payment`."""

_TURNED = Temporary("stage_turned", {"posting_no": "whole"}, key=("posting_no",))


class PartKind(StrEnum):
    """What a part of a payment is for."""

    FEE = "fee"
    DISCOUNT = "discount"
    WALLET = "wallet"
    BUILDING = "building"
    OTHER = "other"
    TAX = "tax"
    GL = "gl"
    DEPOSIT = "deposit"
    ADVANCE = "advance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a payment, in minor units above zero; `party_no` is whose credit it becomes."""

    kind: PartKind
    amount: int
    party_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """A payment as it is received. `amount` is the cash: the parts without the discount.

    `kind` is how it came: `cash` settles when it is received. `for_charge_no` is the charge that
    it names, `submitted_at` microseconds since 1970.
    """

    payment_id: str
    content_hash: bytes
    kind: str
    party_no: int
    amount: int
    submitted_at: int
    parts: tuple[Part, ...]
    for_charge_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayment:
    """What the books say of a payment; `status` is pending, settled, returned or voided."""

    payment_no: int
    payment_id: str
    content_hash: bytes
    kind: str
    party_no: int
    amount: int
    received_on: Day
    status: str
    settled_on: Day | None
    returned_on: Day | None
    voided_on: Day | None


def find_payment(entry: Entry, payment_id: str) -> StoredPayment | None:
    """Return a payment by its id, as it stands now; None when there is none."""
    values = {"account": entry.head.account, "payment_id": payment_id}
    row = _SQL.run(entry.connection, "find_payment", values).one_or_none()
    if row is None:
        return None
    status = "pending"
    if row.voided_on is not None:
        status = "voided"
    elif row.returned_on is not None:
        status = "returned"
    elif row.settled_on is not None:
        status = "settled"
    return StoredPayment(
        payment_no=row.payment_no,
        payment_id=row.payment_id,
        content_hash=row.content_hash,
        kind=row.kind,
        party_no=row.party_no,
        amount=row.amount,
        received_on=Day(row.received_on),
        status=status,
        settled_on=_day(row.settled_on),
        returned_on=_day(row.returned_on),
        voided_on=_day(row.voided_on),
    )


def receive_payment(entry: Entry, payment: NewPayment) -> int:
    """Write down a payment that was received; return its number."""
    head = entry.head
    head.payments += 1
    values = {
        "account": head.account,
        "payment_no": head.payments,
        "batch_no": entry.batch.batch_no,
    }
    _SQL.run(
        entry.connection,
        "insert_payment",
        {
            **values,
            "payment_id": payment.payment_id,
            "content_hash": payment.content_hash,
            "kind": payment.kind,
            "party_no": payment.party_no,
            "amount": payment.amount,
            "submitted_at": payment.submitted_at,
            "day": entry.day,
            "for_charge_no": payment.for_charge_no,
        },
    )
    for part_no, part in enumerate(payment.parts, start=1):
        _SQL.run(
            entry.connection,
            "insert_part",
            {
                **values,
                "part_no": part_no,
                "kind": part.kind.value,
                "amount": part.amount,
                "party_no": part.party_no,
            },
        )
    post_received(entry, payments_before=head.payments - 1)
    return head.payments


def post_received(entry: Entry, *, payments_before: int) -> None:
    """Post the newest payments as pending; they are those numbered above `payments_before`."""
    values = {"payments_before": payments_before}
    post(entry.connection, entry.head, entry.batch, _SQL, "post_received", values)


def void_payment(entry: Entry, payment: StoredPayment, *, reason: str | None) -> None:
    """Take back a payment that has not settled."""
    choose_payment(entry, payment.payment_no)
    store_event(entry, VOIDED, reason=reason)
    mirror_postings(entry, event=VOIDED)


def choose_payment(entry: Entry, payment_no: int) -> None:
    """Make one payment the only one in `stage_chosen`."""
    _SQL.fill(entry.connection, CHOSEN, "insert_chosen", {"payment_no": payment_no})


def mirror_postings(entry: Entry, *, event: str) -> None:
    """Turn around every posting of the chosen payments that was not turned around yet."""
    values = {"account": entry.head.account, "event": event, "day": entry.day}
    _SQL.fill(entry.connection, _TURNED, "stage_turned", values)
    post(entry.connection, entry.head, entry.batch, _SQL, "post_turned", values)


def store_event(entry: Entry, event: str, *, reason: str | None = None) -> None:
    """Note what happened to the chosen payments; each event happens to a payment once."""
    values = {
        "account": entry.head.account,
        "event": event,
        "day": entry.day,
        "reason": reason,
        "batch_no": entry.batch.batch_no,
    }
    _SQL.run(entry.connection, "insert_events", values)


def _day(number: int | None) -> Day | None:
    return None if number is None else Day(number)
