"""Allocations: settled money pays charges, the named ones first and then the oldest."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, by_index, create_temporary, latest, ordered
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.periods import open_from
from ingestd.ledger.books.postings import RECEIVABLE_OF_CHARGE, post_lines
from ingestd.ledger.paying.open_charges import (
    IN_ORDER,
    OPEN_AMOUNT,
    STATE,
    WITHIN_REACH,
    refresh_open_charges,
    stage_reach,
)
from ingestd.ledger.paying.pools import stage_pools

ALLOCATED = "allocation"

DIRECTED, OLDEST_FIRST = "directed", "oldest_first"
CASH_SALE, SUNDRY_SALE = "cash_sale", "sundry"
"""The rules by which credit finds its charge; the last two are kinds of payments, too."""

# Payments that came with their own sale pay that one, whatever its product says.
_PAYS_ITS_SALE = f"p.kind IN ('{CASH_SALE}', '{SUNDRY_SALE}', 'enrolment')"

_CREDIT = Temporary(
    "stage_credit",
    {
        "pool": "text",
        "high": "whole",
        "low": "whole",
        "payment_no": "whole",
        "credit_account": "whole",
        "party_no": "whole",
        "available_on": "text",
    },
    key=("pool", "high"),
)
_OPEN = Temporary(
    "stage_open",
    {"pool": "text", "high": "whole", "low": "whole", "charge_no": "whole", "open_on": "text"},
    key=("pool", "high"),
)
_ALLOCATION = Temporary(
    "stage_allocation",
    {
        "payment_no": "whole",
        "credit_account": "whole",
        "party_no": "whole",
        "charge_no": "whole",
        "amount": "whole",
        "rule": "text",
        "effective_on": "text",
    },
)


def allocate(
    connection: Connection,
    head: Head,
    batch: Batch,
    *,
    parties: str,
    values: Mapping[str, object],
    not_before: str = "",
) -> None:
    """Let the waiting credit of some parties' families and wallets pay what is open there.

    `parties` is a SELECT of party numbers, one column named `party_no`. A payment that names a
    charge pays that one first, where the charge's product says so. The rest pays the oldest
    charge first; the credit that settled first is used first. An allocation is dated the first
    day on which the charge was open and the credit was there, never before `not_before`, and
    never in a closed month.
    """
    waiting = "SELECT 1 FROM credit_lot WHERE account = :account AND remaining > 0 LIMIT 1"
    if connection.execute(sa.text(waiting), {"account": head.account}).first() is None:
        return
    stage_pools(connection, head, parties=parties, values=values)
    first_open = open_from(connection, head.account)
    bound = {"account": head.account, "not_before": max(not_before, first_open)}
    create_temporary(connection, _ALLOCATION)
    _find_directed(connection, bound)
    _apply(connection, head, batch)
    create_temporary(connection, _CREDIT, _OPEN, _ALLOCATION)
    if _stage_credit(connection, bound):
        stage_reach(connection, head)
        _stage_open(connection, bound)
        _find_oldest_first(connection, bound)
        _apply(connection, head, batch)


def _lots(connection: Connection) -> str:
    """Return the SQL of the members' waiting credit."""
    return (
        f"stage_member m JOIN credit_lot l {by_index(connection, 'ix_credit_lot_party_no')}"
        " ON l.account = :account AND l.party_no = m.party_no"
        " AND l.credit_account = m.credit_account AND l.remaining > 0"
    )


def _find_directed(connection: Connection, bound: Mapping[str, object]) -> None:
    # Of several payments for one charge the one that settled first is used first.
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_allocation (payment_no, credit_account, party_no, charge_no,"
            " amount, rule, effective_on)"
            " SELECT d.payment_no, d.credit_account, d.party_no, d.charge_no,"
            " CASE WHEN d.high < d.open_amount THEN d.high ELSE d.open_amount END - d.low, d.rule,"
            f" {latest(connection, 'd.open_on', 'd.available_on', 'CAST(:not_before AS TEXT)')}"
            " FROM (SELECT l.payment_no, l.credit_account, l.party_no, c.charge_no,"
            f"  {OPEN_AMOUNT} AS open_amount, SUM(l.remaining) OVER queue AS high,"
            "   SUM(l.remaining) OVER queue - l.remaining AS low, l.available_on,"
            f"  {latest(connection, 'c.effective_on', 'COALESCE(t.open_on, c.effective_on)')}"
            "    AS open_on,"
            f"  CASE WHEN {_PAYS_ITS_SALE} THEN p.kind ELSE '{DIRECTED}' END AS rule"
            f"  FROM {_lots(connection)}"
            "  JOIN payment p ON p.account = :account AND p.payment_no = l.payment_no"
            f"  JOIN charge c ON c.account = :account AND c.charge_no = p.for_charge_no {STATE}"
            "   JOIN stage_member w ON w.party_no = c.party_no"
            "    AND w.account_type = c.account_type AND w.pool = m.pool"
            "   LEFT JOIN product r ON r.account = :account AND r.billing_code = c.billing_code"
            f"  WHERE (r.repayment = 'direct' OR {_PAYS_ITS_SALE}) AND {OPEN_AMOUNT} > 0"
            "   WINDOW queue AS (PARTITION BY c.charge_no ORDER BY l.settled_batch_no,"
            "    l.payment_no, l.party_no)) d"
            " WHERE d.low < d.open_amount",
        ),
        bound,
    )


