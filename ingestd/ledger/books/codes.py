"""Codes: the numbers that stand for billing codes in the lines of the books."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head

_SQL = Statements(__file__)


def number_code(connection: Connection, head: Head, batch: Batch, billing_code: str) -> int:
    """Return the number that stands for a billing code for ever; a new code gets its own now.

    Which is which is a fact of this batch and sealed with it. The caller holds the head's lock.
    """
    values: dict[str, object] = {"account": head.account, "code": billing_code}
    known = _SQL.run(connection, "find_code_no", values).scalar()
    if known is not None:
        return int(known)
    head.codes += 1
    _SQL.run(
        connection, "insert_code", {**values, "code_no": head.codes, "batch_no": batch.batch_no}
    )
    return head.codes
