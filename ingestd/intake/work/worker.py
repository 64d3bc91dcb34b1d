"""One worker: takes the next upload, runs its journey in a thread, delivers what came of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database
from ingestd.intake.answering.delivery import deliver
from ingestd.intake.answering.receipt import counts_of
from ingestd.intake.looking.claim import Claims
from ingestd.intake.pipeline import Works, process
from ingestd.intake.reading.progress import HandedBackError, Progress
from ingestd.intake.work.space import SpaceWatch
from ingestd.ledger.evidence.publishing import publish
from ingestd.ledger.evidence.seals import Seal
from ingestd.ledger.evidence.signing import SignedTree
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, FileStatus, read_file_outcome
from ingestd.ledger.outcomes.findings import read_codes
from ingestd.spool.folders import Folders
from ingestd.spool.queue import (
    WAITS_FOR_BOOKS,
    WAITS_FOR_SPACE,
    QueuedUpload,
    hand_back,
    lease_next,
    put_back,
    renew_lease,
    undelivered,
    wait_for_space,
)
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger, trace_without_words
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import (
    ClockBehindError,
    IngestdError,
    LeaseLostError,
    LedgerRolledBackError,
    NoSpaceError,
)
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.money import decimals_of, format_amount

RENEW_SECONDS = 3.0
_DELIVERIES_MAX = 500
_CODES_TOLD_MAX = 10
_ROLLED_BACK_SECONDS = 5.0

log = get_logger("ingestd.intake")


class AccountGoneError(IngestdError):
    """An upload waits for an account that is no longer configured."""

    code = "account_gone"


@dataclass(slots=True, kw_only=True)
class Worker:
    """Processes one upload at a time. Everything here runs in a thread, never in the loop."""

    works: Works
    folders: Folders
    keeper: AccessKeeper
    claims: Claims
    metrics: Metrics
    space: SpaceWatch
    stopping: threading.Event = field(default_factory=threading.Event)
    _in_hand: set[UploadId] = field(default_factory=set)
    _rolled_back: set[AccountId] = field(default_factory=set)
    _owed_back: dict[UploadId, QueuedUpload] = field(default_factory=dict)

    @property
    def _database(self) -> Database:
        return self.works.database

    def run_next(self) -> bool:
        """Process the next upload of the queue, if there is one; tell whether there was.

        Raises DatabaseError when the queue cannot be asked, and ClockBehindError for an upload
        that waits for the clock; it was handed back untried.
        """
        self._give_back_owed()
        with self._database.at_once() as connection:
            upload = lease_next(
                connection, node=self.works.node, owner=self.works.node, now=self._now()
            )
        if upload is None:
            return False
        # While the world is in a file's way it is tried often, and the log tells once of all.
        if upload.attempts > 1 or upload.last_error not in (None, WAITS_FOR_SPACE, WAITS_FOR_BOOKS):
            log.info(
                Event.FILE_RETRIED,
                account=upload.account,
                upload_id=upload.upload_id,
                filename=upload.filename,
                attempts=upload.attempts,
            )
        self._in_hand.add(upload.upload_id)
        try:
            self._run(upload)
        finally:
            self._in_hand.discard(upload.upload_id)
        return True

    def deliver_left_over(self) -> int:
        """Deliver what has an outcome and was not delivered: a crash or a full disk came between.

        Returns how many were delivered; one that fails again is left for the next time.
        """
        with self._database.reading() as connection:
            left_over = undelivered(connection, node=self.works.node, limit=_DELIVERIES_MAX)
        delivered = 0
        for upload in left_over:
            if upload.upload_id in self._in_hand:
                continue  # a worker is about to deliver it
            if self.space.is_due(_delivery_of(upload)):
                delivered += self._try_to_deliver(upload) is not None
        return delivered

    def _run(self, upload: QueuedUpload) -> None:
        started = time.monotonic()
        try:
            outcome, seal = self._process(upload)
        except (HandedBackError, ClockBehindError) as error:
            with self._database.at_once() as connection:
                hand_back(connection, upload)
            if isinstance(error, ClockBehindError):
                raise
            return
        except LedgerRolledBackError as error:
            self._wait_for_the_books(upload, error)
            return
        except LeaseLostError as error:
            self.space.note_room(_work_on(upload))
            self._complain(upload, error, will_retry=False)
            return
        except Exception as error:  # noqa: BLE001 - a worker outlives any one file
            self._put_back(upload, error)
            return
        self._rolled_back.discard(upload.account)
        self.space.note_room(_work_on(upload))
        seconds = time.monotonic() - started
        # It is committed: whoever finds the receipt finds it counted.
        self._count(outcome, seconds)
        delivered = self._try_to_deliver(upload, seal.tree.signed)
        # Told last: who reads the line finds the receipt.
        self._tell(delivered or self._stored(outcome), seal, seconds=seconds)

    def _process(self, upload: QueuedUpload) -> tuple[FileOutcome, Seal]:
        account = self.keeper.current.accounts.get(upload.account)
        if account is None:
            raise AccountGoneError(
                f"Account {upload.account} is not in accounts.toml any more. "
                "Put it back; then run: ingestd uploads retry"
            )
        claimed = self.folders.claimed(upload.account) / upload.upload_id / upload.filename
        return process(self.works, account, upload, claimed, self._progress(upload))

    def _progress(self, upload: QueuedUpload) -> Progress:
        renewed = time.monotonic()

        def report(records: int, bytes_read: int) -> None:
            nonlocal renewed
            if time.monotonic() - renewed < RENEW_SECONDS:
                return
            renewed = time.monotonic()
            with self._database.at_once() as connection:
                if not renew_lease(connection, upload, now=self._now(), records=records):
                    raise LeaseLostError(f"Upload {upload.upload_id} was taken over.")
            log.info(
                Event.FILE_PROGRESSED,
                account=upload.account,
                upload_id=upload.upload_id,
                filename=upload.filename,
                records=records,
                bytes_read=bytes_read,
                size_bytes=upload.size_bytes,
            )

        return Progress(report=report, must_stop=self.stopping.is_set)

    def _try_to_deliver(
        self, upload: QueuedUpload, signed: SignedTree | None = None
    ) -> FileOutcome | None:
        """Deliver what came of an upload; None where that failed, and is to be tried again.

        `signed` is what was just signed with it.
        """
        try:
            outcome = deliver(
                self._database,
                self.folders,
                upload,
                decimals=self._decimals(upload.account),
                signing=self.works.signing,
                signed=signed,
            )
        except NoSpaceError as error:
            self.space.note_full(_delivery_of(upload), error)
            return None
        except (IngestdError, OSError) as error:
            self.space.note_room(_delivery_of(upload))
            self._complain(upload, error, will_retry=True)
            return None
        self.space.note_room(_delivery_of(upload))
        self.claims.forget(upload.upload_id)
        return outcome

    def _put_back(self, upload: QueuedUpload, error: Exception) -> None:
        if isinstance(error, NoSpaceError):
            self.space.note_full(_work_on(upload), error)
            self._owed_back[upload.upload_id] = upload
            self._give_back_owed()
            return
        self.space.note_room(_work_on(upload))
        # The name of the error only: its text may quote what stands in the file.
        reason = error.message if isinstance(error, IngestdError) else type(error).__name__
        with self._database.at_once() as connection:
            again = put_back(connection, upload, error=reason, now=self._now())
        self._complain(upload, error, will_retry=again)

    def _wait_for_the_books(self, upload: QueuedUpload, error: LedgerRolledBackError) -> None:
        """Give a file back, whose books are not those that were signed: it is not its fault."""
        with self._database.at_once() as connection:
            wait_for_space(
                connection,
                upload,
                now=self._now(),
                seconds=_ROLLED_BACK_SECONDS,
                error=WAITS_FOR_BOOKS,
            )
        if upload.account not in self._rolled_back:
            self._rolled_back.add(upload.account)
            log.critical(
                Event.LEDGER_ROLLED_BACK,
                account=upload.account,
                upload_id=upload.upload_id,
                error=error.message,
            )

    def _give_back_owed(self) -> None:
        """Give back what failed for want of space, as soon as the queue can take a word of it."""
        for upload in list(self._owed_back.values()):
            seconds = self.space.seconds_until_due(_work_on(upload))
            with self._database.at_once() as connection:
                wait_for_space(connection, upload, now=self._now(), seconds=seconds)
            self._owed_back.pop(upload.upload_id, None)

    def _complain(self, upload: QueuedUpload, error: Exception, *, will_retry: bool) -> None:
        self.metrics.worker_failures.inc()
        is_ours = isinstance(error, IngestdError)
        log.error(
            Event.WORKER_FAILED,
            account=upload.account,
            upload_id=upload.upload_id,
            filename=upload.filename,
            attempts=upload.attempts,
            will_retry=will_retry,
            error=error.message if isinstance(error, IngestdError) else type(error).__name__,
            exc_info=None if is_ours else trace_without_words(error),
        )

    def _tell(self, outcome: FileOutcome, seal: Seal, *, seconds: float) -> None:
        """Write the file's one line."""
        account, rows = outcome.account, outcome.rows
        context = {"account": account, "upload_id": outcome.upload_id}
        decimals = self._decimals(account)
        write = log.warning if _took_nothing(outcome) else log.info
        write(
            Event.FILE_REJECTED if outcome.status is FileStatus.REJECTED else Event.FILE_PROCESSED,
            **context,
            filename=outcome.provenance.filename,
            format=outcome.provenance.format,
            status=outcome.status.value,
            size_bytes=outcome.provenance.size_bytes,
            sha256=outcome.provenance.sha256,
            rows=None if rows is None else counts_of(rows),
            applied_amount=format_amount(outcome.applied_amount, decimals),
            findings=outcome.findings,
            codes=self._codes(outcome),
            same_bytes_as=outcome.same_bytes_as,
            duration_ms=round(seconds * 1000),
        )
        if rows is not None and rows.conflict:
            log.warning(Event.ROW_CONFLICTS_FOUND, **context, conflict=rows.conflict)
        publish(seal, self.works.signing)

    def _codes(self, outcome: FileOutcome) -> list[str]:
        """Return the codes that say why a file, or rows of it, were not taken."""
        if not outcome.findings:
            return []
        try:
            with self._database.reading() as connection:
                return read_codes(
                    connection, outcome.account, outcome.upload_id, limit=_CODES_TOLD_MAX
                )
        except IngestdError:
            return []  # the file is done: its line is written all the same

    def _stored(self, outcome: FileOutcome) -> FileOutcome:
        """Return an outcome as it is read back, which knows who had sent the same bytes before."""
        try:
            with self._database.reading() as connection:
                stored = read_file_outcome(connection, outcome.account, outcome.upload_id)
        except IngestdError:
            return outcome  # the file is done: its line is written all the same
        return stored or outcome

    def _count(self, outcome: FileOutcome, seconds: float) -> None:
        self.metrics.files.labels(outcome.account, outcome.status.value).inc()
        self.metrics.file_seconds.observe(seconds)
        if outcome.rows is not None:
            for verdict, count in counts_of(outcome.rows).items():
                if verdict != "total":
                    self.metrics.rows.labels(outcome.account, verdict).inc(count)

    def _decimals(self, account_id: AccountId) -> int:
        account = self.keeper.current.accounts.get(account_id)
        return 2 if account is None else decimals_of(account.currency)

    def _now(self) -> int:
        return to_microseconds(self.works.clock.now())


def _work_on(upload: QueuedUpload) -> str:
    return f"upload {upload.upload_id}"


def _delivery_of(upload: QueuedUpload) -> str:
    return f"delivery {upload.upload_id}"


def _took_nothing(outcome: FileOutcome) -> bool:
    """Tell whether a file was refused, or each of its rows was: somebody should know."""
    rows = outcome.rows
    if outcome.status is FileStatus.REJECTED or rows is None:
        return True
    return 0 < rows.total == rows.rejected + rows.conflict
