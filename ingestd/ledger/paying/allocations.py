"""Allocations: settled money pays charges, the named ones first and then the oldest."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.periods import open_from
from ingestd.ledger.books.postings import post
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges, stage_reach
from ingestd.ledger.paying.pools import stage_pools

CASH_SALE, SUNDRY_SALE = "cash_sale", "sundry"
"""Kinds of payments that come with their own sale, and pay that one."""

_SQL = Statements(__file__)

_CREDIT = Temporary(
    "stage_credit",
    {
        "pool": "text",
        "high": "whole",
        "low": "whole",
        "payment_no": "whole",
        "credit_account": "whole",
        "party_no": "whole",
        "available_on": "whole",
    },
    key=("pool", "high"),
)
_OPEN = Temporary(
    "stage_open",
    {"pool": "text", "high": "whole", "low": "whole", "charge_no": "whole", "open_on": "whole"},
    key=("pool", "high"),
)
_ALLOCATIONS = Temporary(
    "stage_allocation",
    {
        "payment_no": "whole",
        "credit_account": "whole",
        "party_no": "whole",
        "charge_no": "whole",
        "amount": "whole",
        "rule": "text",
        "effective_on": "whole",
    },
)


def credit_waits(connection: Connection, head: Head) -> bool:
    """Tell whether any credit waits: if not, `allocate` has nothing to do, whoever is staged."""
    values = {"account": head.account}
    return _SQL.run(connection, "find_waiting_credit", values).first() is not None


def allocate(connection: Connection, head: Head, batch: Batch, *, not_before: int = 0) -> None:
    """Let waiting credit pay what is open, in the families and wallets of some parties.

    They are those in `stage_payer`. A payment that names a charge pays that one first, where the
    charge's product says so. The rest pays the oldest charge first; the credit that settled
    first is used first. An allocation is dated the first day on which the charge was open and
    the credit was there, never before `not_before`, and never in a closed month.
    """
    if not credit_waits(connection, head):
        return
    stage_pools(connection, head)
    first_open = open_from(connection, head.account)
    values = {"account": head.account, "not_before": max(not_before, first_open)}
    if _SQL.fill(connection, _ALLOCATIONS, "find_directed", values):
        _apply(connection, head, batch)
    if not _SQL.fill(connection, _CREDIT, "stage_credit", values):
        return
    stage_reach(connection, head)
    _SQL.fill(connection, _OPEN, "stage_open", values)
    if _SQL.fill(connection, _ALLOCATIONS, "find_oldest_first", values):
        _apply(connection, head, batch)


def _apply(connection: Connection, head: Head, batch: Batch) -> None:
    """Write the staged allocations: facts, postings, and what they leave of lots and charges."""
    before = head.allocations
    values = {"account": head.account, "allocations_before": before}
    result = _SQL.run(connection, "insert_allocations", {**values, "batch_no": batch.batch_no})
    head.allocations += result.rowcount
    post(connection, head, batch, _SQL, "post_allocations", values)
    _SQL.run(connection, "add_to_states", values)
    _SQL.run(connection, "take_from_lots", values)
    _SQL.fill(connection, CHANGED, "stage_paid")
    refresh_open_charges(connection, head)
