"""Outcomes: what each file and each row that was not applied got, as facts beside the postings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.formats.names import FormatName
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repeated:
    """What a duplicate or a conflict repeats: by which number it is found, and the fact itself.

    `table` holds the row's key in its column `key`, and the number in `number`.
    """

    number: str
    table: str
    key: str
    fact: str


_CHARGE = _Repeated(number="charge_no", table="charge_key", key="tracking_id", fact="charge")
_REFUND = _Repeated(number="charge_no", table="charge_key", key="tracking_id", fact="refund")
_PAYMENT = _Repeated(number="payment_no", table="payment", key="payment_id", fact="payment")
_REPEATED = {
    FormatName.STUDENT_REFUNDS.value: _REFUND,
    FormatName.FEE_PAYMENTS.value: _PAYMENT,
    FormatName.SUNDRY_PAYMENTS.value: _PAYMENT,
    FormatName.ENROLMENT_PAYMENTS.value: _PAYMENT,
}


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
    """What became of one upload. `rows` is None for a file that was never taken as rows."""

    account: AccountId
    upload_id: UploadId
    provenance: Provenance
    finished_at: int
    status: FileStatus
    rows: RowCounts | None
    applied_amount: int
    findings: int


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
    connection: Connection, head: Head, batch: Batch, *, format_name: str | None
) -> None:
    """Keep a verdict for each staged row that was not applied; call it after posting."""
    repeated = _REPEATED.get(format_name or "", _CHARGE)
    connection.execute(
        sa.text(
            "INSERT INTO row_outcome (account, upload_id, row, line, outcome)"
            " SELECT :account, :upload_id, row, line, 'rejected' FROM stage_rejected ORDER BY row"
        ),
        {"account": head.account, "upload_id": batch.upload_id},
    )
    connection.execute(
        sa.text(
            f"INSERT INTO row_outcome (account, upload_id, row, line, outcome, {repeated.number})"
            # A row that repeats another of this file learns its number only now.
            " SELECT :account, :upload_id, r.row, r.line, r.outcome, COALESCE(r.earlier_no,"
            f"  (SELECT c.{repeated.number} FROM {repeated.table} c"
            f"   WHERE c.account = :account AND c.{repeated.key} = r.row_key))"
            " FROM stage_repeat r ORDER BY r.row"
        ),
        {"account": head.account, "upload_id": batch.upload_id},
    )


def store_file_outcome(connection: Connection, batch: Batch, outcome: FileOutcome) -> None:
    """Keep a file's outcome; the key refuses a second one for the same upload."""
    rows, provenance = outcome.rows, outcome.provenance
    connection.execute(
        sa.text(
            "INSERT INTO file_outcome (account, upload_id, batch_no, filename, format, source,"
            " sha256, size_bytes, received_at, finished_at, peer, session_id, key_fingerprint,"
            " client_version, node, status, records, applied, duplicate, conflict, rejected,"
            " applied_amount, findings) VALUES (:account, :upload_id, :batch_no, :filename,"
            " :format, :source, :sha256, :size_bytes, :received_at, :finished_at, :peer,"
            " :session_id, :key_fingerprint, :client_version, :node, :status, :records, :applied,"
            " :duplicate, :conflict, :rejected, :applied_amount, :findings)"
        ),
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
            "node": provenance.node,
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
    row = connection.execute(
        sa.text(
            "SELECT filename, format, source, size_bytes, sha256, received_at, peer, session_id,"
            " key_fingerprint, client_version, node, finished_at, status, records, applied,"
            " duplicate, conflict, rejected, applied_amount, findings FROM file_outcome"
            " WHERE account = :account AND upload_id = :upload_id"
        ),
        {"account": account, "upload_id": upload_id},
    ).one_or_none()
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
    )


def list_applied_before(connection: Connection, outcome: FileOutcome) -> list[AppliedBefore]:
    """Return who had applied rows of a file before it came, earliest upload first."""
    repeated = _REPEATED.get(outcome.provenance.format or "", _CHARGE)
    found = connection.execute(
        sa.text(
            "SELECT c.upload_id, f.filename, COUNT(*) AS repeats FROM row_outcome o"
            f" LEFT JOIN {repeated.fact} c"
            f"  ON c.account = o.account AND c.{repeated.number} = o.{repeated.number}"
            " LEFT JOIN file_outcome f ON f.account = c.account AND f.upload_id = c.upload_id"
            " WHERE o.account = :account AND o.upload_id = :upload_id AND o.outcome = 'duplicate'"
            # A row that stands twice in the file has a finding of its own.
            " AND COALESCE(c.upload_id, '') <> :upload_id"
            " GROUP BY c.upload_id, f.filename ORDER BY COALESCE(c.upload_id, '')"
        ),
        {"account": outcome.account, "upload_id": outcome.upload_id},
    )
    return [
        AppliedBefore(upload_id=row.upload_id, filename=row.filename, rows=int(row.repeats))
        for row in found
    ]


def find_same_bytes(
    connection: Connection, account: AccountId, upload_id: UploadId, sha256: str
) -> UploadId | None:
    """Return the account's first upload of the same bytes before this one, if there is one."""
    found = connection.execute(
        sa.text(
            "SELECT MIN(upload_id) FROM file_outcome WHERE account = :account"
            " AND sha256 = :sha256 AND batch_no < (SELECT batch_no FROM file_outcome"
            "  WHERE account = :account AND upload_id = :upload_id)"
        ),
        {"account": account, "upload_id": upload_id, "sha256": sha256},
    ).scalar()
    return None if found is None else UploadId(found)
