"""Taking a file out of `incoming/`: one rename decides who has it."""

from __future__ import annotations

import os
import stat
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

from ingestd.spool.arrivals import (
    NOTE_SUFFIX,
    Arrival,
    list_notes,
    note_path,
    read_note,
    write_note,
)
from ingestd.spool.files import move_durably, storage_errors
from ingestd.spool.folders import Folders
from ingestd.values.identifiers import AccountId, UploadId, new_upload_id

ARRIVAL_NOTE = ".arrival" + NOTE_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedFile:
    """A file that left `incoming/`: its folder, its name, and its note if the door left one."""

    account: AccountId
    upload_id: UploadId
    filename: str
    arrival: Arrival | None

    def path(self, folders: Folders) -> Path:
        """Return where the file's bytes lie until it is archived."""
        return folders.claimed(self.account) / self.upload_id / self.filename


def take(folders: Folders, account: AccountId, filename: str) -> ClaimedFile | None:
    """Move a file from `incoming/` to a folder of its own; it can no longer be withdrawn.

    Returns None when somebody else took or removed it first, or when it is no regular
    file. The rename decides; a crash on either side of it leaves a file that
    `list_claimed` or the next rescan finds.
    """
    source = folders.incoming(account) / filename
    with storage_errors(source):
        try:
            status = os.lstat(source)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
    arrival = _arrival_of(folders, account, filename, status)
    upload_id = arrival.upload_id if arrival else new_upload_id()
    home = folders.claimed(account) / upload_id
    with storage_errors(home):
        home.mkdir(mode=0o750, exist_ok=True)
    try:
        move_durably(source, home / filename)
    except FileNotFoundError:
        _remove_if_empty(home)
        return None
    if arrival:
        # Order matters: the note's copy is durable before the original goes.
        write_note(home / ARRIVAL_NOTE, arrival)
        note_path(folders, arrival).unlink(missing_ok=True)
    return ClaimedFile(account=account, upload_id=upload_id, filename=filename, arrival=arrival)


def list_claimed(
    folders: Folders, account: AccountId, *, known: Container[str] = ()
) -> list[ClaimedFile]:
    """Return every file that was taken and not yet archived, oldest upload first.

    Uploads in `known` are left out.
    """
    root = folders.claimed(account)
    with storage_errors(root):
        try:
            homes = sorted(name for name in os.listdir(root) if name not in known)
        except FileNotFoundError:
            return []
    found: list[ClaimedFile] = []
    for name in homes:
        home = root / name
        try:
            files = [file for file in sorted(os.listdir(home)) if not file.startswith(".")]
        except (FileNotFoundError, NotADirectoryError):
            continue  # archived between the two looks, or put there by a hand
        if not files:
            # Between another thread's mkdir and its rename, or a crash between them: no file yet.
            continue
        arrival = read_note(home / ARRIVAL_NOTE) or _note_left_behind(folders, account, name)
        found.append(
            ClaimedFile(
                account=account, upload_id=UploadId(name), filename=files[0], arrival=arrival
            )
        )
    return found


def _arrival_of(
    folders: Folders, account: AccountId, filename: str, status: os.stat_result
) -> Arrival | None:
    """Return the note of exactly this file: renames keep the inode, so the inode tells."""
    for note in reversed(list_notes(folders, account)):
        if note.whole and note.inode == status.st_ino and note.size_bytes == status.st_size:
            return replace(note, filename=filename)
    return None


def _note_left_behind(folders: Folders, account: AccountId, upload_id: str) -> Arrival | None:
    """Return the note of a file whose move was cut short by a crash before the note's own move."""
    return read_note(folders.arrivals(account) / f"{upload_id}{NOTE_SUFFIX}")


def _remove_if_empty(home: Path) -> None:
    with storage_errors(home):
        try:
            home.rmdir()
        except OSError:
            # Not empty (a note without its file): kept for an operator to look at.
            return
