"""Why an upload is lost, and the writes that must not lose one silently."""

from __future__ import annotations

import errno
import os
from enum import StrEnum
from pathlib import Path

from ingestd.values.errors import FULL_ERRNOS


class Loss(StrEnum):
    """Why an upload is not taken. The first five are refusals: something must change first."""

    TOO_MANY_WAITING = "too_many_waiting"
    TOO_MANY_AT_ONCE = "too_many_at_once"
    TOO_LARGE = "too_large"
    NO_SPACE = "no_space"
    ARCHIVE_AWAY = "archive_away"
    WRITE_FAILED = "write_failed"
    TOO_SCATTERED = "too_scattered"
    HOLE = "hole"
    SIZE_MISMATCH = "size_mismatch"
    NOTHING_WRITTEN = "nothing_written"
    NOT_CONTINUED = "not_continued"
    NOT_RESIZED = "not_resized"
    PUBLISH_FAILED = "publish_failed"
    CONNECTION_LOST = "connection_lost"
    SESSION_ENDED = "session_ended"
    SESSION_CLOSED = "session_closed"


REFUSALS = frozenset(
    {
        *(Loss.TOO_MANY_WAITING, Loss.TOO_MANY_AT_ONCE, Loss.TOO_LARGE),
        *(Loss.NO_SPACE, Loss.ARCHIVE_AWAY),
    }
)

WORDS_OTHERWISE = "the server could not store the file; send it again"
_WORDS = {
    Loss.TOO_MANY_WAITING: "too many files wait to be processed; try again later",
    Loss.TOO_MANY_AT_ONCE: "too many files are being sent at once; send them one after the other",
    Loss.TOO_LARGE: "too large",
    Loss.NO_SPACE: "no space",
    Loss.ARCHIVE_AWAY: "the server cannot keep files safely just now; send it again in a minute",
    Loss.HOLE: "parts of the file are missing; send it again from the start",
    Loss.SIZE_MISMATCH: "the file has not the size that was announced; send it again",
    Loss.NOTHING_WRITTEN: "the file has not arrived whole; send it again from the start",
    Loss.NOT_CONTINUED: "files are not continued here; send it again from the start",
    Loss.NOT_RESIZED: "a file that was received keeps its size; send it again from the start",
}


def words_of(loss: Loss) -> str:
    """Return what whoever sends a file is told of its loss, and what to do."""
    return _WORDS.get(loss, WORDS_OTHERWISE)


class UploadLostError(Exception):
    """A write on, or the end of, an upload failed; from then on every write on it fails."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss.value)
        self.loss = loss


def write_fully(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of `content` at `offset`; one pwrite(2) may write less. Raises OSError."""
    written = os.pwrite(descriptor, content, offset)
    if written == len(content):
        return
    rest = memoryview(content)
    while written < len(content):
        more = os.pwrite(descriptor, rest[written:], offset + written)
        if more == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        written += more


def has_space(folder: Path, size_bytes: int) -> bool:
    """Tell whether the folder's disk has `size_bytes` free for us. Raises OSError."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize >= size_bytes


def loss_of(error: OSError) -> Loss:
    """Return what a failed write means for its upload."""
    return Loss.NO_SPACE if error.errno in FULL_ERRNOS else Loss.WRITE_FAILED
