"""Refund files: which staged rows take a charge back, and what the others are. All set-based."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.bulk import Temporary, ordered
from ingestd.formats.findings.codes import Code
from ingestd.formats.kinds.student_refunds import RefundRow
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.ledger.money.refunds import post_refunds, refunded_amount
from ingestd.ledger.taking.messages import CHARGE_UNKNOWN, REFUND_REPEATED
from ingestd.ledger.taking.stage import Stage
from ingestd.ledger.taking.verdicts import (
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
        applied_amount=refunded_amount(connection, head, refunds_before=before),
    )
