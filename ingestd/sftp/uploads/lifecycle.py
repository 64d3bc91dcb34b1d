"""How uploads begin and end: staged, then published for good, refused, or kept as interrupted."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from structlog.stdlib import BoundLogger

from ingestd.access.keeper import AccessKeeper
from ingestd.formats.names import is_temporary
from ingestd.sftp.bounds.limits import MIB, DoorLimits
from ingestd.sftp.tree.incoming import AccountFiles
from ingestd.sftp.tree.places import File, FolderName
from ingestd.sftp.uploads.announcing import NotWithdrawnError, OtherNodes
from ingestd.sftp.uploads.losses import REFUSALS, Loss, UploadLostError, has_space
from ingestd.sftp.uploads.received import ReceivedMemory
from ingestd.sftp.uploads.staged_upload import Base, Sender, StagedUpload
from ingestd.spool.arrivals import Arrival, note_path, write_note
from ingestd.spool.files import storage_errors
from ingestd.spool.folders import Folders
from ingestd.spool.publish import keep_partial, publish
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import Clock
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, UploadId, new_upload_id

_TEMPORARY_SLACK_MIN = 100
_SEALED_AT_ONCE_BYTES_MAX = 1 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRequest:
    """What a client asked for when it opened a file for writing.

    `taken_bytes`: the size of what it has sent under this name a short while ago, and which may
    be claimed by now.
    """

    filename: str
    truncate: bool = False
    append: bool = False
    taken_bytes: int | None = None
    announced_bytes: int | None = None


class Uploads:
    """Begins and ends the uploads of one door."""

    def __init__(
        self,
        *,
        folders: Folders,
        keeper: AccessKeeper,
        limits: DoorLimits,
        clock: Clock,
        metrics: Metrics,
        others: OtherNodes = OtherNodes(),  # noqa: B008 - it is frozen
    ) -> None:
        self.others = others
        self.received = ReceivedMemory(clock)
        self._folders = folders
        self._keeper = keeper
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        # Two uploads of one name end one after the other, or the second rename would
        # replace a file that was acknowledged a moment before.
        self._naming: defaultdict[AccountId, asyncio.Lock] = defaultdict(asyncio.Lock)

    def naming(self, account: AccountId) -> asyncio.Lock:
        """The lock to hold while names in an account's `incoming/` change."""
        return self._naming[account]

    def files_of(self, account: AccountId) -> AccountFiles:
        """Return an account's files as the rules in force now let them be seen and claimed."""
        access = self._keeper.current
        return AccountFiles(
            self._folders,
            account,
            takes_catalogs=access.takes_catalogs(account),
            shows_partials=access.resumes(account),
        )

    def now(self) -> float:
        """Return the present, in seconds since 1970, as file times are told."""
        return self._clock.now().timestamp()

    async def begin(self, sender: Sender, request: OpenRequest, log: BoundLogger) -> StagedUpload:
        """Start an upload. Raises UploadLostError when it is refused, and StorageError."""
        upload_id = new_upload_id()
        log = log.bind(upload_id=upload_id, filename=request.filename)
        try:
            upload = await asyncio.to_thread(self._open, sender, request, upload_id)
        except UploadLostError as error:
            self._metrics.uploads.labels(outcome="refused").inc()
            log.warning(Event.UPLOAD_REFUSED, reason=error.loss.value, bytes=0)
            raise
        log.info(Event.UPLOAD_STARTED)
        return upload

    def follow(self, upload: StagedUpload) -> None:
        """Let hash and disk catch up with a large upload, in the background."""
        if upload.follower is not None and not upload.follower.done():
            return
        target = upload.plan_catch_up()
        if target is not None:
            upload.follower = asyncio.create_task(asyncio.to_thread(upload.catch_up, target))

    async def end_closed(self, upload: StagedUpload, log: BoundLogger) -> Arrival | None:
        """End an upload that its client closed: publish it, and only then return its arrival.

        None is the arrival of an upload that changes nothing. Raises UploadLostError when it is
        not whole, and StorageError when it cannot be published; nothing is published then.
        """
        await _caught_up(upload)
        loss = upload.loss()
        if upload.changes_nothing:
            await self._drop(upload)
            return None
        if loss is None:
            return await self._publish(upload, log)
        await self.end_lost(upload, loss, log)
        raise UploadLostError(loss)

    async def end_lost(self, upload: StagedUpload, loss: Loss, log: BoundLogger) -> None:
        """End an upload that is not whole: refused, or what arrived is kept. Never raises."""
        await _caught_up(upload)
        log = log.bind(upload_id=upload.upload_id, filename=upload.filename)
        if upload.brings_nothing:
            # No receipt: it would say "nothing was taken" of a file that was.
            await self._drop(upload)
            if loss is Loss.NOT_RESIZED:
                self._metrics.uploads.labels(outcome="refused").inc()
                log.warning(Event.UPLOAD_REFUSED, reason=loss.value, bytes=0)
            return
        if loss in REFUSALS:
            self._metrics.uploads.labels(outcome="refused").inc()
            log.warning(Event.UPLOAD_REFUSED, reason=loss.value, bytes=upload.size_bytes)
            await self._drop(upload)
            with contextlib.suppress(StorageError):
                # Many clients show "Failure" and no more: the receipt says what to do.
                await asyncio.to_thread(self._leave_note, upload, loss)
            return
        kept_bytes = upload.kept_bytes
        self._metrics.uploads.labels(outcome="interrupted").inc()
        # What a client asks about under this name from now on is what it sent last.
        self.received.forget_before(upload.sender.account, upload.filename, upload.started)
        try:
            await asyncio.to_thread(self._keep, upload, loss)
        except (StorageError, FileNotFoundError) as error:
            # Not found: it was published and taken, and the sync of its folder failed.
            log.warning(Event.UPLOAD_INTERRUPTED, reason=loss.value, bytes=0, detail=repr(error))
            await self._drop(upload)
        else:
            log.warning(Event.UPLOAD_INTERRUPTED, reason=loss.value, bytes=kept_bytes)
            upload.close()

    async def publish_kept(self, kept: Path, arrival: Arrival, log: BoundLogger) -> None:
        """Publish a file that lies in the data folder, whole and on disk for good.

        Raises FileNotFoundError when it is no longer there: whoever came first has published it.
        Raises UploadLostError when too many wait, and StorageError; it stays where it is then.
        """
        started = self._clock.monotonic()
        log = log.bind(upload_id=arrival.upload_id, filename=arrival.filename)
        try:
            await asyncio.to_thread(self._check_waiting, arrival.account, arrival.filename)
        except UploadLostError as error:
            self._metrics.uploads.labels(outcome="refused").inc()
            log.warning(Event.UPLOAD_REFUSED, reason=error.loss.value, bytes=0)
            raise
        async with self.naming(arrival.account):
            await asyncio.to_thread(os.stat, kept)
            log.info(Event.UPLOAD_STARTED)
            try:
                await self._publish_files(kept, await self._announced(kept, arrival))
            except UploadLostError as error:
                self._metrics.uploads.labels(outcome="refused").inc()
                log.warning(Event.UPLOAD_REFUSED, reason=error.loss.value, bytes=0)
                raise
        self._tell_received(arrival, log, started)

    async def _announced(self, path: Path, arrival: Arrival) -> Arrival:
        """Return an arrival that all nodes know of, where they share an archive."""
        announcing = self.others.of(arrival.account).announcing
        if announcing is None:
            return arrival
        return await announcing.announce(self.files_of(arrival.account), path, arrival)

    async def _take_back(self, arrival: Arrival) -> None:
        """Take back what could not be published; its client sends it again, and that is no harm."""
        announcing = self.others.of(arrival.account).announcing
        if announcing is not None and arrival.archived:
            with contextlib.suppress(NotWithdrawnError):
                await announcing.withdraw(arrival)

    async def _publish(self, upload: StagedUpload, log: BoundLogger) -> Arrival:
        naming = self.naming(upload.sender.account)
        try:
            if self._ends_at_once(upload) and not naming.locked():
                async with naming:
                    arrival = await asyncio.to_thread(self._seal_and_move, upload)
                    self._note_received(arrival)
            else:
                arrival = await asyncio.to_thread(self._seal, upload)
                arrival = await self._announced(upload.path, arrival)
                async with naming:
                    await self._publish_files(upload.path, arrival)
        except UploadLostError as error:
            await self.end_lost(upload, error.loss, log)
            raise
        except (StorageError, OSError) as error:
            await self.end_lost(upload, Loss.PUBLISH_FAILED, log.bind(detail=repr(error)))
            raise
        upload.close()
        self._tell_received(arrival, log, upload.started)
        return arrival

    def _tell_received(self, arrival: Arrival, log: BoundLogger, started: float) -> None:
        self._metrics.uploads.labels(outcome="received").inc()
        self._metrics.upload_bytes.inc(arrival.size_bytes)
        log.info(
            Event.UPLOAD_RECEIVED,
            upload_id=arrival.upload_id,
            filename=arrival.filename,
            size_bytes=arrival.size_bytes,
            sha256=arrival.sha256,
            key_fingerprint=arrival.key_fingerprint,
            client_version=arrival.client_version,
            duration_ms=round((self._clock.monotonic() - started) * 1000),
        )

    async def _publish_files(self, staged: Path, arrival: Arrival) -> None:
        """Publish a staged file; the caller holds the lock on names."""
        try:
            await asyncio.to_thread(self._move, staged, arrival)
        except (StorageError, OSError):
            await self._take_back(arrival)
            raise
        self._note_received(arrival)

    def _note_received(self, arrival: Arrival) -> None:
        self.received.note(arrival.account, arrival.filename, arrival.upload_id, arrival.size_bytes)

    def _ends_at_once(self, upload: StagedUpload) -> bool:
        """Tell whether to seal an upload while the names are locked: one thread's turn, not two.

        That is for what takes no longer than a rename, and asks no other node.
        """
        asks = self.others.of(upload.sender.account).announcing is not None
        return not asks and upload.size_bytes <= _SEALED_AT_ONCE_BYTES_MAX

    def _seal_and_move(self, upload: StagedUpload) -> Arrival:
        arrival = self._seal(upload)
        self._move(upload.path, arrival)
        return arrival

    def _seal(self, upload: StagedUpload) -> Arrival:
        """Put a whole upload's bytes on disk, and return the arrival that says so."""
        with storage_errors(upload.path):
            sha256 = upload.seal()
        return self._arrival(upload, whole=True, size_bytes=upload.size_bytes, sha256=sha256)

    def _move(self, staged: Path, arrival: Arrival) -> None:
        files = self.files_of(arrival.account)
        files.make_way(arrival.filename)
        publish(self._folders, staged, arrival, takes_catalogs=files.takes_catalogs)
        with contextlib.suppress(StorageError):
            # Published is published: what was kept of an earlier try can stay for the sweep.
            files.forget_partial(arrival.filename)

    def _open(self, sender: Sender, request: OpenRequest, upload_id: UploadId) -> StagedUpload:
        staging = self._folders.staging(sender.account)
        announced = request.announced_bytes
        if announced is not None and announced > self._limits.max_upload_bytes:
            raise UploadLostError(Loss.TOO_LARGE)
        base = None if request.truncate else self._base(sender.account, request)
        try:
            with storage_errors(staging):
                self._check_space(staging, announced or 0)
                self._check_waiting(sender.account, request.filename)
                return StagedUpload(
                    sender=sender,
                    upload_id=upload_id,
                    filename=request.filename,
                    path=staging / upload_id,
                    base=base,
                    append=request.append,
                    announced_bytes=announced,
                    size_bytes_max=self._limits.max_upload_bytes,
                    disk_reserve_bytes=self._limits.disk_reserve_bytes,
                    started=self._clock.monotonic(),
                )
        except BaseException:
            if base is not None and base.descriptor is not None:
                os.close(base.descriptor)
            raise

    def _check_space(self, staging: Path, announced_bytes: int) -> None:
        if not has_space(staging, announced_bytes + self._limits.disk_reserve_bytes):
            raise UploadLostError(Loss.NO_SPACE)

    def _check_waiting(self, account: AccountId, filename: str) -> None:
        """Refuse what the intake could not take soon: names in a folder have a price, too.

        Temporary names are counted apart. Beyond their limit the intake sets the oldest aside;
        they are refused only where it does not keep up.
        """
        temporary = is_temporary(filename)
        limit = self._limits.max_files_waiting
        if temporary:
            limit = self._limits.max_temporary_files
            limit += max(limit, _TEMPORARY_SLACK_MIN)
        with os.scandir(self._folders.incoming(account)) as waiting:
            if sum(1 for entry in waiting if is_temporary(entry.name) is temporary) >= limit:
                raise UploadLostError(Loss.TOO_MANY_WAITING)

    def _base(self, account: AccountId, request: OpenRequest) -> Base | None:
        files = self.files_of(account)
        file = File(FolderName.INCOMING, request.filename)
        found = files.find(file)
        descriptor = files.open(file) if found else None
        if found is not None and descriptor is not None:
            return Base(
                descriptor=descriptor,
                size_bytes=os.fstat(descriptor).st_size,
                received=not found.partial,
                may_continue=files.shows_partials,
            )
        if request.taken_bytes is None:
            return None
        return Base(
            descriptor=None, size_bytes=request.taken_bytes, received=True, may_continue=False
        )

    def _leave_note(self, upload: StagedUpload, loss: Loss) -> None:
        size_bytes = upload.size_bytes
        arrival = self._arrival(upload, whole=False, size_bytes=size_bytes, sha256=None, loss=loss)
        write_note(note_path(self._folders, arrival), arrival)

    def _keep(self, upload: StagedUpload, loss: Loss) -> None:
        """Leave the note of an interrupted upload, and its bytes if there are any."""
        size_bytes = upload.kept_bytes
        arrival = self._arrival(upload, whole=False, size_bytes=size_bytes, sha256=None, loss=loss)
        if size_bytes == 0 or not upload.sender.may_resume:
            upload.discard()
            write_note(note_path(self._folders, arrival), arrival)
            return
        with storage_errors(upload.path):
            upload.cut_to_kept()
        keep_partial(self._folders, upload.path, arrival)

    async def _drop(self, upload: StagedUpload) -> None:
        upload.close()
        with contextlib.suppress(OSError):
            # The sweep at the next start finds what cannot be removed now.
            await asyncio.to_thread(upload.discard)

    def _arrival(
        self,
        upload: StagedUpload,
        *,
        whole: bool,
        size_bytes: int,
        sha256: str | None,
        loss: Loss | None = None,
    ) -> Arrival:
        sender = upload.sender
        return Arrival(
            upload_id=upload.upload_id,
            account=sender.account,
            filename=upload.filename,
            whole=whole,
            size_bytes=size_bytes,
            sha256=sha256,
            received_at=self._clock.now(),
            peer=sender.peer,
            session_id=sender.session_id,
            key_fingerprint=sender.key_fingerprint,
            client_version=sender.client_version,
            loss=None if loss is None else loss.value,
            source=sender.source,
            sent_by=sender.sent_by,
        )


async def _caught_up(upload: StagedUpload) -> None:
    if upload.follower is not None:
        await upload.follower
