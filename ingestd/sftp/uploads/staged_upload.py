"""One upload while it arrives: its bytes in staging, and the proof that they are all there."""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ingestd.sftp.bounds.limits import MIB
from ingestd.sftp.uploads.losses import Loss, UploadLostError, has_space, loss_of, write_fully
from ingestd.sftp.uploads.ranges import WrittenRanges
from ingestd.spool.files import FILE_MODE, storage_errors
from ingestd.spool.folders import Folders
from ingestd.values.identifiers import AccountId, UploadId

# A client that writes in more pieces than this at once is no file transfer.
_RANGES_MAX = 1024
_SPACE_CHECK_BYTES = 8 * MIB
_COPY_BYTES = 1 * MIB
_CATCH_UP_BYTES = 4 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends an upload, as its arrival note will say.

    `may_resume` tells whether what arrived of an interrupted upload is worth keeping.
    """

    account: AccountId
    session_id: str | None
    peer: str
    key_fingerprint: str | None
    client_version: str | None
    source: str = "sftp"
    sent_by: str | None = None
    may_resume: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What its client sees under the name of an upload that it opens without truncation.

    `descriptor` is open for reading; None of a file that was claimed meanwhile. `received` tells
    a file that was acknowledged from what was kept of an interrupted upload. `may_continue` is
    the account's answer to whether an upload may take over bytes of an earlier one.
    """

    descriptor: int | None
    size_bytes: int
    received: bool
    may_continue: bool


