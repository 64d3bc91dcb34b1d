"""Refunds: a charge is taken back whole, once; what was paid for it goes to the wallet."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, latest, ordered
from ingestd.formats.findings import Code
from ingestd.formats.refunds import RefundRow
from ingestd.ledger.allocations import allocate
from ingestd.ledger.chart import LedgerAccount
from ingestd.ledger.head import Head
from ingestd.ledger.messages import CHARGE_UNKNOWN, REFUND_REPEATED
from ingestd.ledger.open_charges import refresh_open_charges
from ingestd.ledger.post import RECEIVABLE_OF_CHARGE, post_lines
from ingestd.ledger.seal import Batch
from ingestd.ledger.stage import Stage
from ingestd.ledger.undo import IS_LIVE, allocations_by, undo_allocations
from ingestd.ledger.verdicts import (
    Keyed,
    Named,
    Posted,
    any_bad_row,
    counted,
    find_repeats_in_file,
    find_repeats_of_ledger,
    forget_rejected,
    name_rows,
    reject,
    reject_everything,
)

EVENT = "refund"

REFUNDS = Temporary(
    "stage_refund",
    {
        "row": "whole",
        "line": "whole",
        "row_key": "text",
        "tx_item_rowid": "text?",
        "note": "text?",
        "content_hash": "text",
    },
    key=("row",),
)
_STAGE = REFUNDS.name
_KEYED = Keyed(
    stage=_STAGE,
    column="charge_tracking_id",
    earlier="{join} charge_key k ON k.account = :account AND k.tracking_id = s.row_key"
    " {join} refund c ON c.account = :account AND c.charge_no = k.charge_no",
    messages=REFUND_REPEATED,
)
_NAMED = Named(
    stage=_STAGE,
    key="s.row_key",
    party="(SELECT p.party_code FROM charge_key k"
    " JOIN charge c ON c.account = k.account AND c.charge_no = k.charge_no"
    " JOIN party p ON p.account = c.account AND p.party_no = c.party_no AND p.kind = 'student'"
    " WHERE k.account = :account AND k.tracking_id = s.row_key)",
)
_OF_BATCH = (
    "refund f JOIN charge c ON c.account = f.account AND c.charge_no = f.charge_no"
    " WHERE f.account = :account AND f.refund_no > :refunds_before"
)


class RefundStage(Stage[RefundRow]):
    """One file's refunds on their way into the ledger."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, REFUNDS)


def judge_staged_refunds(connection: Connection, head: Head, *, all_or_nothing: bool) -> None:
    """Sort the stage: refunds of unknown charges are rejected, those made before are repeats.

    Afterwards exactly the rows that stay in `stage_refund` without a `stage_repeat` are to be
    applied; under `all_or_nothing` that is none as soon as one row is bad.
    """
    reject(
        connection,
        head,
        stage=_STAGE,
        where="NOT EXISTS (SELECT 1 FROM charge_key e WHERE e.account = :account"
        " AND e.tracking_id = s.row_key)",
        code=Code.CHARGE_UNKNOWN,
        column="charge_tracking_id",
        value="s.row_key",
        message=CHARGE_UNKNOWN,
    )
    forget_rejected(connection, head, _NAMED)
    find_repeats_of_ledger(connection, head, _KEYED)
    find_repeats_in_file(connection, _KEYED)
    name_rows(connection, head, _NAMED)
    if all_or_nothing and any_bad_row(connection):
        reject_everything(connection, _STAGE)


def post_staged_refunds(connection: Connection, head: Head, batch: Batch, *, day: str) -> Posted:
    """Write the refunds that the stage still holds, dated `day`; count every verdict."""
    before = head.refunds
    result = connection.execute(
        ordered(
            connection,
            "INSERT INTO refund (account, refund_no, charge_no, content_hash, tx_item_rowid, note,"
            " effective_on, batch_no, upload_id, row)"
            " SELECT CAST(:account AS TEXT), :refunds + ROW_NUMBER() OVER (ORDER BY s.row),"
            " e.charge_no, s.content_hash, s.tx_item_rowid, s.note, CAST(:day AS TEXT), :batch_no,"
            " CAST(:upload_id AS TEXT), s.row"
            f" FROM {_STAGE} s"
            " JOIN charge_key e ON e.account = :account AND e.tracking_id = s.row_key"
            " WHERE NOT EXISTS (SELECT 1 FROM stage_repeat r WHERE r.row = s.row)",
        ),
        {
            "account": head.account,
            "refunds": before,
            "day": day,
            "batch_no": batch.batch_no,
            "upload_id": batch.upload_id,
        },
    )
    head.refunds += result.rowcount
    post_refunds(connection, head, batch, refunds_before=before, day=day)
    return counted(
        connection,
        applied=result.rowcount,
        applied_amount=_refunded_amount(connection, head, refunds_before=before),
    )


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


def _refunded_amount(connection: Connection, head: Head, *, refunds_before: int) -> int:
    amount = connection.execute(
        ordered(connection, f"SELECT COALESCE(SUM(c.amount), 0) FROM {_OF_BATCH}"),
        {"account": head.account, "refunds_before": refunds_before},
    ).scalar_one()
    return int(amount)


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
