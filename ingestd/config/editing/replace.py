"""Replacing a config file whole or not at all, with the owner and mode that it had."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestd.values.errors import NoSpaceError, StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Replacement:
    """A file's new content, on disk beside it and not yet in its place.

    Making it durably writes the content; `commit` is one rename. What is not committed is
    removed by `discard`. All three raise StorageError.
    """

    def __init__(self, path: Path, content: bytes, *, mode: int | None = None) -> None:
        # A link is kept: what it points to is replaced.
        self.path = Path(os.path.realpath(path))
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        with _storage_errors(self.path):
            try:
                self._write(content, mode)
            except OSError:
                self._temporary.unlink(missing_ok=True)
                raise

    def _write(self, content: bytes, mode: int | None) -> None:
        descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            if mode is None:
                former = self.path.stat()
                mode = former.st_mode & 0o7777
                made = os.fstat(descriptor)
                if (made.st_uid, made.st_gid) != (former.st_uid, former.st_gid):
                    # Else the daemon, which runs as another user, could read it no longer.
                    os.chown(descriptor, former.st_uid, former.st_gid)
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)

    def commit(self) -> None:
        """Put the content in its place, in one step."""
        with _storage_errors(self.path):
            self._temporary.replace(self.path)
            _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the content, unless it is in its place already."""
        with _storage_errors(self.path):
            self._temporary.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A file's content before and after."""

    path: Path
    before: bytes
    after: bytes


def replace_all(changes: Iterable[Change]) -> None:
    """Put every file's new content in its place, in this order, or none. Raises StorageError."""
    prepared: list[tuple[Replacement, Change]] = []
    committed: list[Change] = []
    try:
        prepared.extend((Replacement(each.path, each.after), each) for each in changes)
        for replacement, change in prepared:
            replacement.commit()
            committed.append(change)
    except Exception:
        # Whatever stopped the second file, the first must not stay changed alone.
        for change in committed:
            Replacement(change.path, change.before).commit()
        raise
    finally:
        for replacement, _ in prepared:
            replacement.discard()


@contextlib.contextmanager
def only_editor(folder: Path) -> Iterator[None]:
    """Wait until no other command edits the folder's files, and keep others out meanwhile."""
    with _storage_errors(folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _storage_errors(folder):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _storage_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in _FULL:
            raise NoSpaceError(
                f"No space left to write {path}: {reason}. Free space and try again.",
                detail=repr(error),
            ) from error
        raise StorageError(
            f"Cannot write {path}: {reason}. Run the command as the file's owner.",
            detail=repr(error),
        ) from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
