"""The journey of one claimed file, on one screen: bytes, records, verdicts, one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account, FilePolicy, Policy
from ingestd.database.engine import Database
from ingestd.formats.findings.codes import Finding
from ingestd.formats.names import source_in
from ingestd.intake.handling import handling_of
from ingestd.intake.reading.progress import Progress
from ingestd.intake.reading.reading import (
    APART_BYTES_MIN,
    Reading,
    held_findings,
    read_file,
    task_of,
)
from ingestd.ledger.books.batches import Batch, open_batch
from ingestd.ledger.books.clock_check import require_clock
from ingestd.ledger.books.head import Head, lock_head
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.evidence.seals import Seal, Written, seal
from ingestd.ledger.evidence.signing import Signing
from ingestd.ledger.outcomes.file_outcomes import (
    FileOutcome,
    FileStatus,
    RowCounts,
    status_of,
    store_file_outcome,
    store_row_outcomes,
)
from ingestd.ledger.outcomes.findings import store_findings
from ingestd.ledger.outcomes.statements import read_statement
from ingestd.ledger.taking.stage import Whose
from ingestd.ledger.taking.verdicts import Posted
from ingestd.spool.archive.archive import Archive
from ingestd.spool.archive.local import LocalArchive
from ingestd.spool.queue import QueuedUpload, mark_done, renew_lease
from ingestd.values.clock import Clock, day_in, from_microseconds, to_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import DatabaseError, LeaseLostError, OutcomeInDoubtError, StorageError
from ingestd.values.money import decimals_of
from ingestd.values.provenance import Provenance

UPLOAD = "upload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What the journey needs from outside, the same for every file.

    Without `signing` batches are sealed and not signed, and receipts prove nothing. Files of
    `apart_bytes_min` and more are judged by other processes.
    """

    database: Database
    clock: Clock
    node: str
    archive: Archive = field(default_factory=LocalArchive)
    signing: Signing | None = None
    apart_bytes_min: int = APART_BYTES_MIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a committed transaction decided about a file."""

    outcome: FileOutcome
    seal: Seal


def process(
    works: Works, account: Account, upload: QueuedUpload, path: Path, progress: Progress
) -> Decided:
    """Turn a claimed file into its ledger rows, its outcome and its receipt, in one transaction.

    Raises LeaseLostError when another worker took the claim meanwhile, StorageError when the
    bytes cannot be read or are not those that were received, ClockBehindError, SchemaError,
    LedgerRolledBackError and DatabaseError; nothing is stored then, and the upload may be tried
    again. Raises DoubtedError where nobody knows.
    """
    task = task_of(
        handling_of(upload.format),
        account,
        Whose(account.account_id, upload.upload_id),
        received_at=upload.received_at,
        database=works.database,
    )
    with read_file(
        path,
        task,
        database=works.database,
        progress=progress,
        apart_bytes_min=works.apart_bytes_min,
    ) as reading:
        _require_same_bytes(upload, reading)

        def decide_now(connection: Connection) -> Decided:
            return decide(works, connection, account, upload, reading)

        return _commit(works, upload, reading, decide_now)


def close_without_rows(
    works: Works, account: Account, upload: QueuedUpload, *, status: FileStatus, finding: Finding
) -> Decided:
    """Give a leased upload that is never read as rows its outcome.

    Raises LeaseLostError, ClockBehindError, SchemaError, LedgerRolledBackError, DatabaseError and
    DoubtedError, as `process` does.
    """
    reading = held_findings(Whose(account.account_id, upload.upload_id), [finding])

    def decide_now(connection: Connection) -> Decided:
        head = lock_head(connection, account.account_id)
        now = to_microseconds(works.clock.now())
        require_clock(connection, head, now=now)
        batch = open_batch(head, event=UPLOAD, now=now, upload_id=upload.upload_id)
        outcome = FileOutcome(
            account=account.account_id,
            upload_id=upload.upload_id,
            provenance=provenance_of(upload, sha256=upload.sha256, size_bytes=upload.size_bytes),
            finished_at=now,
            status=status,
            rows=None,
            applied_amount=0,
            findings=store_findings(connection, account.account_id, upload.upload_id),
            location=location_of(account, upload),
        )
        return _close(works, connection, account, head, batch, outcome)

    return _commit(works, upload, reading, decide_now)


class DoubtedError(OutcomeInDoubtError):
    """The database was lost while it committed what was `decided`."""

    def __init__(self, error: DatabaseError, decided: Decided) -> None:
        super().__init__(error.message, detail=error.detail)
        self.decided = decided


def _commit(
    works: Works,
    upload: QueuedUpload,
    reading: Reading,
    decide_now: Callable[[Connection], Decided],
) -> Decided:
    """Bring what was read, decide about it and keep the outcome, in one transaction."""
    decided: Decided | None = None

    def commit(connection: Connection) -> Decided:
        nonlocal decided
        decided = None
        # Fenced: a worker whose lease passed to another stores nothing. And held: while this
        # transaction locks the upload, nobody takes it over, however long it lasts.
        now = to_microseconds(works.clock.now())
        if not renew_lease(connection, upload, now=now, records=reading.records):
            raise LeaseLostError(f"Upload {upload.upload_id} was taken over.")
        reading.bring(connection)
        decided = decide_now(connection)
        mark_done(connection, upload, status=decided.outcome.status.value)
        return decided

    try:
        with works.database.connection() as connection, reading.attached(connection):
            return works.database.transact(connection, lambda: commit(connection))
    except DatabaseError as error:
        if decided is None:
            raise
        raise DoubtedError(error, decided) from error


def decide(
    works: Works,
    connection: Connection,
    account: Account,
    upload: QueuedUpload,
    reading: Reading,
) -> Decided:
    """Write all that the file comes to; the caller owns the write transaction, and has brought it.

    Raises ClockBehindError, SchemaError and LedgerRolledBackError.
    """
    head = lock_head(connection, account.account_id)
    now = to_microseconds(works.clock.now())
    require_clock(connection, head, now=now)
    batch = open_batch(head, event=UPLOAD, now=now, upload_id=upload.upload_id)
    rows, applied_amount = None, 0
    posted = None
    if not reading.refused:
        day = Day.of(day_in(account.timezone, from_microseconds(batch.sealed_at)))
        entry = Entry(connection=connection, head=head, batch=batch, account=account, day=day)
        taking = handling_of(upload.format).taking
        if taking.judge(connection, head, account):
            posted = taking.post(entry, reading.folders)
    status = status_under(account.policy, None)
    if posted is not None:
        rows = counts_of_posted(posted)
        if posted.staged_for != {reading.whose}:
            raise AssertionError("only this file's rows are staged")
        if rows.total != posted.records:
            raise AssertionError("every record has exactly one verdict")
        applied_amount = posted.applied_amount
        status = status_under(account.policy, rows)
        store_row_outcomes(connection, head, batch, rows, format_name=upload.format)
    findings = 0
    if posted is None or posted.findings:
        findings = store_findings(connection, account.account_id, upload.upload_id)
    outcome = FileOutcome(
        account=account.account_id,
        upload_id=upload.upload_id,
        provenance=provenance_of(upload, sha256=reading.sha256, size_bytes=reading.size_bytes),
        finished_at=to_microseconds(works.clock.now()),
        status=status,
        rows=rows,
        applied_amount=applied_amount,
        findings=findings,
        location=location_of(account, upload),
    )
    written = None if posted is None else posted.written
    return _close(works, connection, account, head, batch, outcome, written)


def _close(
    works: Works,
    connection: Connection,
    account: Account,
    head: Head,
    batch: Batch,
    outcome: FileOutcome,
    written: Written | None = None,
) -> Decided:
    """Keep a file's outcome, and seal its batch with all that its receipt says."""
    store_file_outcome(connection, batch, outcome)
    statement = read_statement(connection, outcome, decimals=decimals_of(account.currency))
    closed = seal(
        connection, head, batch, statement=statement.hash(), signing=works.signing, written=written
    )
    return Decided(outcome=outcome, seal=closed)