def _stage_credit(connection: Connection, bound: Mapping[str, object]) -> bool:
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_credit (pool, high, low, payment_no, credit_account, party_no,"
            " available_on)"
            " SELECT m.pool, SUM(l.remaining) OVER queue,"
            " SUM(l.remaining) OVER queue - l.remaining,"
            " l.payment_no, l.credit_account, l.party_no, l.available_on"
            f" FROM {_lots(connection)}"
            " WINDOW queue AS (PARTITION BY m.pool ORDER BY l.settled_batch_no, l.payment_no,"
            "  l.party_no)",
        ),
        bound,
    )
    analyse(connection, _CREDIT)
    return result.rowcount > 0


def _stage_open(connection: Connection, bound: Mapping[str, object]) -> None:
    # Only what the pool's credit can reach is looked at, and kept.
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_open (pool, high, low, charge_no, open_on)"
            " SELECT x.pool, x.high, x.high - x.amount, x.charge_no,"
            f" {latest(connection, 'c.effective_on', 'COALESCE(t.open_on, c.effective_on)')}"
            " FROM (SELECT w.pool, w.credit, o.charge_no, o.amount, SUM(o.amount) OVER"
            f"   (PARTITION BY w.pool ORDER BY {IN_ORDER}, o.charge_no) AS high"
            f"  FROM stage_reach w JOIN open_charge o ON {WITHIN_REACH}) x"
            f" JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no {STATE}"
            " WHERE x.high - x.amount < x.credit",
        ),
        bound,
    )
    analyse(connection, _OPEN)


def _find_oldest_first(connection: Connection, bound: Mapping[str, object]) -> None:
    # Credit and open charges stand on one line each, end to end: where they overlap, one pays
    # the other.
    connection.execute(
        ordered(
            connection,
            "INSERT INTO stage_allocation (payment_no, credit_account, party_no, charge_no,"
            " amount, rule, effective_on)"
            " SELECT k.payment_no, k.credit_account, k.party_no, o.charge_no,"
            " CASE WHEN k.high < o.high THEN k.high ELSE o.high END"
            "  - CASE WHEN k.low > o.low THEN k.low ELSE o.low END,"
            f" '{OLDEST_FIRST}',"
            f" {latest(connection, 'o.open_on', 'k.available_on', 'CAST(:not_before AS TEXT)')}"
            " FROM stage_credit k JOIN stage_open o"
            "  ON o.pool = k.pool AND o.high > k.low AND o.low < k.high",
        ),
        bound,
    )


def _apply(connection: Connection, head: Head, batch: Batch) -> None:
    """Write the staged allocations: facts, postings, and what they leave of lots and charges."""
    bound = {"account": head.account, "batch_no": batch.batch_no}
    before = head.allocations
    analyse(connection, _ALLOCATION)
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no,"
            " charge_no, amount, rule, effective_on, batch_no)"
            " SELECT CAST(:account AS TEXT), :allocations + ROW_NUMBER() OVER"
            "  (ORDER BY s.payment_no, s.charge_no, s.credit_account, s.party_no), s.payment_no,"
            " s.credit_account, s.party_no, s.charge_no, s.amount, s.rule, s.effective_on,"
            " :batch_no FROM stage_allocation s",
        ),
        {**bound, "allocations": before},
    )
    if not result.rowcount:
        return
    head.allocations += result.rowcount
    new = (
        "allocation a JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no"
        " WHERE a.account = :account AND a.allocation_no > :before"
    )
    post_lines(
        connection,
        head,
        batch,
        event=ALLOCATED,
        values={"before": before},
        lines=(
            "SELECT a.allocation_no AS position, 1 AS side, a.effective_on AS effective_on,"
            f" a.credit_account AS debit_account, {RECEIVABLE_OF_CHARGE} AS credit_account,"
            " a.amount AS amount, a.party_no AS debit_party_no, c.party_no AS credit_party_no,"
            " a.charge_no AS charge_no, a.payment_no AS payment_no,"
            " c.billing_code AS billing_code, CAST(NULL AS BIGINT) AS reverses_posting_no"
            f" FROM {new}"
            " UNION ALL SELECT a.allocation_no, 2, a.effective_on,"
            f" {LedgerAccount.DEFERRED_REVENUE:d}, {LedgerAccount.REALISED_REVENUE:d}, a.amount,"
            " CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), a.charge_no, a.payment_no,"
            f" c.billing_code, CAST(NULL AS BIGINT) FROM {new}"
        ),
    )
    connection.execute(
        ordered(
            connection,
            "INSERT INTO charge_state (account, charge_no, amount, allocated, voided)"
            " SELECT c.account, c.charge_no, c.amount, x.amount, 0 FROM"
            " (SELECT charge_no, SUM(amount) AS amount FROM stage_allocation GROUP BY charge_no) x"
            " JOIN charge c ON c.account = :account AND c.charge_no = x.charge_no"
            " WHERE TRUE ON CONFLICT (account, charge_no)"
            " DO UPDATE SET allocated = charge_state.allocated + excluded.allocated",
        ),
        bound,
    )
    connection.execute(
        ordered(
            connection,
            "UPDATE credit_lot SET remaining = remaining - x.amount FROM"
            " (SELECT payment_no, credit_account, party_no, SUM(amount) AS amount"
            "  FROM stage_allocation GROUP BY payment_no, credit_account, party_no) x"
            " WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no"
            " AND credit_lot.credit_account = x.credit_account"
            " AND credit_lot.party_no = x.party_no",
        ),
        bound,
    )
    refresh_open_charges(
        connection,
        head,
        charges="SELECT DISTINCT charge_no FROM stage_allocation",
        values={},
    )
