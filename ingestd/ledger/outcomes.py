"""Outcomes: what each file and each row that was not applied got, as facts beside the postings."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult

from ingestd.database.bulk import stream
from ingestd.formats.findings import Verdict
from ingestd.formats.names import FormatName
from ingestd.ledger.head import Head
from ingestd.ledger.seal import Batch
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.provenance import Provenance

_CHUNK_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repeated:
    """What a duplicate or a conflict repeats: by which number it is found, and the fact itself.

    `table` holds the row's key in its column `key`, and the number in `number`; `written_in` is
    the column of the file that holds the key.
    """

    number: str
    table: str
    key: str
    fact: str
    written_in: str = "charge_tracking_id"


_CHARGE = _Repeated(number="charge_no", table="charge_key", key="tracking_id", fact="charge")
_REFUND = _Repeated(number="charge_no", table="charge_key", key="tracking_id", fact="refund")
_PAYMENT = _Repeated(
    number="payment_no",
    table="payment",
    key="payment_id",
    fact="payment",
    written_in="receipt_num",
)
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
class StoredFinding:
    """A finding as the receipt tells it."""

    code: str
    verdict: str
    row: int | None
    line: int | None
    column: str | None
    value: str | None
    message: str


class RowVerdict(NamedTuple):
    """A row that was not applied, with one of its findings if it has any.

    For a duplicate, `first_upload_id` and `first_row` say where it was applied. `key_column` is
    the column of the file by which rows are known.
    """

    row: int
    line: int
    outcome: str
    finding: StoredFinding | None
    first_upload_id: str | None
    first_row: int | None
    key_column: str = _CHARGE.written_in


_NO_MORE: tuple[float, Iterator[Any]] = (math.inf, iter(()))


def status_of(rows: RowCounts) -> FileStatus:
    """Return the status that a file's row counts amount to, unless it was refused whole."""
    if rows.conflict or rows.rejected:
        return FileStatus.PROCESSED_WITH_FINDINGS
    return FileStatus.PROCESSED


def store_findings(connection: Connection, account: AccountId, upload_id: UploadId) -> int:
    """Keep the staged findings, in the order of the file; return how many there are."""
    result = connection.execute(
        sa.text(
            "INSERT INTO finding (account, upload_id, finding_no, code, verdict, row, line,"
            " column_name, value, message)"
            " SELECT :account, :upload_id,"
            # No NULL and no tie in the order: both databases are to number findings alike.
            " ROW_NUMBER() OVER (ORDER BY COALESCE(row, 0), COALESCE(line, 0),"
            "  COALESCE(column_name, ''), code, message, COALESCE(value, ''), verdict),"
            " code, verdict, row, line, column_name, value, message FROM stage_finding"
        ),
        {"account": account, "upload_id": upload_id},
    )
    return result.rowcount


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


def read_findings(
    connection: Connection, account: AccountId, upload_id: UploadId, *, limit: int
) -> list[StoredFinding]:
    """Return up to `limit` findings in the order of the file.

    Where there are more, those that cost a row or the file come before warnings.
    """
    rows = connection.execute(
        sa.text(
            "SELECT finding_no, code, verdict, row, line, column_name, value, message FROM finding"
            " WHERE account = :account AND upload_id = :upload_id"
            " ORDER BY CASE verdict WHEN :warning THEN 1 ELSE 0 END, finding_no LIMIT :limit"
        ),
        {
            "account": account,
            "upload_id": upload_id,
            "warning": Verdict.WARNING.value,
            "limit": limit,
        },
    ).all()
    return [_finding(row) for row in sorted(rows, key=lambda row: int(row.finding_no))]


def iterate_row_verdicts(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> Iterator[RowVerdict]:
    """Yield every row that was not applied, once for each of its findings, in the file's order."""
    repeated = _REPEATED.get(_format_of(connection, account, upload_id) or "", _CHARGE)
    column = repeated.written_in
    with (
        closing(_row_outcomes(connection, account, upload_id, repeated)) as outcomes,
        _row_findings(connection, account, upload_id) as stored,
    ):
        findings = groupby(stored, key=attrgetter("row"))
        found_row, found = next(findings, _NO_MORE)
        for row, line, outcome, first_upload_id, first_row in chain.from_iterable(outcomes):
            # Both come in the order of the file: a million rows are joined by walking them once.
            while found_row < row:
                found_row, found = next(findings, _NO_MORE)
            if found_row > row:
                yield RowVerdict(row, line, outcome, None, first_upload_id, first_row, column)
                continue
            for finding in found:
                found_so = _finding(finding)
                yield RowVerdict(row, line, outcome, found_so, first_upload_id, first_row, column)


def _row_outcomes(
    connection: Connection, account: AccountId, upload_id: UploadId, repeated: _Repeated
) -> Generator[list[tuple[Any, ...]], None, None]:
    """Yield chunks of rows with their line and outcome, and where the first one stands."""
    return stream(
        connection,
        "SELECT o.row, o.line, o.outcome, c.upload_id, c.row"
        " FROM row_outcome o"
        f" LEFT JOIN {repeated.fact} c"
        f" ON c.account = o.account AND c.{repeated.number} = o.{repeated.number}"
        " WHERE o.account = :account AND o.upload_id = :upload_id ORDER BY o.row",
        {"account": account, "upload_id": upload_id},
        chunk_rows=_CHUNK_ROWS,
    )


def _row_findings(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> CursorResult[Any]:
    """Return the findings on rows; they are numbered in the order of the file."""
    return connection.execute(
        sa.text(
            "SELECT code, verdict, row, line, column_name, value, message FROM finding"
            " WHERE account = :account AND upload_id = :upload_id AND row IS NOT NULL"
            " ORDER BY finding_no"
        ),
        {"account": account, "upload_id": upload_id},
        execution_options={"yield_per": _CHUNK_ROWS},
    )


def read_codes(
    connection: Connection, account: AccountId, upload_id: UploadId, *, limit: int
) -> list[str]:
    """Return what cost a file or its rows: up to `limit` codes, each once, in their order."""
    codes = connection.execute(
        sa.text(
            "SELECT DISTINCT code FROM finding WHERE account = :account"
            " AND upload_id = :upload_id AND verdict <> :warning ORDER BY code LIMIT :limit"
        ),
        {
            "account": account,
            "upload_id": upload_id,
            "warning": Verdict.WARNING.value,
            "limit": limit,
        },
    )
    return [str(code) for code in codes.scalars()]


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


def _format_of(connection: Connection, account: AccountId, upload_id: UploadId) -> str | None:
    format_name: str | None = connection.execute(
        sa.text(
            "SELECT format FROM file_outcome WHERE account = :account AND upload_id = :upload_id"
        ),
        {"account": account, "upload_id": upload_id},
    ).scalar()
    return format_name


def _finding(row: Any) -> StoredFinding:  # noqa: ANN401 - a row of either statement
    return StoredFinding(
        code=row.code,
        verdict=row.verdict,
        row=row.row,
        line=row.line,
        column=row.column_name,
        value=row.value,
        message=row.message,
    )
