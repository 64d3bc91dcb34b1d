"""Refunds: a charge is taken back whole, once; what was paid for it goes to the wallet."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import latest, ordered
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.postings import RECEIVABLE_OF_CHARGE, post_lines
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.open_charges import refresh_open_charges
from ingestd.ledger.paying.undo import IS_LIVE, allocations_by, undo_allocations

EVENT = "refund"

_OF_BATCH = (
    "refund f JOIN charge c ON c.account = f.account AND c.charge_no = f.charge_no"
    " WHERE f.account = :account AND f.refund_no > :refunds_before"
)


def refund_charge(
    connection: Connection, head: Head, batch: Batch, *, charge_no: int, content_hash: str, day: str
) -> None:
    """Refund one charge by command; it must not have been refunded before."""
    before = head.refunds
    head.refunds += 1
    connection.execute(
        sa.text(
            "INSERT INTO refund (account, refund_no, charge_no, content_hash, effective_on,"
            " batch_no) VALUES (:account, :refund_no, :charge_no, :content_hash, :day, :batch_no)"
        ),
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
    connection: Connection, head: Head, batch: Batch, *, refunds_before: int, day: str
) -> None:
    """Write what the newest refunds move; they are those numbered above `refunds_before`.

    What was paid is taken back from the charge, the charge is voided, and the money goes to the
    wallet of the party that was charged, as credit of the payment that it came from. There it
    pays what is open at once.
    """
    undo_allocations(
        connection,
        head,
        batch,
        event=EVENT,
        day=day,
        chosen="SELECT a.allocation_no FROM refund f"
        f" JOIN {allocations_by(connection, 'charge_no')}"
        " ON a.account = f.account AND a.charge_no = f.charge_no"
        f" WHERE f.account = :account AND f.refund_no > :refunds_before AND {IS_LIVE}",
        values={"refunds_before": refunds_before},
    )
    _void(connection, head, batch, refunds_before=refunds_before, day=day)
    _move_to_wallets(connection, head, batch, day=day)
    allocate(
        connection,
        head,
        batch,
        parties=f"SELECT c.party_no FROM {_OF_BATCH} GROUP BY c.party_no",
        values={"refunds_before": refunds_before},
        not_before=day,
    )


def _void(
    connection: Connection, head: Head, batch: Batch, *, refunds_before: int, day: str
) -> None:
    values = {"account": head.account, "refunds_before": refunds_before}
    post_lines(
        connection,
        head,
        batch,
        event=EVENT,
        values={**values, "day": day},
        lines=(
            "SELECT f.refund_no AS position, 1 AS side,"
            f" {latest(connection, 'c.effective_on', 'CAST(:day AS TEXT)')} AS effective_on,"
            f" {LedgerAccount.DEFERRED_REVENUE:d} AS debit_account,"
            f" {RECEIVABLE_OF_CHARGE} AS credit_account, c.amount AS amount,"
            " CAST(NULL AS BIGINT) AS debit_party_no, c.party_no AS credit_party_no,"
            " c.charge_no AS charge_no, CAST(NULL AS BIGINT) AS payment_no,"
            " c.billing_code AS billing_code, CAST(NULL AS BIGINT) AS reverses_posting_no"
            f" FROM {_OF_BATCH} AND c.amount > 0"
        ),
    )
    connection.execute(
        ordered(
            connection,
            "INSERT INTO charge_state (account, charge_no, amount, allocated, voided)"
            f" SELECT c.account, c.charge_no, c.amount, 0, c.amount FROM {_OF_BATCH}"
            " ON CONFLICT (account, charge_no) DO UPDATE SET voided = excluded.voided",
        ),
        values,
    )
    refresh_open_charges(
        connection, head, charges=f"SELECT c.charge_no FROM {_OF_BATCH}", values=values
    )


def _move_to_wallets(connection: Connection, head: Head, batch: Batch, *, day: str) -> None:
    fees, wallet = LedgerAccount.UNAPPLIED_FEES, LedgerAccount.WALLET_CREDIT
    values = {"account": head.account}
    freed = (
        "stage_undone u"
        " JOIN allocation a ON a.account = :account AND a.allocation_no = u.allocation_no"
        " JOIN charge c ON c.account = a.account AND c.charge_no = a.charge_no"
        f" WHERE a.credit_account = {fees:d}"
    )
    available_on = latest(connection, "credit_lot.available_on", "excluded.available_on")
    moved = post_lines(
        connection,
        head,
        batch,
        event=EVENT,
        values={**values, "day": day},
        lines=(
            "SELECT a.allocation_no AS position, 1 AS side,"
            f" {latest(connection, 'a.effective_on', 'CAST(:day AS TEXT)')} AS effective_on,"
            f" {fees:d} AS debit_account, {wallet:d} AS credit_account, a.amount AS amount,"
            " a.party_no AS debit_party_no, c.party_no AS credit_party_no,"
            " c.charge_no AS charge_no, a.payment_no AS payment_no,"
            " CAST(NULL AS TEXT) AS billing_code, CAST(NULL AS BIGINT) AS reverses_posting_no"
            f" FROM {freed}"
        ),
    )
    if not moved:
        return
    connection.execute(
        ordered(
            connection,
            "INSERT INTO credit_lot (account, payment_no, credit_account, party_no,"
            " settled_batch_no, available_on, remaining)"
            f" SELECT l.account, l.payment_no, {wallet:d}, x.party_no, l.settled_batch_no,"
            # The fees credit is available since it was freed.
            " l.available_on, x.amount"
            " FROM (SELECT a.payment_no, a.party_no AS payer_no, c.party_no,"
            f"  SUM(a.amount) AS amount FROM {freed}"
            "  GROUP BY a.payment_no, a.party_no, c.party_no) x"
            " JOIN credit_lot l ON l.account = :account AND l.payment_no = x.payment_no"
            f"  AND l.credit_account = {fees:d} AND l.party_no = x.payer_no"
            " WHERE TRUE ON CONFLICT (account, payment_no, credit_account, party_no)"
            " DO UPDATE SET remaining = credit_lot.remaining + excluded.remaining,"
            f" available_on = {available_on}",
        ),
        values,
    )
    connection.execute(
        ordered(
            connection,
            "UPDATE credit_lot SET remaining = remaining - x.amount FROM"
            f" (SELECT a.payment_no, a.party_no, SUM(a.amount) AS amount FROM {freed}"
            "  GROUP BY a.payment_no, a.party_no) x"
            " WHERE credit_lot.account = :account AND credit_lot.payment_no = x.payment_no"
            f" AND credit_lot.credit_account = {fees:d} AND credit_lot.party_no = x.party_no",
        ),
        values,
    )


def refunded_amount(connection: Connection, head: Head, *, refunds_before: int) -> int:
    """Return what the newest refunds take back, in minor units."""
    amount = connection.execute(
        ordered(connection, f"SELECT COALESCE(SUM(c.amount), 0) FROM {_OF_BATCH}"),
        {"account": head.account, "refunds_before": refunds_before},
    ).scalar_one()
    return int(amount)
