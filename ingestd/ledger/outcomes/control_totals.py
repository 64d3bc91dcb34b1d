"""Control totals: what a payment file brought, batch by batch, to hold against the bank's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.formats.names import PAYMENT_NAMES
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTotal:
    """How many payments of one settlement batch a file brought, and their sum in minor units."""

    merchant_id: str | None
    batch_num: str
    rows: int
    amount: int


def read_control_totals(connection: Connection, outcome: FileOutcome) -> list[BatchTotal] | None:
    """Return the control totals that a file's receipt has; None for files that have none."""
    if outcome.provenance.format not in PAYMENT_NAMES or outcome.rows is None:
        return None
    return read_batch_totals(connection, outcome.account, outcome.upload_id)


def read_batch_totals(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> list[BatchTotal]:
    """Return the control totals of an upload's applied payments, by merchant and batch."""
    values = {"account": account, "upload_id": upload_id}
    return [_total(row) for row in _SQL.run(connection, "find_batch_totals", values)]


def read_staged_totals(connection: Connection) -> list[BatchTotal]:
    """Return the same of the payments that are staged to be applied."""
    return [_total(row) for row in _SQL.run(connection, "find_staged_totals")]


def _total(row: Row[Any]) -> BatchTotal:
    return BatchTotal(
        merchant_id=row.merchant_id,
        batch_num=row.batch_num,
        rows=int(row.payments),
        amount=int(row.amount),
    )
