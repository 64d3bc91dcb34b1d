"""Claiming: from `incoming/` into the durable queue, and the notes of what never arrived whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingestd.access.accounts import Account
from ingestd.formats.findings.codes import Code, Finding
from ingestd.formats.names import format_of
from ingestd.intake.looking.unread import (
    reason_of,
    verdict_on_loss,
    verdict_on_temporary,
    verdict_on_unrecognised,
    write_verdict,
)
from ingestd.intake.pipeline import Works
from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.spool.arrivals import Arrival, list_interrupted, list_notes, note_path
from ingestd.spool.claimed import (
    ClaimedFile,
    list_claimed,
    list_homes,
    remove_claimed,
    take,
    take_together,
)
from ingestd.spool.files import hash_of, storage_errors
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueueEntry, enqueue, entry_of_arrival, find_upload
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import ArchiveAwayError
from ingestd.values.identifiers import AccountId, UploadId

_LOST_NOTE_SECONDS = 300  # a note is written moments before its file is renamed into place

_SELDOM_SECONDS = 60.0
_LOST_SOUGHT, _CLEARED = "lost notes", "done elsewhere"

log = get_logger("ingestd.intake")


@dataclass(slots=True, kw_only=True)
class Claims:
    """Puts files into the queue; whatever a crash leaves half-way is found by `recover`."""

    works: Works
    folders: Folders
    temporary_hours: float
    temporary_max: int
    _queued: set[UploadId] = field(default_factory=set)
    _done_at: dict[tuple[str, AccountId], float] = field(default_factory=dict)

    def claim(self, account: Account, filename: str) -> bool:
        """Take a published file; False when it was withdrawn, or taken by another, first."""
        claimed = take(self.folders, account.account_id, filename)
        return claimed is not None and self._enqueue(account, claimed)

    def quarantine(self, account: Account, filenames: Sequence[str]) -> bool:
        """Set aside files whose names nobody recognises; one receipt will say why."""
        claimed = take_together(self.folders, account.account_id, filenames)
        return claimed is not None and self._set_aside(account, claimed)

    def recover(self, account: Account) -> int:
        """Queue every file that was taken and is not in the queue yet.

        A crash came between, or the door made way for a new file of the same name.
        """
        recovered = 0
        for claimed in list_claimed(self.folders, account.account_id, known=self._queued):
            try:
                if _format_name(account, claimed.filename) is not None:
                    recovered += self._enqueue(account, claimed)
                else:
                    recovered += self._set_aside(account, claimed)
            except FileNotFoundError:
                continue  # a worker that knew it from before the restart has archived it
        return recovered

    def queue_interrupted(self, account: Account) -> int:
        """Queue each upload that did not arrive whole for its receipt; return how many there were.

        Notes of files that were withdrawn before they were claimed go as well.
        """
        interrupted = list_interrupted(self.folders, account.account_id)
        for note in interrupted:
            self._queue_interrupted(account, note)
        self._forget_lost(account.account_id)
        return len(interrupted)

    def remember(self, upload_id: UploadId) -> None:
        """Know of an upload whose bytes are brought here for a worker: it is in the queue."""
        self._queued.add(upload_id)

    def clear_done(self, account: Account) -> int:
        """Remove copies of files that are done and kept by all nodes; return how many there were.

        Another node has processed them; or a crash came between, and may have left a note alone.
        """
        if not self.works.archive.is_shared or not self._is_time(_CLEARED, account.account_id):
            return 0
        cleared = 0
        for upload_id in list_homes(self.folders, account.account_id):
            with self.works.database.reading() as connection:
                upload = find_upload(connection, account.account_id, upload_id)
            if upload is not None and upload.delivered and upload.archived:
                remove_claimed(self.folders, account.account_id, upload_id)
                self.forget(upload_id)
                cleared += 1
        return cleared

    def forget(self, upload_id: UploadId) -> None:
        """Stop remembering an upload that left the claimed folder."""
        self._queued.discard(upload_id)

    def _enqueue(self, account: Account, claimed: ClaimedFile) -> bool:
        entry = self._archived(self._entry(account, claimed), claimed)
        is_new = self._put_into_queue(entry)
        if claimed.arrival is not None and claimed.arrival.noted:
            with contextlib.suppress(ArchiveAwayError):  # it says nothing that the queue does not
                self.works.archive.remove_note(entry.account, entry.upload_id)
        if is_new:
            log.info(
                Event.FILE_CLAIMED,
                account=entry.account,
                upload_id=entry.upload_id,
                filename=entry.filename,
                source=entry.source,
                size_bytes=entry.size_bytes,
            )
        return is_new

    def _set_aside(self, account: Account, claimed: ClaimedFile) -> bool:
        finding = self._verdict_on_name(account, claimed)
        verdict = write_verdict(FileStatus.REJECTED, finding)
        entry = self._entry(account, claimed, verdict=verdict)
        is_new = self._put_into_queue(entry)
        if is_new:
            log.warning(
                Event.FILE_QUARANTINED,
                account=entry.account,
                upload_id=entry.upload_id,
                filename=entry.filename,
                reason=reason_of(claimed).value,
                files=1 + len(claimed.others),
            )
        return is_new

    def _put_into_queue(self, entry: QueueEntry) -> bool:
        is_new = self.works.database.at_once(lambda connection: enqueue(connection, entry))
        self._queued.add(entry.upload_id)
        return is_new

    def _entry(
        self, account: Account, claimed: ClaimedFile, *, verdict: str | None = None
    ) -> QueueEntry:
        format_name = _format_name(account, claimed.filename)
        if claimed.arrival is not None:
            return entry_of_arrival(
                claimed.arrival, format_name=format_name, node=self.works.node, verdict=verdict
            )
        path = claimed.path(self.folders)
        with storage_errors(path):
            size_bytes = os.lstat(path).st_size
        return QueueEntry(
            account=claimed.account,
            upload_id=claimed.upload_id,
            filename=claimed.filename,
            format=format_name,
            source="folder",
            size_bytes=size_bytes,
            sha256=None,
            received_at=to_microseconds(self.works.clock.now()),
            node=self.works.node,
            verdict=verdict,
        )

    def _archived(self, entry: QueueEntry, claimed: ClaimedFile) -> QueueEntry:
        """Put a file into the archive that all nodes share, if there is one and it is not there.

        Raises ArchiveAwayError, and is tried again at the next look, where nothing may be taken
        without the archive.
        """
        archive = self.works.archive
        if not archive.is_shared or entry.archived:
            return entry
        path = claimed.path(self.folders)
        sha256 = entry.sha256 or hash_of(path)
        try:
            archive.put(entry.account, sha256, path)
        except ArchiveAwayError:
            if not archive.accepts_when_away:
                raise
            return entry
        return replace(entry, sha256=sha256, archived=True)

    def _verdict_on_name(self, account: Account, claimed: ClaimedFile) -> Finding:
        if reason_of(claimed) is Code.FILE_NAME_UNRECOGNISED:
            return verdict_on_unrecognised(account, claimed.filename)
        if claimed.arrival is not None:
            placed = claimed.arrival.received_at.timestamp()
        else:
            path = claimed.path(self.folders)
            with storage_errors(path):
                placed = path.stat().st_mtime
        return verdict_on_temporary(
            claimed,
            age_hours=(self.works.clock.now().timestamp() - placed) / 3600,
            hours_max=self.temporary_hours,
            files_max=self.temporary_max,
        )

    def _queue_interrupted(self, account: Account, note: Arrival) -> None:
        entry = entry_of_arrival(
            note,
            format_name=_format_name(account, note.filename),
            node=self.works.node,
            verdict=write_verdict(*verdict_on_loss(note)),
        )
        self.works.database.at_once(lambda connection: enqueue(connection, entry))
        note_path(self.folders, note).unlink(missing_ok=True)

    def _forget_lost(self, account: AccountId) -> None:
        """Remove the notes of files that were withdrawn; they are read once a minute at most."""
        if not self._is_time(_LOST_SOUGHT, account):
            return
        for note in list_notes(self.folders, account):
            if note.whole and self._is_lost(note):
                note_path(self.folders, note).unlink(missing_ok=True)

    def _is_time(self, what: str, account: AccountId) -> bool:
        """Tell whether a minute has passed since something was done for an account."""
        now = self.works.clock.monotonic()
        if now - self._done_at.get((what, account), -_SELDOM_SECONDS) < _SELDOM_SECONDS:
            return False
        self._done_at[what, account] = now
        return True

    def _is_lost(self, note: Arrival) -> bool:
        age_seconds = (self.works.clock.now() - note.received_at).total_seconds()
        if age_seconds < _LOST_NOTE_SECONDS:
            return False
        folder = self.folders.incoming(note.account)
        with storage_errors(folder), os.scandir(folder) as entries:
            return all(entry.inode() != note.inode for entry in entries)


def _format_name(account: Account, filename: str) -> str | None:
    format_name = format_of(filename, takes_catalogs=account.catalog_over_sftp)
    return None if format_name is None else format_name.value
