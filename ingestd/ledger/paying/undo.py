"""Undoing allocations: what a returned payment or a refund takes back, exactly."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.postings import post
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges
from ingestd.values.days import Day

_SQL = Statements(__file__)

UNDONE = Temporary("stage_undone", {"allocation_no": "whole"}, key=("allocation_no",))
"""The allocations that are undone, each a live one; the caller fills it."""


def undo_allocations(
    connection: Connection, head: Head, batch: Batch, *, event: str, day: Day
) -> None:
    """Undo what is in `stage_undone`: charges are open again, and their credit waits again.

    Each posting points to the one that it reverses.
    """
    before = head.allocations
    values = {
        "account": head.account,
        "event": event,
        "day": day,
        "allocations_before": before,
    }
    result = _SQL.run(
        connection,
        "insert_undone",
        {
            **values,
            "allocations": before,
            "postings": head.postings,
            "batch_no": batch.batch_no,
        },
    )
    if not result.rowcount:
        return
    head.allocations += result.rowcount
    post(connection, head, batch, _SQL, "post_undone", values)
    _SQL.run(connection, "take_from_states", values)
    _SQL.run(connection, "give_back_to_lots", values)
    _SQL.fill(connection, CHANGED, "stage_reopened", values)
    refresh_open_charges(connection, head)


def find_undone_of_charge(
    connection: Connection, head: Head, *, charge_no: int, day: Day
) -> Day | None:
    """Return the last day after `day` until which a charge was paid by what is undone by now.

    None: whatever else is undone of it can be dated `day`.
    """
    values = {"account": head.account, "charge_no": charge_no, "day": day}
    found = _SQL.run(connection, "find_undone_of_charge", values).scalar()
    return None if found is None else Day(found)


def find_undone_of_payment(
    connection: Connection, head: Head, *, payment_no: int, day: Day
) -> Day | None:
    """Return the last day after `day` until which a payment paid what is undone by now.

    None: whatever else is undone of it can be dated `day`.
    """
    values = {"account": head.account, "payment_no": payment_no, "day": day}
    found = _SQL.run(connection, "find_undone_of_payment", values).scalar()
    return None if found is None else Day(found)
