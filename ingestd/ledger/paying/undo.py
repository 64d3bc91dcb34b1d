"""Undoing allocations: what a returned payment or a refund takes back, exactly."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, analyse, by_index, create_temporary, latest, ordered
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.postings import RECEIVABLE_OF_CHARGE, post_lines
from ingestd.ledger.paying.allocations import ALLOCATED
from ingestd.ledger.paying.open_charges import refresh_open_charges

UNDONE = Temporary("stage_undone", {"allocation_no": "whole"}, key=("allocation_no",))

IS_LIVE = (
    "a.reverses_allocation_no IS NULL AND NOT EXISTS (SELECT 1 FROM allocation r"
    " WHERE r.account = a.account AND r.reverses_allocation_no = a.allocation_no)"
)
"""SQL that holds for an allocation `a` that pays its charge still."""

_UNDONE = (
    "stage_undone u JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no"
)


def undo_allocations(
    connection: Connection,
    head: Head,
    batch: Batch,
    *,
    event: str,
    day: str,
    chosen: str,
    values: dict[str, object],
) -> int:
    """Undo live allocations: their charges are open again, and their credit waits again.

    `chosen` is a SELECT of allocation numbers, each that of a live allocation. Afterwards
    `stage_undone` holds them. Each posting points to the one that it reverses.
    """
    values = {**values, "account": head.account, "batch_no": batch.batch_no, "day": day}
    create_temporary(connection, UNDONE)
    connection.execute(
        ordered(connection, f"INSERT INTO stage_undone (allocation_no) {chosen}"),
        values,
    )
    analyse(connection, UNDONE)
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO allocation (account, allocation_no, payment_no, credit_account, party_no,"
            " charge_no, amount, rule, effective_on, batch_no, reverses_allocation_no)"
            " SELECT a.account, :allocations + ROW_NUMBER() OVER (ORDER BY a.allocation_no),"
            " a.payment_no, a.credit_account, a.party_no, a.charge_no, a.amount,"
            f" CAST(:event AS TEXT), {_undone_on(connection)}, :batch_no, a.allocation_no"
            f" FROM {_UNDONE}",
        ),
        {**values, "allocations": head.allocations, "event": event},
    )
    head.allocations += result.rowcount
    if not result.rowcount:
        return 0
    _post_undone(connection, head, batch, event=event, day=day)
    connection.execute(
        ordered(
            connection,
            "UPDATE charge_state SET allocated = allocated - x.amount,"
            f" open_on = {latest(connection, 'open_on', 'x.undone_on')} FROM"
            " (SELECT a.charge_no, SUM(a.amount) AS amount,"
            f"  MAX({_undone_on(connection)}) AS undone_on FROM {_UNDONE} GROUP BY a.charge_no) x"
            " WHERE charge_state.account = :account AND charge_state.charge_no = x.charge_no",
        ),
        values,
    )
    connection.execute(
        ordered(
            connection,
            "UPDATE credit_lot SET remaining = remaining + x.amount,"
            f" available_on = {latest(connection, 'available_on', 'x.undone_on')} FROM"
            " (SELECT a.payment_no, a.credit_account, a.party_no, SUM(a.amount) AS amount,"
            f"  MAX({_undone_on(connection)}) AS undone_on"
            f"  FROM {_UNDONE} GROUP BY a.payment_no, a.credit_account, a.party_no) x"
            " WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no"
            " AND credit_lot.credit_account = x.credit_account"
            " AND credit_lot.party_no = x.party_no",
        ),
        values,
    )
    refresh_open_charges(
        connection, head, charges=f"SELECT DISTINCT a.charge_no FROM {_UNDONE}", values={}
    )
    return result.rowcount


def allocations_by(connection: Connection, column: str) -> str:
    """Return the SQL of allocations `a` that are looked up by a payment's or charge's number."""
    return f"allocation a {by_index(connection, f'ix_allocation_{column}')}"


def find_undone_after(
    connection: Connection, head: Head, *, day: str, column: str, number: int
) -> str | None:
    """Return the last day after `day` until which an allocation counted that is undone by now.

    Of the allocations whose `column` is `number`. None: whatever else is undone can be dated `day`.
    """
    found = connection.execute(
        ordered(
            connection,
            "SELECT MAX(r.effective_on)"
            f" FROM {allocations_by(connection, column)} JOIN allocation r"
            " ON r.account = a.account AND r.reverses_allocation_no = a.allocation_no"
            f" WHERE a.account = :account AND a.{column} = :number"
            " AND r.effective_on > a.effective_on AND r.effective_on > :day",
        ),
        {"number": number, "account": head.account, "day": day},
    ).scalar()
    return None if found is None else str(found)


def _post_undone(connection: Connection, head: Head, batch: Batch, *, event: str, day: str) -> None:
    realised, deferred = LedgerAccount.REALISED_REVENUE, LedgerAccount.DEFERRED_REVENUE
    charged = f"{_UNDONE} JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no"
    # One payment pays one charge once in a batch, so that this finds the one posting. It is looked
    # for among its charge's: a payment may have paid thousands, COALESCE keeps off its index.
    by_charge = by_index(connection, "ix_posting_charge_no")
    original = (
        f"(SELECT o.posting_no FROM posting o {by_charge} WHERE o.account = a.account"
        " AND o.charge_no = a.charge_no AND o.event <> 'charge'"
        " AND COALESCE(o.payment_no, 0) = a.payment_no"
        f" AND o.batch_no = a.batch_no AND o.event = '{ALLOCATED}' AND o.credit_account = {{}})"
    )
    post_lines(
        connection,
        head,
        batch,
        event=event,
        values={"day": day},
        lines=(
            "SELECT a.allocation_no AS position, 1 AS side,"
            f" {_undone_on(connection)} AS effective_on,"
            f" {realised:d} AS debit_account, {deferred:d} AS credit_account, a.amount AS amount,"
            " CAST(NULL AS BIGINT) AS debit_party_no, CAST(NULL AS BIGINT) AS credit_party_no,"
            " a.charge_no AS charge_no, a.payment_no AS payment_no,"
            " c.billing_code AS billing_code,"
            f" {original.format(f'{realised:d}')} AS reverses_posting_no"
            f" FROM {charged}"
            f" UNION ALL SELECT a.allocation_no, 2, {_undone_on(connection)},"
            f" {RECEIVABLE_OF_CHARGE}, a.credit_account, a.amount, c.party_no, a.party_no,"
            " a.charge_no, a.payment_no, c.billing_code,"
            f" {original.format(RECEIVABLE_OF_CHARGE)} FROM {charged}"
        ),
    )


def _undone_on(connection: Connection) -> str:
    # Never before the day of what is undone: on no day may a charge be paid less than nothing.
    return latest(connection, "a.effective_on", "CAST(:day AS TEXT)")
