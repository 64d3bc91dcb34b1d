"""Refunds: a charge is taken back whole, once; what was paid for it goes to the wallet."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.postings import post
from ingestd.ledger.paying.allocations import allocate, credit_waits
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges
from ingestd.ledger.paying.pools import PAYERS
from ingestd.ledger.paying.undo import UNDONE, undo_allocations
from ingestd.values.days import Day

EVENT = "refund"

_SQL = Statements(__file__)


def refund_charge(
    connection: Connection,
    head: Head,
    batch: Batch,
    *,
    charge_no: int,
    content_hash: bytes,
    day: Day,
) -> None:
    """Refund one charge by command; it must not have been refunded before."""
    before = head.refunds
    head.refunds += 1
    _SQL.run(
        connection,
        "insert_refund",
        {
            "account": head.account,
            "refund_no": head.refunds,
            "charge_no": charge_no,
            "content_hash": content_hash,
            "day": day,
            "batch_no": batch.batch_no,
        },
    )
    post_refunds(connection, head, batch, refunds_before=before, day=day)


def post_refunds(
    connection: Connection, head: Head, batch: Batch, *, refunds_before: int, day: Day
) -> None:
    """Write what the newest refunds move; they are those numbered above `refunds_before`.

    What was paid is taken back from the charge, the charge is voided, and the money goes to the
    wallet of the party that was charged, as credit of the payment that it came from. There it
    pays what is open at once.
    """
    values = {"account": head.account, "refunds_before": refunds_before, "day": day}
    _SQL.fill(connection, UNDONE, "stage_undone", values)
    undo_allocations(connection, head, batch, event=EVENT, day=day)
    post(connection, head, batch, _SQL, "post_voided", values)
    _SQL.run(connection, "void_states", values)
    _SQL.fill(connection, CHANGED, "stage_voided", values)
    refresh_open_charges(connection, head)
    if post(connection, head, batch, _SQL, "post_moved", values):
        _SQL.run(connection, "add_to_wallets", values)
        _SQL.run(connection, "take_from_fees", values)
    # Of a large file nobody is looked for in vain.
    if credit_waits(connection, head):
        _SQL.fill(connection, PAYERS, "stage_payers", values)
        allocate(connection, head, batch, not_before=day)


def refunded_amount(connection: Connection, head: Head, *, refunds_before: int) -> int:
    """Return what the newest refunds take back, in minor units."""
    values = {"account": head.account, "refunds_before": refunds_before}
    return int(_SQL.run(connection, "sum_refunded", values).scalar_one())
