"""Allocations: settled money pays charges, the named ones first and then the oldest."""

from __future__ import annotations

from itertools import groupby

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, create_temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.periods import open_from
from ingestd.ledger.books.postings import post
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges, stage_reach
from ingestd.ledger.paying.pools import stage_pools
from ingestd.ledger.paying.taxes import TaxShares

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
    {
        "pool": "text",
        "high": "whole",
        "low": "whole",
        "charge_no": "whole",
        "tax": "whole",
        "is_payout": "whole",
        "open_on": "whole",
    },
    key=("pool", "high"),
)
ALLOCATIONS = Temporary(
    "stage_allocation",
    {
        "charge_no": "whole",
        "place": "whole",
        "payment_no": "whole",
        "credit_account": "whole",
        "party_no": "whole",
        "amount": "whole",
        "tax": "whole?",
        "rule": "text",
        "effective_on": "whole",
    },
    key=("charge_no", "place"),
)
"""The allocations that are to be made. Of several to one charge `place` tells the order; a `tax` of
NULL is told when they are made."""


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
    if _SQL.fill(connection, ALLOCATIONS, "find_directed", values):
        apply_allocations(connection, head, batch)
    if not _SQL.fill(connection, _CREDIT, "stage_credit", values):
        create_temporary(connection, _OPEN)
        return
    stage_reach(connection, head)
    _SQL.fill(connection, _OPEN, "stage_open", {**values, "payouts": 1})
    # A discount pays no payout. In a pool where one stands before the other each lot goes alone.
    lots = _SQL.run(connection, "find_lots_apart").mappings().all()
    if lots:
        _SQL.run(connection, "leave_pools_apart")
    _pay_oldest_first(connection, head, batch, values)
    for lot in lots:
        if _SQL.fill(connection, _CREDIT, "stage_lot", {**values, **lot}):
            is_cash = lot["credit_account"] != LedgerAccount.UNAPPLIED_DISCOUNTS
            stage_reach(connection, head, everything=not is_cash)
            _SQL.fill(connection, _OPEN, "stage_open", {**values, "payouts": int(is_cash)})
            _pay_oldest_first(connection, head, batch, values)


def _pay_oldest_first(
    connection: Connection, head: Head, batch: Batch, values: dict[str, object]
) -> None:
    """Let the staged credit pay the staged charges."""
    if _SQL.fill(connection, ALLOCATIONS, "find_oldest_first", values):
        apply_allocations(connection, head, batch)


def apply_allocations(connection: Connection, head: Head, batch: Batch) -> None:
    """Write the staged allocations: facts, postings, and what they leave of lots and charges."""
    before = head.allocations
    values = {"account": head.account, "allocations_before": before}
    _tell_taxes(connection, values)
    result = _SQL.run(
        connection,
        "insert_allocations",
        {**values, "postings": head.postings, "batch_no": batch.batch_no},
    )
    head.allocations += result.rowcount
    post(connection, head, batch, _SQL, "post_allocations", values)
    _SQL.run(connection, "add_to_states", values)
    _SQL.run(connection, "take_from_lots", values)
    _SQL.fill(connection, CHANGED, "stage_paid")
    refresh_open_charges(connection, head)


def _tell_taxes(connection: Connection, values: dict[str, object]) -> None:
    """Tell of each staged allocation how much of it is tax, where its charge has any."""
    _SQL.run(connection, "take_whole_taxes", values)
    taxed = []
    rows = _SQL.run(connection, "find_taxed", values).mappings()
    for charge_no, of_charge in groupby(rows, key=lambda row: row["charge_no"]):
        shares = None
        for row in of_charge:
            shares = shares or TaxShares(
                charged=int(row["charged"]),
                charged_tax=int(row["charged_tax"]),
                done=int(row["allocated"]),
                done_tax=int(row["allocated_tax"]),
                open_amount=int(row["open_amount"]),
                open_tax=int(row["open_tax"]),
            )
            taxed.append(
                {
                    "charge_no": charge_no,
                    "payment_no": row["payment_no"],
                    "credit_account": row["credit_account"],
                    "party_no": row["party_no"],
                    "tax": shares.take(int(row["amount"])),
                }
            )
    if taxed:
        _SQL.run_many(connection, "set_tax", taxed)
