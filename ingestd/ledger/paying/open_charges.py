"""Open charges: what is left to pay of each charge, in the order in which money pays it.

A projection of charges, their states and their products' `sort`: a charge that is paid or void
stands here no more, so that nobody walks a family's history to find what it owes. The order is
the oldest first, then by the product's sort, then by arrival.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head

_SQL = Statements(__file__)

CHANGED = Temporary("stage_changed", {"charge_no": "whole"}, key=("charge_no",))
"""The charges whose states have changed; the caller fills it."""

_TOUCHED = Temporary(
    "stage_touched",
    {
        "charge_no": "whole",
        "party_no": "whole",
        "credit_account": "whole",
        "occurred_at": "whole",
        "sort": "whole",
        "amount": "whole",
        "new_sort": "whole",
    },
    key=("charge_no",),
)
_SORTS = Temporary("stage_sort", {"billing_code": "text", "sort": "whole"}, key=("billing_code",))
_RESORTED = Temporary(
    "stage_resorted", {"product_no": "whole", "sort": "whole"}, key=("product_no",)
)
_REACH = Temporary(
    "stage_reach",
    {
        "party_no": "whole",
        "credit_account": "whole",
        "pool": "text",
        "credit": "whole",
        "reached": "whole",
        "occurred_at": "whole?",
        "sort": "whole?",
        "charge_no": "whole?",
    },
    key=("party_no", "credit_account"),
)
_FIRST_STEP, _STEP_FACTOR = 8, 4


def open_new_charges(
    connection: Connection, head: Head, *, charges_before: int, has_sorts: bool
) -> None:
    """Let the charges numbered above `charges_before` be open with their whole amounts.

    `has_sorts` says whether any product has a sort. Most schools sort none: then it is not looked
    up, charge by charge.
    """
    values = {"account": head.account, "charges_before": charges_before}
    _SQL.run(connection, "open_new_charges_by_sort" if has_sorts else "open_new_charges", values)


def refresh_open_charges(connection: Connection, head: Head) -> None:
    """Bring up to date what is left of the charges in `stage_changed`."""
    values = {"account": head.account}
    _SQL.fill(connection, _TOUCHED, "stage_touched", values)
    _SQL.run(connection, "delete_touched", values)
    _SQL.run(connection, "insert_touched", values)


def remember_sorts(connection: Connection, head: Head) -> None:
    """Keep how products are sorted now, for `reorder_open_charges` after a catalog's import."""
    _SQL.fill(connection, _SORTS, "stage_sorts", {"account": head.account})


def reorder_open_charges(connection: Connection, head: Head) -> None:
    """Give open charges their new places, where their product's sort was changed.

    Compared with what `remember_sorts` kept; what a product never had is 0.
    """
    values = {"account": head.account}
    if not _SQL.fill(connection, _RESORTED, "stage_resorted", values):
        return
    _SQL.fill(connection, _TOUCHED, "stage_moved", values)
    _SQL.run(connection, "delete_touched", values)
    _SQL.run(connection, "insert_touched", values)


def stage_reach(connection: Connection, head: Head, *, everything: bool = False) -> None:
    """Find how far the staged credit of each pool reaches into each member's open charges.

    Fills `stage_reach`: for each member the place up to which its charges come to its pool's
    credit, or the last place there is. What the pool will pay lies within these, however many
    charges are open behind them. For credit that may not pay all that stands before it,
    `everything` is within reach.
    """
    values = {"account": head.account}
    _SQL.fill(connection, _REACH, "stage_reach")
    if everything:
        _SQL.run(connection, "reach_everything")
        return
    step = _FIRST_STEP
    # Each round looks at four times as many charges of those whose credit reaches farther.
    while _SQL.run(connection, "advance_reach", {**values, "skipped": step - 1}).rowcount:
        _SQL.run(connection, "end_reach")
        _SQL.run(connection, "add_up_reach", values)
        step *= _STEP_FACTOR
