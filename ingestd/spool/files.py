"""Durable file operations: what is written here survives a power cut once the call returns."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from ingestd.values.errors import FULL_ERRNOS, NoSpaceError, StorageError

FILE_MODE = 0o640
FOLDER_MODE = 0o750
PRIVATE_FILE_MODE = 0o600
PRIVATE_FOLDER_MODE = 0o700
_UNFINISHED_START, _UNFINISHED_BYTES = ".in.", 8
_UNFINISHED = re.compile(rf"\.in\.[0-9a-f]{{{2 * _UNFINISHED_BYTES}}}")


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's error about `path` into a StorageError that says what to do.

    FileNotFoundError and FileExistsError pass through: to the callers they are answers.
    """
    try:
        yield
    except (FileNotFoundError, FileExistsError, StorageError):
        raise
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno in FULL_ERRNOS:
            raise NoSpaceError(
                f"No space left for {path}: {reason}. Free space on its disk.",
                detail=repr(error),
            ) from error
        raise StorageError(
            f"Cannot use {path}: {reason}. Check its owner and permissions.", detail=repr(error)
        ) from error


def free_bytes(folder: Path) -> int:
    """Return how many bytes a folder's disk has free for us. Raises StorageError."""
    with storage_errors(folder):
        try:
            disk = os.statvfs(folder)
        except FileNotFoundError as error:
            raise StorageError(f"There is no folder {folder}.", detail=repr(error)) from error
    return disk.f_bavail * disk.f_frsize


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file in hex. Raises StorageError, and FileNotFoundError."""
    with storage_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, mode: int = FOLDER_MODE) -> None:
    """Make a folder, and its parents (mode 0750) where they are missing, to survive a power cut.

    Raises StorageError.
    """
    with storage_errors(folder):
        if folder.is_dir():
            return
    if folder.parent != folder:
        make_folder(folder.parent)
    with storage_errors(folder):
        try:
            folder.mkdir(mode=mode, exist_ok=True)
            sync_folder(folder.parent)
        except (FileExistsError, NotADirectoryError) as error:
            in_the_way = next(
                (path for path in (folder, *folder.parents) if path.is_file()), folder
            )
            raise StorageError(
                f"{in_the_way} is a file where a folder should be. Move it away.",
                detail=repr(error),
            ) from error
        except FileNotFoundError as error:
            raise StorageError(
                f"Cannot make the folder {folder}: nothing can be made there. Choose another.",
                detail=repr(error),
            ) from error


def is_unfinished(name: str) -> bool:
    """Tell whether a file's name is one under which `write_durably` writes, for a moment."""
    return _UNFINISHED.fullmatch(name) is not None


def clear_unfinished(folder: Path, *, older_than_seconds: float, now: float) -> int:
    """Remove what killed processes left half written in a folder; return how many files it was.

    `now` is in seconds since 1970. Raises StorageError.
    """
    removed = 0
    with storage_errors(folder), contextlib.suppress(FileNotFoundError):
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_unfinished(entry.name)]
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                if now - (folder / name).lstat().st_mtime > older_than_seconds:
                    (folder / name).unlink()
                    removed += 1
    return removed


def write_durably(
    path: Path, content: bytes, *, mode: int = FILE_MODE, unfinished_in: Path | None = None
) -> None:
    """Put `content` at `path` whole or not at all, replacing what was there.

    Afterwards the file and its name survive a power cut. It is written in `unfinished_in`, on the
    same file system; else beside `path`. Raises StorageError.
    """
    write_pieces_durably(path, (content,), mode=mode, unfinished_in=unfinished_in)


def write_pieces_durably(
    path: Path,
    pieces: Iterable[bytes],
    *,
    mode: int = FILE_MODE,
    unfinished_in: Path | None = None,
) -> None:
    """Do as `write_durably` does, for a file of any size in bounded memory."""
    # A leading dot: neither the intake nor a client takes it for the file itself. Its own name:
    # two threads may write two files of one folder whose long names begin alike.
    name = f"{_UNFINISHED_START}{secrets.token_hex(_UNFINISHED_BYTES)}"
    temporary = (unfinished_in or path.parent) / name
    with storage_errors(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                file.writelines(pieces)
                file.flush()
                os.fsync(descriptor)
            _put_durably(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def move_durably(source: Path, target: Path) -> None:
    """Rename `source` to `target` so that the new place survives a power cut.

    Both lie on one file system. Raises FileNotFoundError when `source` is gone.
    """
    with storage_errors(target):
        _put_durably(source, target)
        if source.parent != target.parent:
            sync_folder(source.parent)


def _put_durably(source: Path, target: Path) -> None:
    """Rename; a power cut afterwards may bring the old name back, too, if its folder is another."""
    os.rename(source, target)  # noqa: PTH104 - rename(2), which replaces in one step
    sync_folder(target.parent)
