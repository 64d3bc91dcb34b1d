"""Claiming: from `incoming/` into the durable queue, and the notes of what never arrived whole."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ingestd.access.accounts import Account
from ingestd.formats.findings import Code, Finding, Verdict, shorten
from ingestd.formats.names import bare_name, format_of, names_taken
from ingestd.intake.pipeline import Works, close_without_rows
from ingestd.ledger.outcomes import FileStatus
from ingestd.spool.arrivals import Arrival, list_interrupted, list_notes, note_path
from ingestd.spool.claimed import ClaimedFile, list_claimed, take
from ingestd.spool.files import storage_errors
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueueEntry, enqueue, entry_of_arrival
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId, UploadId

_LOST_NOTE_SECONDS = 300  # a note is written moments before its file is renamed into place

_LOST_SOUGHT_SECONDS = 60.0

# Why an upload is not whole, in the door's words, and in those of a receipt.
_CAUSE_OTHERWISE = "The upload ended after {bytes} bytes, before the file was whole."
_CAUSES = {
    "no_space": "The server had no space left for the file.",
    "hole": "Parts of the file are missing.",
    "size_mismatch": "The file has not the size that the client announced.",
    "not_continued": "What was sent belongs behind an earlier upload of this name, which may be of "
    "another version; this account's files are sent from the start.",
    "write_failed": "The server could not store the file.",
    "publish_failed": "The server could not store the file.",
}

log = get_logger("ingestd.intake")


@dataclass(slots=True, kw_only=True)
class Claims:
    """Puts files into the queue; whatever a crash leaves half-way is found by `recover`."""

    works: Works
    folders: Folders
    _queued: set[UploadId] = field(default_factory=set)
    _lost_sought: dict[AccountId, float] = field(default_factory=dict)

    def claim(self, account: Account, filename: str) -> bool:
        """Take a published file; False when it was withdrawn, or taken by another, first."""
        claimed = take(self.folders, account.account_id, filename)
        return claimed is not None and self._enqueue(account, claimed)

    def quarantine(self, account: Account, filename: str) -> bool:
        """Set aside a file whose name nobody recognises, with a receipt that says so."""
        claimed = take(self.folders, account.account_id, filename)
        return claimed is not None and self._close_unrecognised(account, claimed)

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
                    recovered += self._close_unrecognised(account, claimed)
            except FileNotFoundError:
                continue  # a worker that knew it from before the restart has archived it
        return recovered

    def close_interrupted(self, account: Account) -> int:
        """Give each upload that did not arrive whole its outcome; return how many there were.

        Notes of files that were withdrawn before they were claimed go as well.
        """
        interrupted = list_interrupted(self.folders, account.account_id)
        for note in interrupted:
            self._close_interrupted(account, note)
        self._forget_lost(account.account_id)
        return len(interrupted)

    def forget(self, upload_id: UploadId) -> None:
        """Stop remembering an upload that left the claimed folder."""
        self._queued.discard(upload_id)

    def _enqueue(self, account: Account, claimed: ClaimedFile) -> bool:
        entry = self._entry(account, claimed)
        with self.works.database.writing() as connection:
            is_new = enqueue(connection, entry)
        self._queued.add(entry.upload_id)
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

    def _entry(self, account: Account, claimed: ClaimedFile) -> QueueEntry:
        format_name = _format_name(account, claimed.filename)
        if claimed.arrival is not None:
            return entry_of_arrival(claimed.arrival, format_name=format_name, node=self.works.node)
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
        )

    def _close_unrecognised(self, account: Account, claimed: ClaimedFile) -> bool:
        entry = self._entry(account, claimed)
        closed = close_without_rows(
            self.works,
            account,
            entry,
            status=FileStatus.REJECTED,
            finding=_verdict_on_name(account, claimed.filename),
        )
        if closed is not None:
            log.warning(
                Event.FILE_QUARANTINED,
                account=entry.account,
                upload_id=entry.upload_id,
                filename=entry.filename,
            )
        return closed is not None

    def _close_interrupted(self, account: Account, note: Arrival) -> None:
        entry = entry_of_arrival(
            note, format_name=_format_name(account, note.filename), node=self.works.node
        )
        status, finding = _verdict_on(note)
        close_without_rows(self.works, account, entry, status=status, finding=finding)
        note_path(self.folders, note).unlink(missing_ok=True)

    def _forget_lost(self, account: AccountId) -> None:
        """Remove the notes of files that were withdrawn; they are read once a minute at most."""
        now = self.works.clock.monotonic()
        if now - self._lost_sought.get(account, -_LOST_SOUGHT_SECONDS) < _LOST_SOUGHT_SECONDS:
            return
        self._lost_sought[account] = now
        for note in list_notes(self.folders, account):
            if note.whole and self._is_lost(note):
                note_path(self.folders, note).unlink(missing_ok=True)

    def _is_lost(self, note: Arrival) -> bool:
        age_seconds = (self.works.clock.now() - note.received_at).total_seconds()
        if age_seconds < _LOST_NOTE_SECONDS:
            return False
        folder = self.folders.incoming(note.account)
        with storage_errors(folder), os.scandir(folder) as entries:
            return all(entry.inode() != note.inode for entry in entries)


def _verdict_on(note: Arrival) -> tuple[FileStatus, Finding]:
    """Return what the receipt of an upload that is not whole says."""
    if note.loss == "too_large":
        return FileStatus.REJECTED, Finding(
            code=Code.FILE_TOO_LARGE,
            verdict=Verdict.FILE,
            message="The file is larger than this server takes, and nothing of it was taken. "
            "Split it into files of their own, each with the header, and send those.",
        )
    cause = _CAUSES.get(note.loss or "", _CAUSE_OTHERWISE).format(bytes=note.size_bytes)
    return FileStatus.INTERRUPTED, Finding(
        code=Code.UPLOAD_INTERRUPTED,
        verdict=Verdict.FILE,
        message=f"{cause} Nothing of it was taken. Send the file again.",
    )


def _verdict_on_name(account: Account, filename: str) -> Finding:
    """Return what the receipt of a file says whose name stands for nothing in its account."""
    if _format_name(account, bare_name(filename)) is not None:
        message = (
            "The file name has a space, a dot or an invisible character at its start or end. "
            f"Rename the file to {shorten(bare_name(filename))} and send it again."
        )
    elif format_of(filename, takes_catalogs=True) is None:
        taken = names_taken(takes_catalogs=account.catalog_over_sftp)
        names = ", ".join(f"{format_name}*.csv" for format_name in taken)
        message = (
            "No format has this file name. Rename the file and send it again; "
            f"these names are recognised: {names}."
        )
    else:
        message = (
            "This account takes no catalog files over SFTP. Ask the operator to set "
            "catalog_over_sftp = true for it, then send the file again."
        )
    return Finding(
        code=Code.FILE_NAME_UNRECOGNISED,
        verdict=Verdict.FILE,
        value=shorten(filename),
        message=message,
    )


def _format_name(account: Account, filename: str) -> str | None:
    format_name = format_of(filename, takes_catalogs=account.catalog_over_sftp)
    return None if format_name is None else format_name.value
