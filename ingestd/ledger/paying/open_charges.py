"""Open charges: what is left to pay of each charge, in the order in which money pays it.

A projection of charges, their states and their products' `sort`: a charge that is paid or void
stands here no more, so that nobody walks a family's history to find what it owes.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, create_temporary, ordered
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE
from ingestd.ledger.books.head import Head

CREDIT_OF_CHARGE = (
    f"CASE c.account_type WHEN '{AccountType.LIABILITY}'"
    f" THEN {BALANCE[AccountType.LIABILITY].credit:d} ELSE {BALANCE[AccountType.WALLET].credit:d}"
    " END"
)
"""SQL for the kind of credit that pays a charge `c`."""

OPEN_AMOUNT = "c.amount - COALESCE(t.allocated, 0) - COALESCE(t.voided, 0)"
"""SQL for what is open of a charge `c` with state `t`."""

STATE = "LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no"

_KEY = "party_no, credit_account, occurred_at, sort, batch_no, row"
_PLACE = "{0}.occurred_at, {0}.sort, {0}.batch_no, {0}.row"
IN_ORDER = _PLACE.format("o")
"""SQL for the order in which open charges `o` are paid: oldest first, then by the product's
sort, then by arrival."""


def placed(sort: str) -> str:
    """Return SQL for whose a charge `c` is, what pays it, and its place in the queue."""
    return f"c.party_no, {CREDIT_OF_CHARGE}, c.occurred_at, {sort}, c.batch_no, COALESCE(c.row, 0)"


PLACED = placed("COALESCE(r.sort, 0)")
"""The same for a charge `c` with product `r`."""

PRODUCT = "LEFT JOIN product r ON r.account = c.account AND r.billing_code = c.billing_code"

_TOUCHED = Temporary(
    "stage_touched",
    {
        "charge_no": "whole",
        **dict.fromkeys(_KEY.split(", "), "whole"),
        "amount": "whole",
    },
    key=("charge_no",),
)
_SORTS = Temporary("stage_sort", {"billing_code": "text", "sort": "whole"}, key=("billing_code",))
_RESORTED = Temporary(
    "stage_resorted", {"billing_code": "text", "sort": "whole"}, key=("billing_code",)
)
_MOVED = Temporary(
    "stage_moved",
    {
        "charge_no": "whole",
        **dict.fromkeys(_KEY.split(", "), "whole"),
        "amount": "whole",
        "new_sort": "whole",
    },
    key=("charge_no",),
)

REACH = Temporary(
    "stage_reach",
    {
        "party_no": "whole",
        "credit_account": "whole",
        "pool": "text",
        "credit": "whole",
        "reached": "whole",
        "occurred_at": "whole?",
        "sort": "whole?",
        "batch_no": "whole?",
        "row": "whole?",
    },
    key=("party_no", "credit_account"),
)
_FIRST, _LAST = -(2**63), 2**63 - 1
_FIRST_STEP, _STEP_FACTOR = 8, 4


def open_new_charges(connection: Connection, head: Head, *, charges_before: int) -> None:
    """Let the charges numbered above `charges_before` be open with their whole amounts."""
    values = {"account": head.account}
    sorted_product = "SELECT 1 FROM product r WHERE r.account = :account AND r.sort <> 0 LIMIT 1"
    # Most schools sort no product: then none is looked up, charge by charge.
    has_sorts = connection.execute(sa.text(sorted_product), values).first() is not None
    connection.execute(
        sa.text(
            f"INSERT INTO open_charge (account, {_KEY}, charge_no, amount)"
            f" SELECT c.account, {placed('COALESCE(r.sort, 0)' if has_sorts else '0')},"
            f" c.charge_no, c.amount FROM charge c {PRODUCT if has_sorts else ''}"
            " WHERE c.account = :account AND c.charge_no > :charges_before AND c.amount > 0"
            # In the order of the key: the table is walked once, not searched for each row.
            " ORDER BY 2, 3, 4, 5, 6, 7"
        ),
        {**values, "charges_before": charges_before},
    )


def refresh_open_charges(
    connection: Connection, head: Head, *, charges: str, values: Mapping[str, object]
) -> None:
    """Bring up to date what is left of some charges, after their states have changed.

    `charges` is a SELECT of charge numbers, each once.
    """
    bound = {**values, "account": head.account}
    create_temporary(connection, _TOUCHED)
    connection.execute(
        ordered(
            connection,
            f"INSERT INTO stage_touched (charge_no, {_KEY}, amount)"
            f" SELECT c.charge_no, {PLACED}, {OPEN_AMOUNT} FROM ({charges}) x"
            f" JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no {STATE}"
            f" {PRODUCT}",
        ),
        bound,
    )
    _take_out(connection, head, _TOUCHED)
    connection.execute(
        sa.text(
            f"INSERT INTO open_charge (account, {_KEY}, charge_no, amount)"
            f" SELECT CAST(:account AS TEXT), {_KEY}, charge_no, amount FROM stage_touched"
            " WHERE amount > 0"
        ),
        {"account": head.account},
    )


def _take_out(connection: Connection, head: Head, staged: Temporary) -> None:
    """Remove the open charges whose keys are staged."""
    analyse(connection, staged)
    connection.execute(
        sa.text(
            f"DELETE FROM open_charge WHERE (account, {_KEY}) IN"
            f" (SELECT CAST(:account AS TEXT), {_KEY} FROM {staged.name})"
        ),
        {"account": head.account},
    )


def remember_sorts(connection: Connection, head: Head) -> None:
    """Keep how products are sorted now, for `reorder_open_charges` after a catalog's import."""
    create_temporary(connection, _SORTS)
    connection.execute(
        sa.text(
            "INSERT INTO stage_sort (billing_code, sort)"
            " SELECT billing_code, sort FROM product WHERE account = :account"
        ),
        {"account": head.account},
    )
    analyse(connection, _SORTS)


