"""Returned payments: a settled payment bounces, and exactly what it did is undone."""

from __future__ import annotations

from ingestd.database.statements import Statements
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.payments import (
    StoredPayment,
    choose_payment,
    mirror_postings,
    store_event,
)
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.pools import PAYERS
from ingestd.ledger.paying.undo import UNDONE, find_undone_of_payment, undo_allocations
from ingestd.values.errors import LedgerRefusal

RETURNED = "returned"

_SQL = Statements(__file__)


def return_payment(entry: Entry, payment: StoredPayment, *, reason: str | None) -> None:
    """Undo a settled payment, dated the day of the return.

    What it paid is open again, what it realised is deferred again, what a refund had moved of
    it to a wallet is taken back, and the bank has it no more. Other credit that waits pays what
    was reopened at once. Raises LedgerRefusal for a day on which it still paid what was taken
    back from it later.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    values = {"account": head.account, "payment_no": payment.payment_no}
    until = find_undone_of_payment(connection, head, payment_no=payment.payment_no, day=entry.day)
    if until is not None:
        raise LedgerRefusal(
            f"Until {until} payment {payment.payment_id} paid a charge that was taken back then. "
            "Return it on that day or later."
        )
    choose_payment(entry, payment.payment_no)
    store_event(entry, RETURNED, reason=reason)
    _SQL.fill(connection, UNDONE, "stage_undone", values)
    undo_allocations(connection, head, batch, event=RETURNED, day=entry.day)
    mirror_postings(entry, event=RETURNED)
    _SQL.run(connection, "empty_lots", values)
    _SQL.fill(connection, PAYERS, "stage_payers", values)
    allocate(connection, head, batch, not_before=entry.day)
