"""Control totals: what a payment file brought, batch by batch, to hold against the bank's."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.values.identifiers import AccountId, UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTotal:
    """How many payments of one settlement batch a file brought, and their sum in minor units."""

    merchant_id: str | None
    batch_num: str
    rows: int
    amount: int


def read_batch_totals(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> list[BatchTotal]:
    """Return the control totals of an upload's applied payments, by merchant and batch."""
    rows = connection.execute(
        sa.text(
            "SELECT p.merchant_id, p.batch_num, COUNT(*) AS payments, SUM(p.amount) AS amount"
            " FROM file_outcome o JOIN payment p"
            "  ON p.account = o.account AND p.batch_no = o.batch_no AND p.upload_id = o.upload_id"
            " WHERE o.account = :account AND o.upload_id = :upload_id"
            " GROUP BY p.merchant_id, p.batch_num"
            " ORDER BY COALESCE(p.merchant_id, ''), p.batch_num"
        ),
        {"account": account, "upload_id": upload_id},
    )
    return [
        BatchTotal(
            merchant_id=row.merchant_id,
            batch_num=row.batch_num,
            rows=int(row.payments),
            amount=int(row.amount),
        )
        for row in rows
    ]
