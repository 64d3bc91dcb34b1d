"""Outcomes: what each file and each row that was not applied got, as facts beside the postings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.formats.names import PAYMENT_NAMES
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.provenance import Provenance

_SQL = Statements(__file__)


class FileStatus(StrEnum):
    """How a file ended; the receipt's `status`."""

    PROCESSED = "processed"
    PROCESSED_WITH_FINDINGS = "processed_with_findings"
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """How many rows of a file got each verdict; every row has exactly one."""

    applied: int
    duplicate: int
    conflict: int
    rejected: int

    @property
    def total(self) -> int:
        """All rows of the file."""
        return self.applied + self.duplicate + self.conflict + self.rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one upload. `rows` is None for a file that was never taken as rows.

    `location` is the place of sale that its name tells, or None.
    `same_bytes_as` is the account's first upload of the same bytes before this one, if there is
    one; who reads an outcome is told, not who makes it.
    """

    account: AccountId
    upload_id: UploadId
    provenance: Provenance
    finished_at: int
    status: FileStatus
    rows: RowCounts | None
    applied_amount: int
    findings: int
    location: str | None = None
    same_bytes_as: UploadId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedBefore:
    """How many rows of a file one earlier upload had applied, or a command where it is None."""

    upload_id: UploadId | None
    filename: str | None
    rows: int


def status_of(rows: RowCounts) -> FileStatus:
    """Return the status that a file's row counts amount to, unless it was refused whole."""
    if rows.conflict or rows.rejected:
        return FileStatus.PROCESSED_WITH_FINDINGS
    return FileStatus.PROCESSED


def store_row_outcomes(
    connection: Connection, head: Head, batch: Batch, rows: RowCounts, *, format_name: str | None
) -> None:
    """Keep a verdict for each staged row that was not applied, in runs; call it after posting.

    `rows` says how many there are of each: of most files there is none.
    """
    values = {
        "account": head.account,
        "upload_id": batch.upload_id,
        "batch_no": batch.batch_no,
    }
    if rows.rejected:
        _SQL.run(connection, "insert_rejected_rows", values)
    if not rows.duplicate + rows.conflict:
        return
    if format_name in PAYMENT_NAMES:
        _SQL.run(connection, "learn_payments", values)
        _SQL.run(connection, "insert_repeats_of_payments", values)
    else:
        _SQL.run(connection, "learn_charges", values)
        _SQL.run(connection, "insert_repeats_of_charges", values)


def store_file_outcome(connection: Connection, batch: Batch, outcome: FileOutcome) -> None:
    """Keep a file's outcome; the key refuses a second one for the same upload."""
    rows, provenance = outcome.rows, outcome.provenance
    _SQL.run(
        connection,
        "insert_file_outcome",
        {
            "account": outcome.account,
            "upload_id": outcome.upload_id,
            "batch_no": batch.batch_no,
            "filename": provenance.filename,
            "format": provenance.format,
            "source": provenance.source,
            "sha256": provenance.sha256,
            "size_bytes": provenance.size_bytes,
            "received_at": provenance.received_at,
            "finished_at": outcome.finished_at,
            "peer": provenance.peer,
            "session_id": provenance.session_id,
            "key_fingerprint": provenance.key_fingerprint,
            "client_version": provenance.client_version,
            "sent_by": provenance.sent_by,
            "node": provenance.node,
            "location": outcome.location,
            "status": outcome.status.value,
            "records": rows.total if rows else None,
            "applied": rows.applied if rows else None,
            "duplicate": rows.duplicate if rows else None,
            "conflict": rows.conflict if rows else None,
            "rejected": rows.rejected if rows else None,
            "applied_amount": outcome.applied_amount,
            "findings": outcome.findings,
        },
    )


def read_file_outcome(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> FileOutcome | None:
    """Return an upload's outcome, or None while it has none."""
    values = {"account": account, "upload_id": upload_id}
    row = _SQL.run(connection, "find_file_outcome", values).one_or_none()
    if row is None:
        return None
    counts = None
    if row.records is not None:
        counts = RowCounts(
            applied=row.applied,
            duplicate=row.duplicate,
            conflict=row.conflict,
            rejected=row.rejected,
        )
    provenance = Provenance(
        filename=row.filename,
        format=row.format,
        source=row.source,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        received_at=row.received_at,
        peer=row.peer,
        session_id=row.session_id,
        key_fingerprint=row.key_fingerprint,
        client_version=row.client_version,
        sent_by=row.sent_by,
        node=row.node,
    )
    return FileOutcome(
        account=account,
        upload_id=upload_id,
        provenance=provenance,
        finished_at=row.finished_at,
        status=FileStatus(row.status),
        rows=counts,
        applied_amount=row.applied_amount,
        findings=row.findings,
        location=row.location,
        same_bytes_as=row.same_bytes_as,
    )


def list_applied_before(connection: Connection, outcome: FileOutcome) -> list[AppliedBefore]:
    """Return who had applied rows of a file before it came, earliest upload first."""
    values = {"account": outcome.account, "upload_id": outcome.upload_id}
    found = _SQL.run(connection, "find_earlier_uploads", values)
    return [
        AppliedBefore(upload_id=row.upload_id, filename=row.filename, rows=int(row.repeats))
        for row in found
    ]
