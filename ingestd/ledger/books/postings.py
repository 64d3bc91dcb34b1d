"""Postings: how lines of the books are written, numbered within their account."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head


def post(
    connection: Connection,
    head: Head,
    batch: Batch,
    statements: Statements,
    name: str,
    values: Mapping[str, object],
) -> int:
    """Write lines of the books by an INSERT of `statements`; return how many there were.

    It numbers them above `:postings`, and binds `:account` and `:batch_no`, too. Amounts are
    above zero.
    """
    result = statements.run(
        connection,
        name,
        {
            "account": head.account,
            "postings": head.postings,
            "batch_no": batch.batch_no,
            **values,
        },
    )
    head.postings += result.rowcount
    return result.rowcount
