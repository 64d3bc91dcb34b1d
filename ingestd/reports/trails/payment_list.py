"""Lists of payments and of settlement batches, a page at a time, with what all come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.trails.drill import Inquiry
from ingestd.values.days import Day, day_text
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

PAYMENT_COLUMNS = (
    *("payment_id", "payer", "kind", "merchant_id", "batch_num", "receipt_num", "received_on"),
    *("amount", "status", "settled_on", "returned_on"),
)
BATCH_COLUMNS = (
    *("merchant_id", "batch_num", "first_received_on", "payments", "amount", "pending"),
    "confirmed_on",
)
_NONE_BEFORE = 2**63 - 1
_FIRST_DAY, _LAST_DAY = date(1, 1, 2), date(9999, 12, 30)

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which payments are asked for; None is any. The days are those on which each `happened`.

    `before` is a payment's id: those that came earlier.
    """

    status: str | None = None
    kind: str | None = None
    merchant_id: str | None = None
    batch_num: str | None = None
    receipt_num: str | None = None
    payer: str | None = None
    donor: str | None = None
    pledge: str | None = None
    happened: str = "received"
    since: date | None = None
    until: date | None = None
    before: str | None = None

    def bound(self) -> dict[str, object]:
        """Return what the statements bind."""
        return {
            "status": self.status or "",
            "method": self.kind or "",
            "merchant_id": self.merchant_id or "",
            "batch_num": self.batch_num or "",
            "receipt_num": self.receipt_num or "",
            "payer": self.payer or "",
            "donor": self.donor or "",
            "pledge": self.pledge or "",
            "happened": self.happened,
            "since": Day.of(self.since or _FIRST_DAY),
            "until": Day.of(self.until or _LAST_DAY),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTotals:
    """How many payments there are, what they come to, and what of it is pending."""

    payments: int
    amount: str
    pending: str


def list_payments(
    connection: Connection, inquiry: Inquiry, wanted: Wanted, *, rows: int
) -> list[Row]:
    """Return payments as they stand now, the newest first, at most so many.

    Raises UsageError where there is no payment to go on before.
    """
    bound = inquiry.bound(**wanted.bound(), before=_number(connection, inquiry, wanted), rows=rows)
    return [
        {
            "payment_id": row.payment_id,
            "payer": row.payer,
            "kind": row.kind,
            "merchant_id": row.merchant_id,
            "batch_num": row.batch_num,
            "receipt_num": row.receipt_num,
            "received_on": day_text(row.received_on),
            "amount": inquiry.written(row.amount),
            "status": row.status,
            "settled_on": None if row.settled_on is None else day_text(row.settled_on),
            "returned_on": None if row.returned_on is None else day_text(row.returned_on),
        }
        for row in _SQL.run(connection, "find_payments", bound)
    ]


def add_up_payments(connection: Connection, inquiry: Inquiry, wanted: Wanted) -> PaymentTotals:
    """Return what all payments come to that are wanted, on whatever page they stand."""
    row = _SQL.run(connection, "add_up_payments", inquiry.bound(**wanted.bound())).one()
    # PostgreSQL sums whole numbers to decimals.
    return PaymentTotals(
        payments=int(row.payments),
        amount=inquiry.written(int(row.amount)),
        pending=inquiry.written(int(row.pending)),
    )


def list_batches(connection: Connection, inquiry: Inquiry, *, only_waiting: bool) -> list[Row]:
    """Return the settlement batches, the newest first; those that wait, or all."""
    bound = inquiry.bound(only_waiting=int(only_waiting))
    return [
        {
            "merchant_id": row.merchant_id or None,
            "batch_num": row.batch_num,
            "first_received_on": day_text(row.first_received_on),
            "payments": int(row.payments),
            "amount": inquiry.written(int(row.amount)),
            "pending": inquiry.written(int(row.pending)),
            "confirmed_on": None if row.confirmed_on is None else day_text(row.confirmed_on),
        }
        for row in _SQL.run(connection, "find_batches", bound)
    ]


def _number(connection: Connection, inquiry: Inquiry, wanted: Wanted) -> int:
    if wanted.before is None:
        return _NONE_BEFORE
    values = inquiry.bound(payment_id=wanted.before)
    found = _SQL.run(connection, "find_number", values).scalar()
    if found is None:
        raise UsageError(f"There is no payment {wanted.before}.")
    return int(found)
