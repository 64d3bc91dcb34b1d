"""Families that change: a roster moves a student, and what the student owes goes along.

Pools follow the roster, so that open charges and the student's own credit are the new family's by
themselves; what the old parent paid too much stays there. Here it is written down, and what the
new family has waiting pays at once.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.pools import PAYERS
from ingestd.values.days import Day

_SQL = Statements(__file__)

_MOVED = Temporary(
    "stage_moved_student",
    {"party_no": "whole", "old_parent_code": "text?", "new_parent_code": "text?"},
    key=("party_no",),
)


def write_family_changes(connection: Connection, head: Head, batch: Batch, *, day: Day) -> int:
    """Write a fact of each student whom the staged roster moves; return how many.

    Called before the roster comes into force. A student of whom the books know nothing leaves
    none.
    """
    values = {"account": head.account, "batch_no": batch.batch_no, "day": day}
    moved = _SQL.fill(connection, _MOVED, "stage_moved", values)
    if moved:
        _SQL.run(connection, "insert_family_changes", values)
    return moved


def pay_for_moved(connection: Connection, head: Head, batch: Batch, *, day: Day) -> None:
    """Let waiting credit pay in the new families of those who moved, never before `day`.

    Called once the roster is in force.
    """
    _SQL.fill(connection, PAYERS, "stage_payers")
    allocate(connection, head, batch, not_before=day)
