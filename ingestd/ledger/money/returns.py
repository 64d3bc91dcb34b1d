"""Returned payments: a settled payment bounces, and exactly what it did is undone."""

from __future__ import annotations

import sqlalchemy as sa

from ingestd.ledger.money.entry import Entry
from ingestd.ledger.money.payments import StoredPayment, choose, mirror_postings, store_event
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.undo import IS_LIVE, allocations_by, find_undone_after, undo_allocations
from ingestd.values.errors import LedgerRefusal

RETURNED = "returned"


def return_payment(entry: Entry, payment: StoredPayment, *, reason: str | None) -> None:
    """Undo a settled payment, dated the day of the return.

    What it paid is open again, what it realised is deferred again, what a refund had moved of
    it to a wallet is taken back, and the bank has it no more. Other credit that waits pays what
    was reopened at once. Raises LedgerRefusal for a day on which it still paid what was taken
    back from it later.
    """
    connection, head = entry.connection, entry.head
    values: dict[str, object] = {"payment_no": payment.payment_no}
    until = find_undone_after(
        connection, head, day=entry.day, column="payment_no", number=payment.payment_no
    )
    if until is not None:
        raise LedgerRefusal(
            f"Until {until} payment {payment.payment_id} paid a charge that was taken back then. "
            "Return it on that day or later."
        )
    choose(entry, payment)
    store_event(entry, RETURNED, reason=reason)
    undo_allocations(
        connection,
        head,
        entry.batch,
        event=RETURNED,
        day=entry.day,
        chosen=f"SELECT a.allocation_no FROM {allocations_by(connection, 'payment_no')}"
        f" WHERE a.account = :account AND a.payment_no = :payment_no AND {IS_LIVE}",
        values=values,
    )
    mirror_postings(entry, event=RETURNED)
    connection.execute(
        sa.text(
            "UPDATE credit_lot SET remaining = 0"
            " WHERE account = :account AND payment_no = :payment_no"
        ),
        {**values, "account": head.account},
    )
    allocate(
        connection,
        head,
        entry.batch,
        parties="SELECT c.party_no FROM stage_undone u"
        " JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no"
        " JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no"
        " GROUP BY c.party_no",
        values={},
        not_before=entry.day,
    )
