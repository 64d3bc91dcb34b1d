"""Kept files: what somebody brought by a page and what does not count yet. A day on their node.

They lie in `work/ACCOUNT/previews/`, for nobody but the daemon. Each has an id, under which others
may lay what they know of it beside its bytes; all goes together.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from ingestd.service.files.receiving import NotReceivedError, Origin, Receiver
from ingestd.sftp.uploads.losses import Loss, UploadLostError, has_space
from ingestd.sftp.uploads.staged_upload import StagedUpload
from ingestd.spool.files import PRIVATE_FILE_MODE, storage_errors, sync_folder
from ingestd.values.clock import Clock
from ingestd.values.identifiers import UPLOAD_ID_PATTERN, AccountId, UploadId, new_upload_id

FILES_MAX = 20
"""How many an account keeps at once; the oldest goes when there is one more."""

BYTES = ".bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A whole file on disk. `sha256` is in hex."""

    file_id: UploadId
    size_bytes: int
    sha256: str


class KeptFiles:
    """Keeps files for a day. Belongs to the daemon's loop."""

    def __init__(self, *, receiver: Receiver, clock: Clock) -> None:
        self.receiver = receiver
        self.clock = clock

    async def keep(
        self, account: AccountId, chunks: AsyncIterator[bytes], *, origin: Origin
    ) -> KeptFile:
        """Keep a whole file, put on disk for good; the oldest goes where there are too many.

        Whatever `chunks` raises is raised again, and nothing is left then. Raises NotReceivedError
        and StorageError.
        """
        with self.receiver.one_more(account):
            await asyncio.to_thread(self.receiver.folders.create_for, account)
            file_id = new_upload_id()
            try:
                sha256, size_bytes = await self._fill(account, file_id, chunks, origin)
            except UploadLostError as error:
                raise NotReceivedError.of(error.loss) from error
        await asyncio.to_thread(self._forget_oldest, account)
        return KeptFile(file_id=file_id, size_bytes=size_bytes, sha256=sha256)

    def path(self, account: AccountId, file_id: str, ending: str = BYTES) -> Path:
        """Return where a file's bytes lie, or what is kept beside them."""
        return self.receiver.folders.previews(account) / f"{file_id}{ending}"

    def find(self, account: AccountId, file_id: str) -> Path | None:
        """Return where an account's file lies; None where there is none by that id."""
        if not UPLOAD_ID_PATTERN.fullmatch(file_id):
            return None
        path = self.path(account, file_id)
        return path if path.is_file() else None

    async def _fill(
        self, account: AccountId, file_id: UploadId, chunks: AsyncIterator[bytes], origin: Origin
    ) -> tuple[str, int]:
        """Write all that comes and put it on disk for good; what is cut off is gone."""
        path = self.path(account, file_id)
        limits = self.receiver.limits
        with storage_errors(path):
            if not has_space(path.parent, limits.disk_reserve_bytes):
                raise UploadLostError(Loss.NO_SPACE)
            upload = StagedUpload(
                sender=origin.sender(account),
                upload_id=file_id,
                filename=path.name,
                path=path,
                base=None,
                append=False,
                announced_bytes=None,
                size_bytes_max=limits.max_upload_bytes,
                disk_reserve_bytes=limits.disk_reserve_bytes,
                started=self.clock.monotonic(),
            )
        try:
            path.chmod(PRIVATE_FILE_MODE)
            offset = 0
            async for chunk in chunks:
                if chunk:
                    upload.write(offset, chunk)
                    self.receiver.uploads.follow(upload)
                    offset += len(chunk)
            await _caught_up(upload)
            with storage_errors(path):
                sha256 = await asyncio.to_thread(upload.seal)
                await asyncio.to_thread(sync_folder, path.parent)
        except BaseException:
            await _caught_up(upload)
            upload.discard()
            raise
        finally:
            upload.close()
        return sha256, offset

    def _forget_oldest(self, account: AccountId) -> None:
        """Remove what is beyond the number that an account keeps."""
        folder = self.receiver.folders.previews(account)
        names = [name for name in os.listdir(folder) if not name.startswith(".")]
        kept = sorted({name.partition(".")[0] for name in names})
        gone = set(kept[:-FILES_MAX])
        for name in names:
            if name.partition(".")[0] in gone:
                (folder / name).unlink(missing_ok=True)


async def _caught_up(upload: StagedUpload) -> None:
    if upload.follower is not None:
        await upload.follower
