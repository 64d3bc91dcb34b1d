"""Taking a file out of `incoming/`: one rename decides who has it."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingestd.formats.names import NAME_BYTES_MAX
from ingestd.spool.arrivals import (
    NOTE_SUFFIX,
    Arrival,
    note_of_upload,
    note_path,
    notes_of_file,
    read_note,
)
from ingestd.spool.files import make_folder, move_durably, storage_errors, sync_folder
from ingestd.spool.folders import Folders
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, UploadId, new_upload_id

_NOTE_STEM = ".arrival"
ARRIVAL_NOTE = _NOTE_STEM + NOTE_SUFFIX

# One at a time: the door makes way for a new file of the same name while the intake claims.
# Were both between their look and their rename, one would put its file in the other's place;
# and who lists what is claimed must not see a file without its note.
_moving = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedFile:
    """A file that left `incoming/`: its folder, its name, and its note if the door left one.

    `others` lie in the same folder: they were taken together.
    """

    account: AccountId
    upload_id: UploadId
    filename: str
    arrival: Arrival | None
    others: tuple[str, ...] = ()

    def path(self, folders: Folders) -> Path:
        """Return where the file's bytes lie until it is archived."""
        return folders.claimed(self.account) / self.upload_id / self.filename


def take(folders: Folders, account: AccountId, filename: str) -> ClaimedFile | None:
    """Move a file from `incoming/` to a folder of its own; it can no longer be withdrawn.

    Returns None when somebody else took or removed it first, or when it is no regular
    file. The rename decides; a crash on either side of it leaves a file that
    `list_claimed` or the next rescan finds. The claimed file's name is `storable_name`, unless
    it would pass for a note of ours.
    """
    with _moving:
        return _take(folders, account, filename)


def take_together(
    folders: Folders, account: AccountId, filenames: Sequence[str]
) -> ClaimedFile | None:
    """Move several files from `incoming/` to one folder: files that nobody will read.

    The first by name that is still there gives the upload its name and note; each keeps its own
    note beside it. Returns None when none is left. A crash leaves a folder that `list_claimed`
    finds.
    """
    with _moving:
        names = iter(sorted(filenames, key=_claimed_name))
        first = next((taken for name in names if (taken := _take(folders, account, name))), None)
        if first is None:
            return None
        home = folders.claimed(account) / first.upload_id
        for name in names:
            _take_along(folders, account, name, home)
        with storage_errors(home):
            sync_folder(home)
            sync_folder(folders.incoming(account))
            return replace(first, others=tuple(_files_in(home)[1:]))


def _take_along(folders: Folders, account: AccountId, filename: str, home: Path) -> None:
    source = folders.incoming(account) / filename
    target = home / _claimed_name(filename)
    with storage_errors(source):
        try:
            status = os.lstat(source)
            if not stat.S_ISREG(status.st_mode) or os.path.lexists(target):
                return
            source.rename(target)
        except FileNotFoundError:
            return
        for note in notes_of_file(folders, account, status.st_ino):
            note_path(folders, note).replace(home / f"{_NOTE_STEM}.{note.upload_id}{NOTE_SUFFIX}")


def _take(folders: Folders, account: AccountId, filename: str) -> ClaimedFile | None:
    source = folders.incoming(account) / filename
    with storage_errors(source):
        try:
            status = os.lstat(source)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
    name = _claimed_name(filename)
    arrival = _arrival_of(folders, account, name, status)
    home = _make_home(folders, account, arrival)
    try:
        with storage_errors(home):
            os.rename(source, home / name)  # noqa: PTH104 - rename(2), which decides who has it
    except FileNotFoundError:
        _remove_if_empty(home)
        return None
    except StorageError:
        _remove_if_empty(home)  # or each try on a full disk would leave another one
        raise
    moved = os.lstat(home / name)
    if _identity(moved) != _identity(status):
        # Withdrawn, and another put in its place, between the look and the rename: what was
        # moved is the other, and goes under its own identifier.
        wrong, arrival = home, _arrival_of(folders, account, name, moved)
        home = _make_home(folders, account, arrival)
        move_durably(wrong / name, home / name)
        _remove_if_empty(wrong)
    with storage_errors(home):
        if arrival:
            # After the file: a crash in between leaves a note that is found by its upload.
            note_path(folders, arrival).replace(home / ARRIVAL_NOTE)
        sync_folder(home)
        sync_folder(source.parent)
    return ClaimedFile(
        account=account, upload_id=UploadId(home.name), filename=name, arrival=arrival
    )