class StagedUpload:
    """Bytes on their way into `staging/UPLOAD_ID`, apart from whatever has the name already.

    Offsets are those of the client's file. `size_bytes` is the size that the file claims to
    have; the upload is whole when exactly that many bytes were written without a hole.
    What a base holds counts as written only when it may be continued, and the first write starts
    at its end.
    """

    def __init__(  # noqa: PLR0913 - keyword-only, and each is one fact of the OPEN request
        self,
        *,
        sender: Sender,
        upload_id: UploadId,
        filename: str,
        path: Path,
        base: Base | None,
        append: bool,
        announced_bytes: int | None,
        size_bytes_max: int,
        disk_reserve_bytes: int,
        started: float,
    ) -> None:
        self.sender = sender
        self.upload_id = upload_id
        self.filename = filename
        self.path = path
        self.started = started
        self.follower: asyncio.Task[None] | None = None
        self._base = base
        self._base_bytes = base.size_bytes if base else 0
        self._append = append
        self._announced_bytes = announced_bytes
        self._size_bytes_max = size_bytes_max
        self._disk_reserve_bytes = disk_reserve_bytes
        self._floor_bytes = self._base_bytes
        self._written = WrittenRanges()
        self._write_count = 0
        self._loss: Loss | None = None
        self._hash = hashlib.sha256()
        self._hashed_bytes = 0
        self._hash_target = 0
        self._hash_stale = False
        self._unchecked_bytes = 0
        self._descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE
        )

    @property
    def size_bytes(self) -> int:
        """The size that the file has from the client's side, holes included."""
        return max(self._floor_bytes, self._written.end)

    @property
    def kept_bytes(self) -> int:
        """How many bytes from the file's start on are there without a hole."""
        return self._written.prefix_bytes

    @property
    def failure(self) -> Loss | None:
        """The failure that poisoned the upload, if a write failed."""
        return self._loss

    @property
    def brings_nothing(self) -> bool:
        """Whether a file that was received was opened, and nobody tried to send a byte.

        That is how `touch` sets times through a mount, and how `lftp put -c` looks after a file
        that it has sent before. The file that was received is not touched by how this ends.
        """
        if self._write_count or self._loss is not None:
            return False
        return self._base is not None and self._base.received

    @property
    def changes_nothing(self) -> bool:
        """Whether it brings nothing, and leaves the received file its size as well.

        An empty upload would be a second file.
        """
        if self._base is None or not self.brings_nothing:
            return False
        return self._base_bytes == self._floor_bytes == self._base.size_bytes

    def continues_base(self, offset: int) -> bool:
        """Tell whether a write at `offset` is the first one and continues the base.

        Then `copy_base` must run before that write.
        """
        if self._base is None or not self._base.may_continue:
            return False
        return self._goes_behind_base(offset)

    def copy_base(self) -> None:
        """Take over the base's bytes as written. Blocks; raises UploadLostError."""
        if self._base is None or self._base.descriptor is None:
            return
        self._check_space(self._base_bytes)
        offset = 0
        try:
            while offset < self._base_bytes:
                length = min(_COPY_BYTES, self._base_bytes - offset)
                content = os.pread(self._base.descriptor, length, offset)
                if not content:
                    self._lose(Loss.WRITE_FAILED)
                write_fully(self._descriptor, content, offset)
                self._count(offset, content)
                offset += len(content)
        except OSError as error:
            self._lose(loss_of(error), error)

    def write(self, offset: int, content: bytes) -> None:
        """Write all of `content`, or raise UploadLostError now and for every later write."""
        if self._loss is not None:
            raise UploadLostError(self._loss)
        if self._write_count == 0:
            self._judge_first_write(offset)
        start = self._start_of_write(offset)
        end = start + len(content)
        if end > self._size_bytes_max:
            self._lose(Loss.TOO_LARGE)
        if self._unchecked_bytes >= _SPACE_CHECK_BYTES:
            self._unchecked_bytes = 0
            self._check_space(len(content))
        try:
            write_fully(self._descriptor, content, start)
        except OSError as error:
            self._lose(loss_of(error), error)
        self._write_count += 1
        self._count(start, content)

    def truncate(self, size_bytes: int) -> None:
        """Make the file `size_bytes` long: what lies behind is forgotten, what is missing, a hole.

        Raises UploadLostError.
        """
        if self._loss is not None:
            raise UploadLostError(self._loss)
        if size_bytes > self._size_bytes_max:
            self._lose(Loss.TOO_LARGE)
        try:
            if os.fstat(self._descriptor).st_size > size_bytes:
                os.ftruncate(self._descriptor, size_bytes)
        except OSError as error:
            self._lose(loss_of(error), error)
        self._written.cut(size_bytes)
        self._floor_bytes = size_bytes
        self._base_bytes = min(self._base_bytes, size_bytes)
        if size_bytes < self._hash_target:
            self._hash_stale = True

    def read(self, offset: int, length: int) -> bytes:
        """Return what was written so far; some clients open a file for both."""
        return os.pread(self._descriptor, length, offset)

    def loss(self) -> Loss | None:
        """Return why the upload, closed now by its client, would not be whole, or None."""
        if self._loss is not None:
            return self._loss
        if self._base is not None and self._write_count == 0 and self._base_bytes:
            return Loss.NOT_RESIZED if self._base.received else Loss.NOTHING_WRITTEN
        if self.kept_bytes < self.size_bytes:
            return Loss.HOLE
        if self._announced_bytes is not None and self.size_bytes != self._announced_bytes:
            return Loss.SIZE_MISMATCH
        return None

    def seal(self) -> str:
        """Put the bytes of a whole upload on disk for good and return their SHA-256 in hex.

        Blocks. Raises OSError, and UploadLostError when the disk does not hold what was written.
        """
        os.fsync(self._descriptor)
        if os.fstat(self._descriptor).st_size != self.size_bytes:
            self._lose(Loss.WRITE_FAILED)
        if self._hash_stale:
            self._hash = hashlib.sha256()
            self._hashed_bytes = 0
        self._hash_up_to(self.size_bytes)
        return self._hash.hexdigest()

    def plan_catch_up(self) -> int | None:
        """Return up to which offset `catch_up` should go now, or None while that is too little.

        From then on, what is written before that offset makes the hash stale.
        """
        target = self._written.prefix_bytes
        if self._hash_stale or target - self._hash_target < _CATCH_UP_BYTES:
            return None
        self._hash_target = target
        return target

    def catch_up(self, target: int) -> None:
        """Hash, and put on disk, what arrived up to `target` while more arrives. Blocks.

        One at a time. So the end of a large upload waits for little more than its last bytes.
        """
        try:
            self._hash_up_to(target)
            # An error is told once: a later fsync would not know of it.
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._loss = self._loss or loss_of(error)

    def cut_to_kept(self) -> None:
        """Leave in the file only what a resume can continue, on disk for good. Raises OSError."""
        os.ftruncate(self._descriptor, self.kept_bytes)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the descriptors; the file stays."""
        if self._base is not None and self._base.descriptor is not None:
            os.close(self._base.descriptor)
        self._base = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def discard(self) -> None:
        """Remove the file, whatever it holds. Raises OSError."""
        self.path.unlink(missing_ok=True)

    def _goes_behind_base(self, offset: int) -> bool:
        """Tell whether a write at `offset` is the first one, and means the end of the base."""
        if self._write_count or not self._base_bytes:
            return False
        return offset == self._base_bytes or (self._append and offset == 0)

    def _judge_first_write(self, offset: int) -> None:
        """Refuse what belongs behind bytes that the client may not continue.

        They are of another version of the file for all we know, and what it sends is no file.
        Not in the end: curl does not look at how CLOSE is answered.
        """
        base = self._base
        if base is None or base.may_continue:
            return
        if self._goes_behind_base(offset):
            self._lose(Loss.NOT_CONTINUED)
        if base.descriptor is None and offset == 0:
            # Claimed meanwhile: what is written from the start on is a new file, of any size.
            self._floor_bytes = self._base_bytes = 0

    def _start_of_write(self, offset: int) -> int:
        """Return where a write lands: where the client says, or, appending, at the end.

        A client that appends to a file which is no longer there (it was claimed meanwhile)
        sends the old end as its offset. Then its offset counts and leaves a hole, so that
        the tail of a file is never taken for a file.
        """
        continues = self._written.prefix_bytes > 0 or (offset == 0 and not self._base_bytes)
        return self._written.end if self._append and continues else offset

    def _count(self, start: int, content: bytes) -> None:
        end = start + len(content)
        self._unchecked_bytes += len(content)
        if start < self._hash_target:
            # Something that went into the hash is overwritten: hash it again in the end.
            self._hash_stale = True
        self._written.add(start, end)
        if len(self._written) > _RANGES_MAX:
            self._lose(Loss.TOO_SCATTERED)

    def _check_space(self, more_bytes: int) -> None:
        if not has_space(self.path.parent, more_bytes + self._disk_reserve_bytes):
            self._lose(Loss.NO_SPACE)

    def _lose(self, loss: Loss, error: OSError | None = None) -> NoReturn:
        self._loss = loss
        raise UploadLostError(loss) from error

    def _hash_up_to(self, target: int) -> None:
        while self._hashed_bytes < target:
            length = min(_COPY_BYTES, target - self._hashed_bytes)
            content = os.pread(self._descriptor, length, self._hashed_bytes)
            if not content:
                return
            self._hash.update(content)
            self._hashed_bytes += len(content)


def sweep_staging(folders: Folders) -> int:
    """Remove what a crash left in staging, and return how many files that were.

    Their CLOSE was never answered, so nobody counts on them. Call it before the door opens.
    Raises StorageError.
    """
    removed = 0
    for account in folders.accounts():
        staging = folders.staging(account)
        with storage_errors(staging):
            try:
                names = os.listdir(staging)
            except FileNotFoundError:
                continue
            for name in names:
                (staging / name).unlink(missing_ok=True)
                removed += 1
    return removed
