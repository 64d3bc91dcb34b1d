"""Batches: what one is, who made it and why, and the lines that it wrote into the books."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.reports.trails.drill import Inquiry, account_label, posting_fields
from ingestd.values.clock import format_instant, from_microseconds
from ingestd.values.days import day_text
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

Answer = dict[str, Any]


def tell_batch(
    connection: Connection, inquiry: Inquiry, batch_no: int, *, first: int = 0, rows: int
) -> Answer:
    """Tell of a batch what it is, what it moves, and its lines from one number on.

    `next` is the number of the first line that is left out, None where none is. Raises UsageError
    for a batch that there is not.
    """
    bound = inquiry.bound(batch_no=batch_no)
    batch = _SQL.run(connection, "find_batch", bound).one_or_none()
    if batch is None:
        raise UsageError(f"Account {inquiry.account} has no batch {batch_no}.")
    extent = _SQL.run(connection, "find_extent", bound).one()
    lines = []
    if extent.first_posting is not None:
        span = {"first": max(first, extent.first_posting), "end": extent.end_posting}
        lines = list(_SQL.run(connection, "find_lines", {**bound, **span, "rows": rows + 1}))
    return {
        "batch": {
            "batch_no": batch.batch_no,
            "event": batch.event,
            "known_at": format_instant(from_microseconds(batch.sealed_at)),
            "command": batch.command,
            "by": batch.entered_by,
            "reason": batch.reason,
            "location": batch.location,
            "upload_id": batch.upload_id,
            "filename": batch.filename,
            "rows_sealed": batch.rows_sealed,
            "amount_posted": inquiry.written(batch.amount_posted),
            "hash": batch.hash,
        },
        "movements": [
            {
                "effective_on": day_text(row.effective_on),
                "debit": account_label(row.debit_account),
                "credit": account_label(row.credit_account),
                "lines": int(row.lines),
                "amount": inquiry.written(int(row.amount)),
            }
            for row in _SQL.run(connection, "add_up_batch", bound)
        ],
        "lines": [
            {"tracking_id": row.tracking_id} | posting_fields(inquiry, row) for row in lines[:rows]
        ],
        "next": lines[rows].posting_no if len(lines) > rows else None,
    }


def list_batches(
    connection: Connection, inquiry: Inquiry, *, before: int, rows: int
) -> list[Answer]:
    """Return the batches before one, the newest first, at most so many."""
    bound = inquiry.bound(before=before, rows=rows)
    return [
        {
            "batch_no": row.batch_no,
            "known_at": format_instant(from_microseconds(row.sealed_at)),
            "event": row.event,
            "by": row.entered_by or row.filename,
            "reason": row.reason,
            "amount_posted": inquiry.written(row.amount_posted),
        }
        for row in _SQL.run(connection, "find_last", bound)
    ]
