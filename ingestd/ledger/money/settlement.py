"""Settlement: a payment's money is in the bank, becomes credit, and pays what is owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingestd.database.bulk import create_temporary, stage
from ingestd.database.statements import Statements
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.payments import (
    CHOSEN,
    SETTLED,
    NewPayment,
    choose_payment,
    receive_payment,
    store_event,
)
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.pools import PAYERS
from ingestd.values.days import Day

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantBatch:
    """A settlement batch; sums in minor units, of all that was not voided and of what settles now.

    Once the batch was confirmed, `settled_now` is what settled then.

    `confirmed_on` is the day on which the whole batch was said to have settled, if it was.
    """

    payments: int
    total: int
    settled_now: int
    confirmed_on: Day | None


def take_cash(entry: Entry, payment: NewPayment) -> int:
    """Write down a payment in cash, which settles when it is received; return its number."""
    payment_no = receive_payment(entry, payment)
    settle_one(entry, payment_no)
    return payment_no


def settle_chosen(entry: Entry) -> None:
    """Let the pending payments in `stage_chosen` settle.

    Their money is in the bank, becomes credit, and pays.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    values = {"account": head.account, "day": entry.day}
    store_event(entry, SETTLED)
    post(connection, head, batch, _SQL, "post_settled", values)
    _SQL.run(connection, "insert_lots", {**values, "batch_no": batch.batch_no})
    _SQL.fill(connection, PAYERS, "stage_payers", values)
    allocate(connection, head, batch)


def settle_one(entry: Entry, payment_no: int) -> None:
    """Let one pending payment settle."""
    choose_payment(entry, payment_no)
    settle_chosen(entry)


def settle_many(entry: Entry, payment_nos: Sequence[int]) -> None:
    """Let pending payments settle together."""
    create_temporary(entry.connection, CHOSEN)
    stage(entry.connection, CHOSEN, [(number,) for number in payment_nos])
    settle_chosen(entry)


def find_batch(entry: Entry, merchant_id: str, batch_num: str) -> MerchantBatch | None:
    """Return what a merchant's batch holds; None when it has no such batch."""
    values = _batch_values(entry, merchant_id, batch_num)
    row = _SQL.run(entry.connection, "find_batch", values).one()
    if not row.payments:
        return None
    return MerchantBatch(
        payments=int(row.payments),
        total=int(row.total),
        settled_now=int(row.settled_now),
        confirmed_on=None if row.confirmed_on is None else Day(row.confirmed_on),
    )


def confirm_batch(entry: Entry, merchant_id: str, batch_num: str, batch: MerchantBatch) -> None:
    """Close a merchant's batch, and let all that is pending of it settle."""
    values = _batch_values(entry, merchant_id, batch_num)
    confirmed = {
        **values,
        "total": batch.total,
        "day": entry.day,
        "batch_no": entry.batch.batch_no,
    }
    _SQL.run(entry.connection, "insert_confirmed", confirmed)
    if _SQL.fill(entry.connection, CHOSEN, "stage_pending_of_batch", values):
        settle_chosen(entry)


def _batch_values(entry: Entry, merchant_id: str, batch_num: str) -> dict[str, object]:
    return {
        "account": entry.head.account,
        "merchant_id": merchant_id,
        "batch_num": batch_num,
    }