def withdraw(folders: Folders, arrival: Arrival, place: Path) -> bool:
    """Move a published file out of `incoming/` again; False when it is not there any more."""
    target = folders.incoming(arrival.account) / arrival.filename
    with _moving:
        try:
            if os.lstat(target).st_ino != arrival.inode:
                return False
            target.rename(place)
        except OSError:
            return False
    return True


def storable_name(filename: str) -> str:
    r"""Return a file name as the database can hold it.

    Bytes that are no UTF-8 become visible, as in `caf\xe9.csv`, or go where the name would
    grow too long for the file system.
    """
    encoded = filename.encode("utf-8", "surrogateescape")
    name = encoded.decode("utf-8", "backslashreplace")
    fits = len(name.encode()) <= NAME_BYTES_MAX
    return name if fits else encoded.decode("utf-8", "ignore")


def _claimed_name(filename: str) -> str:
    """Return a file's name in its claimed folder, where it cannot pass for a note."""
    name = storable_name(filename)
    return storable_name(f"_{name}") if name.startswith(_NOTE_STEM) else name


def _files_in(home: Path) -> list[str]:
    """Return the names in a claimed folder that are files, and not notes."""
    return sorted(name for name in os.listdir(home) if not name.startswith(_NOTE_STEM))


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    """Return what a rename leaves as it is; the inode alone may be a removed file's, used again."""
    return status.st_ino, status.st_size, status.st_mtime_ns


def _make_home(folders: Folders, account: AccountId, arrival: Arrival | None) -> Path:
    upload_id = arrival.upload_id if arrival else new_upload_id()
    home = folders.claimed(account) / upload_id
    make_folder(home)
    return home


def list_claimed(
    folders: Folders, account: AccountId, *, known: Container[str] = ()
) -> list[ClaimedFile]:
    """Return every file that was taken and not yet archived, oldest upload first.

    Uploads in `known` are left out.
    """
    with _moving:
        return _list_claimed(folders, account, known)


def _list_claimed(folders: Folders, account: AccountId, known: Container[str]) -> list[ClaimedFile]:
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
            files = _files_in(home)
        except (FileNotFoundError, NotADirectoryError):
            continue  # archived between the two looks, or put there by a hand
        if not files:
            # Between another thread's mkdir and its rename, or a crash between them: no file yet.
            continue
        arrival = read_note(home / ARRIVAL_NOTE) or note_of_upload(folders, account, name)
        if arrival is not None:
            # The note has the name under which the file arrived; it may have been renamed since.
            arrival = replace(arrival, filename=files[0])
        found.append(
            ClaimedFile(
                account=account,
                upload_id=UploadId(name),
                filename=files[0],
                arrival=arrival,
                others=tuple(files[1:]),
            )
        )
    return found


def list_homes(folders: Folders, account: AccountId) -> list[UploadId]:
    """Return which uploads have a folder, also where a crash left no file in it."""
    root = folders.claimed(account)
    with storage_errors(root), contextlib.suppress(FileNotFoundError):
        return [UploadId(name) for name in sorted(os.listdir(root))]
    return []


def remove_claimed(folders: Folders, account: AccountId, upload_id: UploadId) -> None:
    """Remove a claimed file of which there is another copy for good. Raises StorageError."""
    home = folders.claimed(account) / upload_id
    with storage_errors(home), contextlib.suppress(FileNotFoundError):
        for name in os.listdir(home):
            (home / name).unlink(missing_ok=True)
        home.rmdir()


def _arrival_of(
    folders: Folders, account: AccountId, name: str, status: os.stat_result
) -> Arrival | None:
    """Return the note of exactly this file: renames keep the inode, so the inode tells."""
    for note in reversed(notes_of_file(folders, account, status.st_ino)):
        if note.size_bytes == status.st_size:
            return replace(note, filename=name)
    return None


def _remove_if_empty(home: Path) -> None:
    with storage_errors(home):
        try:
            home.rmdir()
        except OSError:
            # Not empty (a note without its file): kept for an operator to look at.
            return