def reorder_open_charges(connection: Connection, head: Head) -> None:
    """Give open charges their new places, where their product's sort was changed.

    Compared with what `remember_sorts` kept; what a product never had is 0.
    """
    values = {"account": head.account}
    create_temporary(connection, _RESORTED, _MOVED)
    resorted = connection.execute(
        sa.text(
            "INSERT INTO stage_resorted (billing_code, sort) SELECT r.billing_code, r.sort"
            " FROM product r LEFT JOIN stage_sort b ON b.billing_code = r.billing_code"
            " WHERE r.account = :account AND r.sort <> COALESCE(b.sort, 0)"
        ),
        values,
    )
    if not resorted.rowcount:
        return
    analyse(connection, _RESORTED)
    # Found by their keys, all but the sort: no index is there for the charge's number alone.
    connection.execute(
        ordered(
            connection,
            f"INSERT INTO stage_moved (charge_no, {_KEY}, amount, new_sort)"
            f" SELECT o.charge_no, {', '.join(f'o.{name}' for name in _KEY.split(', '))},"
            " o.amount, x.sort FROM charge c JOIN stage_resorted x"
            "  ON x.billing_code = c.billing_code"
            " JOIN open_charge o ON o.account = c.account AND o.party_no = c.party_no"
            f"  AND o.credit_account = {CREDIT_OF_CHARGE} AND o.occurred_at = c.occurred_at"
            "  AND o.charge_no = c.charge_no WHERE c.account = :account",
        ),
        values,
    )
    _take_out(connection, head, _MOVED)
    connection.execute(
        sa.text(
            f"INSERT INTO open_charge (account, {_KEY}, charge_no, amount)"
            " SELECT CAST(:account AS TEXT), party_no, credit_account, occurred_at, new_sort,"
            " batch_no, row, charge_no, amount FROM stage_moved"
        ),
        values,
    )


def stage_reach(connection: Connection, head: Head) -> None:
    """Find how far the staged credit of each pool reaches into each member's open charges.

    Fills `stage_reach`: for each member the place up to which its charges come to its pool's
    credit, or the last place there is. What the pool will pay lies within these, however many
    charges are open behind them.
    """
    values = {"account": head.account}
    create_temporary(connection, REACH)
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_reach (party_no, credit_account, pool, credit, reached,"
            " occurred_at, sort, batch_no, row)"
            f" SELECT m.party_no, m.credit_account, m.pool, k.credit, 0{f', {_FIRST}' * 4}"
            " FROM stage_member m JOIN (SELECT pool, MAX(high) AS credit FROM stage_credit"
            "  GROUP BY pool) k ON k.pool = m.pool",
        ),
        values,
    )
    analyse(connection, REACH)
    step = _FIRST_STEP
    # Each round looks at four times as many charges of those whose credit reaches farther.
    while connection.execute(sa.text(_ADVANCE), {**values, "step": step - 1}).rowcount:
        connection.execute(sa.text(_STOP_AT_THE_END))
        connection.execute(sa.text(_ADD_UP), values)
        step *= _STEP_FACTOR


_OF_MEMBER = (
    "o.account = :account AND o.party_no = {0}.party_no AND o.credit_account = {0}.credit_account"
)
WITHIN_REACH = f"{_OF_MEMBER.format('w')} AND ({IN_ORDER}) <= ({_PLACE.format('w')})"
"""SQL that holds for an open charge `o` that the credit of a member `w` reaches."""

_GOES_ON = f"reached < credit AND occurred_at < {_LAST}"
_ADVANCE = (
    "UPDATE stage_reach SET (occurred_at, sort, batch_no, row) ="
    f" (SELECT {IN_ORDER} FROM open_charge o WHERE {_OF_MEMBER.format('stage_reach')}"
    f"  AND ({IN_ORDER}) > ({_PLACE.format('stage_reach')})"
    f"  ORDER BY {IN_ORDER} LIMIT 1 OFFSET :step)"
    f" WHERE {_GOES_ON}"
)
_STOP_AT_THE_END = (
    f"UPDATE stage_reach SET occurred_at = {_LAST}, sort = {_LAST}, batch_no = {_LAST},"
    f" row = {_LAST} WHERE occurred_at IS NULL"
)
_ADD_UP = (
    "UPDATE stage_reach SET reached = (SELECT COALESCE(SUM(o.amount), 0) FROM open_charge o"
    f" WHERE {_OF_MEMBER.format('stage_reach')}"
    f" AND ({IN_ORDER}) <= ({_PLACE.format('stage_reach')}))"
    f" WHERE {_GOES_ON}"
)