def counts_of_posted(posted: Posted) -> RowCounts:
    """Return how many rows of a file got each verdict."""
    return RowCounts(
        applied=posted.applied,
        duplicate=posted.duplicate,
        conflict=posted.conflict,
        rejected=posted.rejected,
    )


def status_under(policy: Policy, rows: RowCounts | None) -> FileStatus:
    """Return the status of a file with these rows; None where it was refused unread."""
    refused_whole = policy.file is FilePolicy.ALL_OR_NOTHING and rows is not None and rows.rejected
    return FileStatus.REJECTED if rows is None or refused_whole else status_of(rows)


def location_of(account: Account, upload: QueuedUpload) -> str | None:
    """Return the place of sale that an upload's name tells, or None."""
    told = None if upload.format is None else source_in(upload.filename, upload.format)
    return account.location_of(told)


def provenance_of(upload: QueuedUpload, *, sha256: str | None, size_bytes: int) -> Provenance:
    """Return where a queued upload came from, with the bytes as they were read."""
    return Provenance(
        filename=upload.filename,
        format=upload.format,
        source=upload.source,
        size_bytes=size_bytes,
        sha256=sha256,
        received_at=upload.received_at,
        peer=upload.peer,
        session_id=upload.session_id,
        key_fingerprint=upload.key_fingerprint,
        client_version=upload.client_version,
        sent_by=upload.sent_by,
        node=upload.node,
    )


def _require_same_bytes(upload: QueuedUpload, reading: Reading) -> None:
    if upload.sha256 is not None and upload.sha256 != reading.sha256:
        raise StorageError(
            f"The file of upload {upload.upload_id} is not the one that was received. "
            "Check the disk; then run: ingestd uploads retry",
            detail=f"received {upload.sha256}, read {reading.sha256}",
        )
