"""One worker: takes the next upload, runs its journey in a thread, delivers what came of it."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database
from ingestd.intake.answering.delivery import deliver
from ingestd.intake.looking.claim import Claims
from ingestd.intake.looking.unread import read_verdict
from ingestd.intake.pipeline import Decided, DoubtedError, Works, close_without_rows, process
from ingestd.intake.reading.progress import HandedBackError, Progress
from ingestd.intake.work.space import SpaceWatch
from ingestd.intake.work.telling import Telling
from ingestd.ledger.evidence.signing import SignedTree
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.spool.files import hash_of, make_folder
from ingestd.spool.folders import Folders
from ingestd.spool.queue import (
    WAITS_FOR_BOOKS,
    WAITS_FOR_SPACE,
    Given,
    QueuedUpload,
    find_upload,
    hand_back,
    is_done_by,
    lease_next,
    put_back,
    renew_lease,
    undelivered,
    wait_for_world,
)
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger, trace_without_words
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import (
    ArchiveAwayError,
    ClockBehindError,
    DatabaseError,
    DatabaseFaultError,
    IngestdError,
    LeaseLostError,
    LedgerRolledBackError,
    NoSpaceError,
    SchemaError,
)
from ingestd.values.identifiers import AccountId, UploadId

RENEW_SECONDS = 3.0
_DELIVERIES_MAX = 500
_ROLLED_BACK_SECONDS = 5.0

log = get_logger("ingestd.intake")


class AccountGoneError(IngestdError):
    """An upload waits for an account that is no longer configured."""

    code = "account_gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    """An upload that failed, and that the queue is owed a word of."""

    upload: QueuedUpload
    error: Exception
    seconds: float

    @property
    def decided(self) -> Decided | None:
        """What may be committed all the same."""
        return self.error.decided if isinstance(self.error, DoubtedError) else None

    @property
    def is_of_the_world(self) -> bool:
        """Whether the file can do nothing for it: a full disk; database or archive are away."""
        is_fault = isinstance(self.error, DatabaseFaultError)
        of_the_world = (NoSpaceError, DatabaseError, ArchiveAwayError)
        return isinstance(self.error, of_the_world) and not is_fault

    @property
    def reason(self) -> str:
        """The error's own words; of one that is not ours its name only: it may quote the file."""
        return (
            self.error.message
            if isinstance(self.error, IngestdError)
            else type(self.error).__name__
        )


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
    _owed: dict[UploadId, _Owed] = field(default_factory=dict)
    _telling: Telling = field(init=False)

    def __post_init__(self) -> None:
        """Know whom to tell."""
        self._telling = Telling(works=self.works, keeper=self.keeper, metrics=self.metrics)

    @property
    def _database(self) -> Database:
        return self.works.database

    def run_next(self) -> bool:
        """Process the next upload of the queue, if there is one; tell whether there was.

        Raises DatabaseError when the queue cannot be asked; ClockBehindError for an upload that
        waits for the clock, and SchemaError for one that a newer program is to process: it was
        handed back untried.
        """
        self._settle_owed()
        node, shares = self.works.node, self.works.archive.is_shared
        upload = self._database.at_once(
            lambda connection: lease_next(
                connection, node=node, owner=node, now=self._now(), shares=shares
            )
        )
        if upload is None:
            return False
        # While the world is in a file's way it is tried often, and the log tells once of all.
        if upload.last_error not in (None, WAITS_FOR_SPACE, WAITS_FOR_BOOKS):
            log.info(
                Event.FILE_RETRIED,
                account=upload.account,
                upload_id=upload.upload_id,
                filename=upload.filename,
                attempts=upload.attempts + upload.waits + 1,
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
            if upload.upload_id in self._in_hand or upload.upload_id in self._owed:
                continue  # a worker is about to deliver it
            if self.space.is_due(_delivery_of(upload)):
                delivered += self._try_to_deliver(upload) is not None
        return delivered

    def _run(self, upload: QueuedUpload) -> None:
        started = time.monotonic()
        try:
            decided = self._decide(upload)
        except (HandedBackError, ClockBehindError, SchemaError) as error:
            self._database.at_once(lambda connection: hand_back(connection, upload))
            if not isinstance(error, HandedBackError):
                raise
            return
        except LedgerRolledBackError as error:
            self._wait_for_the_books(upload, error)
            return
        except LeaseLostError as error:
            self.space.note_room(_work_on(upload))
            self._complain(upload, error, will_retry=True)  # by whoever has it now
            return
        except Exception as error:  # noqa: BLE001 - a worker outlives any one file
            owed = _Owed(upload=upload, error=error, seconds=time.monotonic() - started)
            self._note_space(owed)
            self._owed[upload.upload_id] = owed
            self._settle_owed()
            return
        self._finish(upload, decided, time.monotonic() - started)

    def _decide(self, upload: QueuedUpload) -> Decided:
        account = self.keeper.current.accounts.get(upload.account)
        if account is None:
            raise AccountGoneError(
                f"Account {upload.account} is not in accounts.toml any more. "
                "Put it back; then run: ingestd uploads retry"
            )
        if upload.verdict is not None:
            status, finding = read_verdict(upload.verdict)
            return close_without_rows(self.works, account, upload, status=status, finding=finding)
        return process(self.works, account, upload, self._bytes_of(upload), self._progress(upload))

    def _bytes_of(self, upload: QueuedUpload) -> Path:
        """Return where an upload's bytes lie here; what all nodes share is fetched, if need be.

        Raises ArchiveAwayError, WrongBlobError and StorageError.
        """
        path = self.folders.claimed(upload.account) / upload.upload_id / upload.filename
        if upload.archived and upload.sha256 is not None:
            with contextlib.suppress(FileNotFoundError):
                if hash_of(path) == upload.sha256:
                    return path
            # Before there is a folder: to the look into it this is no file that somebody claimed.
            self.claims.remember(upload.upload_id)
            make_folder(path.parent)
            self.works.archive.fetch(upload.account, upload.sha256, path)
        return path

    def _finish(self, upload: QueuedUpload, decided: Decided, seconds: float) -> None:
        """Count, deliver and tell of an upload whose outcome is committed, in this order."""
        self._rolled_back.discard(upload.account)
        self.space.note_room(_work_on(upload))
        # It is committed: whoever finds the receipt finds it counted.
        self._telling.count(decided.outcome, seconds)
        delivered = self._try_to_deliver(upload, decided.seal.tree.signed)
        # Told last: who reads the line finds the receipt.
        self._telling.tell(upload, decided, delivered, seconds=seconds)

    def _progress(self, upload: QueuedUpload) -> Progress:
        renewed = time.monotonic()

        def report(records: int, bytes_read: int) -> None:
            nonlocal renewed
            if time.monotonic() - renewed < RENEW_SECONDS:
                return
            renewed = time.monotonic()
            now = self._now()
            if not self._database.at_once(
                lambda connection: renew_lease(connection, upload, now=now, records=records)
            ):
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
                archive=self.works.archive,
                decimals=self._telling.decimals(upload.account),
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

    def _note_space(self, owed: _Owed) -> None:
        work = _work_on(owed.upload)
        if isinstance(owed.error, NoSpaceError):
            self.space.note_full(work, owed.error)
        else:
            self.space.note_room(work)

    def _settle_owed(self) -> None:
        """Tell the queue what failed, as soon as it can take a word of it."""
        for upload_id in list(self._owed):
            owed = self._owed.get(upload_id)
            if owed is not None:
                self._settle(owed)
                self._owed.pop(upload_id, None)

    def _settle(self, owed: _Owed) -> None:
        """Give back what failed; or finish it, where it was committed all the same."""
        upload = owed.upload
        # The outcome first: where the commit was lost sight of, it may be there.
        if self._finish_if_done(owed):
            return
        given = self._database.at_once(lambda connection: self._give_back(connection, owed))
        if given is Given.NOT_OURS:
            # The commit may have been on its way still: then the queue waited for it.
            if self._finish_if_done(owed):
                return
            # Or it was given back before, and the answer was lost.
            given = self._what_became_of(upload)
        if not isinstance(owed.error, NoSpaceError):
            self._complain(upload, owed.error, will_retry=given is not Given.TO_A_PERSON)

    def _what_became_of(self, upload: QueuedUpload) -> Given:
        """Return what became of an upload that is not in our hands any more."""
        with self._database.reading() as connection:
            found = find_upload(connection, upload.account, upload.upload_id)
        has_failed = found is not None and found.state == "failed"
        return Given.TO_A_PERSON if has_failed else Given.NOT_OURS

    def _finish_if_done(self, owed: _Owed) -> bool:
        if owed.decided is None:
            return False
        with self._database.reading() as connection:
            is_done = is_done_by(connection, owed.upload)
        if is_done:
            self._finish(owed.upload, owed.decided, owed.seconds)
        return is_done

    def _give_back(self, connection: Connection, owed: _Owed) -> Given:
        upload, now = owed.upload, self._now()
        if isinstance(owed.error, NoSpaceError):
            seconds = self.space.seconds_until_due(_work_on(upload))
            error = WAITS_FOR_SPACE
            return wait_for_world(connection, upload, now=now, error=error, seconds=seconds)
        if owed.is_of_the_world:
            return wait_for_world(connection, upload, now=now, error=owed.reason)
        return put_back(connection, upload, error=owed.reason, now=now)

    def _wait_for_the_books(self, upload: QueuedUpload, error: LedgerRolledBackError) -> None:
        """Give a file back, whose books are not those that were signed: it is not its fault."""
        now = self._now()
        self._database.at_once(
            lambda connection: wait_for_world(
                connection, upload, now=now, error=WAITS_FOR_BOOKS, seconds=_ROLLED_BACK_SECONDS
            )
        )
        if upload.account not in self._rolled_back:
            self._rolled_back.add(upload.account)
            log.critical(
                Event.LEDGER_ROLLED_BACK,
                account=upload.account,
                upload_id=upload.upload_id,
                error=error.message,
            )

    def _complain(self, upload: QueuedUpload, error: Exception, *, will_retry: bool) -> None:
        self.metrics.worker_failures.inc()
        is_ours = isinstance(error, IngestdError)
        log.error(
            Event.WORKER_FAILED,
            account=upload.account,
            upload_id=upload.upload_id,
            filename=upload.filename,
            attempts=upload.attempts + upload.waits + 1,
            will_retry=will_retry,
            error=error.message if isinstance(error, IngestdError) else type(error).__name__,
            exc_info=None if is_ours else trace_without_words(error),
        )

    def _now(self) -> int:
        return to_microseconds(self.works.clock.now())


def _work_on(upload: QueuedUpload) -> str:
    return f"upload {upload.upload_id}"


def _delivery_of(upload: QueuedUpload) -> str:
    return f"delivery {upload.upload_id}"
