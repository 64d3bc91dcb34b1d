"""An account's files on disk, as its clients may see and change them. Every function blocks.

What is in `incoming/` wins over what was kept of an interrupted upload under the same name.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ingestd.formats.names import is_recognised
from ingestd.sftp.tree.places import File, FolderName, is_tellable
from ingestd.spool.arrivals import Arrival, note_path, notes_of_file
from ingestd.spool.claimed import take
from ingestd.spool.files import move_durably, storage_errors, sync_folder
from ingestd.spool.folders import Folders
from ingestd.values.identifiers import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A regular file under a client's name. `partial`: kept of an upload that was cut off."""

    path: Path
    name: str
    size_bytes: int
    modified: float
    partial: bool


class Removed(StrEnum):
    """What was under a name that a client removed; the log tells it as the outcome."""

    WAITING = "withdrawn"
    PARTIAL = "partial_removed"
    NOTHING = "too_late"


@dataclass(frozen=True, slots=True)
class AccountFiles:
    """The two folders of one account, and what was kept of its interrupted uploads.

    `takes_catalogs` is the account's answer to whether catalog files are claimed,
    `shows_partials` to whether what was kept is seen under its name, and may be continued.
    """

    folders: Folders
    account: AccountId
    takes_catalogs: bool
    shows_partials: bool

    def is_recognised(self, name: str) -> bool:
        """Tell whether a file under this name will be claimed."""
        return is_recognised(name, takes_catalogs=self.takes_catalogs)

    def find(self, file: File) -> FoundFile | None:
        """Return what is under this name now, or None. Links and devices are not there."""
        if file.folder is FolderName.RECEIPTS:
            return None if _is_unfinished(file.name) else self._look(self._receipts, file.name)
        found = self._look(self._incoming, file.name)
        if found is None and self.shows_partials:
            return self._look(self._partials, file.name, partial=True)
        return found

    def arrival_of(self, name: str) -> Arrival | None:
        """Return the note of exactly this waiting file, or None. Raises StorageError."""
        notes = self._notes_of(name)
        return notes[-1] if notes else None

    def waits(self, name: str) -> bool:
        """Tell whether a published file of this name waits in `incoming/`."""
        return self._look(self._incoming, name) is not None

    def keeps_partial(self, name: str) -> bool:
        """Tell whether something was kept of an interrupted upload of this name, seen or not."""
        return self._look(self._partials, name, partial=True) is not None

    def list_folder(self, folder: FolderName) -> list[FoundFile]:
        """Return every file of a folder, by name. Raises StorageError."""
        if folder is FolderName.RECEIPTS:
            return [
                found
                for name in _names(self._receipts)
                if not _is_unfinished(name) and (found := self._look(self._receipts, name))
            ]
        names = set(_names(self._incoming))
        if self.shows_partials:
            names.update(_names(self._partials))
        found_files = (self.find(File(folder, name)) for name in sorted(names))
        return [found for found in found_files if found is not None]

    def open(self, file: File) -> int | None:
        """Return a descriptor to read the file with, or None when there is none. Raises OSError."""
        found = self.find(file)
        if found is None:
            return None
        try:
            # Non-blocking: a pipe that somebody put there must not hold the thread for ever.
            descriptor = os.open(
                found.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            )
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return None
        return descriptor

    def remove(self, name: str) -> Removed:
        """Remove a waiting file with its note, and a partial. Raises StorageError."""
        waiting = self._incoming / name
        notes = self._note_paths_of(name)
        with storage_errors(waiting):
            try:
                waiting.unlink()
            except FileNotFoundError:
                return Removed.PARTIAL if self.forget_partial(name) else Removed.NOTHING
            for note in notes:
                note.unlink(missing_ok=True)
            sync_folder(self._incoming)
        # What a later, interrupted upload left under this name would be seen in its place.
        self.forget_partial(name)
        return Removed.WAITING

    def forget_partial(self, name: str) -> bool:
        """Remove what was kept under this name. False when nothing was. Raises StorageError."""
        partial = self._partials / name
        with storage_errors(partial):
            try:
                partial.unlink()
            except FileNotFoundError:
                return False
        return True

    def make_way(self, name: str) -> None:
        """Let a new file take this name: what was acknowledged under it is claimed, not lost.

        A file that nobody would claim (a temporary name) is dropped with its note, as
        overwriting it means. Raises StorageError.
        """
        if self.is_recognised(name):
            take(self.folders, self.account, name)
        else:
            for note in self._note_paths_of(name):
                with storage_errors(note):
                    note.unlink(missing_ok=True)

    def rename(self, old: str, new: str) -> bool:
        """Give a waiting file another name; a recognised one commits it.

        Afterwards the name survives a power cut. False when the file is gone. Raises StorageError.
        """
        self.make_way(new)
        try:
            move_durably(self._incoming / old, self._incoming / new)
        except FileNotFoundError:
            return False
        self.forget_partial(new)
        return True

    @property
    def _incoming(self) -> Path:
        return self.folders.incoming(self.account)

    @property
    def _receipts(self) -> Path:
        return self.folders.receipts(self.account)

    @property
    def _partials(self) -> Path:
        return self.folders.partials(self.account)

    def _look(self, folder: Path, name: str, *, partial: bool = False) -> FoundFile | None:
        path = folder / name
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return FoundFile(
            path=path,
            name=name,
            size_bytes=status.st_size,
            modified=status.st_mtime,
            partial=partial,
        )

    def _notes_of(self, name: str) -> list[Arrival]:
        """Return the notes of exactly this waiting file: a stale one would name a later file."""
        try:
            inode = os.lstat(self._incoming / name).st_ino
        except FileNotFoundError:
            return []
        return notes_of_file(self.folders, self.account, inode)

    def _note_paths_of(self, name: str) -> list[Path]:
        return [note_path(self.folders, note) for note in self._notes_of(name)]


def _names(folder: Path) -> list[str]:
    """Return the names in a folder that can be told to a client."""
    with storage_errors(folder):
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            return []
    return sorted(name for name in names if is_tellable(name))


def _is_unfinished(name: str) -> bool:
    # Receipts are written under a leading dot and renamed: what has one is not written yet.
    return name.startswith(".")
