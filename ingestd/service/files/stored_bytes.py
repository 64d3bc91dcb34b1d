"""Stored bytes: the file of an upload that was taken before, found here or in a shared archive.

What is fetched lies in `work/ACCOUNT/fetched/`, for nobody but the daemon, until a day after it was
last asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from ingestd.service.files.rows import file_of
from ingestd.spool.archive.archive import Archive
from ingestd.spool.files import PRIVATE_FOLDER_MODE, free_bytes, make_folder, storage_errors
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueuedUpload
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import (
    ArchiveAwayError,
    IngestdError,
    NoSpaceError,
    StorageError,
    WrongBlobError,
)
from ingestd.values.identifiers import AccountId

FETCHED_MAX = 4
"""How many files an account has fetched at once; what was asked for longest ago goes first."""

_PATIENCE_SECONDS = 15.0
_FETCHES_AT_ONCE = 2

log = get_logger("ingestd.files")


class NotAtHandError(IngestdError):
    """A file is kept, and cannot be had just now; `status` is what HTTP answers."""

    code: ClassVar[str] = "not_at_hand"

    def __init__(
        self, message: str, *, status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    ) -> None:
        super().__init__(message)
        self.status = status


class StoredBytes:
    """Finds the files of uploads. Belongs to the daemon's loop."""

    def __init__(
        self,
        *,
        folders: Folders,
        archive: Archive,
        nodes: frozenset[str],
        disk_reserve_bytes: int,
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._folders = folders
        self._archive = archive
        self._nodes = nodes
        self._disk_reserve_bytes = disk_reserve_bytes
        self._patience_seconds = patience_seconds
        # A bucket that is slow takes no thread from who only looks.
        self._threads = ThreadPoolExecutor(_FETCHES_AT_ONCE, thread_name_prefix="fetch")
        self._fetching: dict[tuple[AccountId, str], asyncio.Future[Path]] = {}

    def may_have(self, upload: QueuedUpload) -> bool:
        """Tell whether a file is to be found from this node, as far as is known without a look."""
        return self.is_here(upload) or self._is_shared(upload)

    def is_here(self, upload: QueuedUpload) -> bool:
        """Tell whether a file lies on this node, under any of its names."""
        return upload.node in self._nodes

    async def find(self, upload: QueuedUpload) -> Path | None:
        """Return where a file lies on this node, fetched if need be; None where nobody keeps it.

        Raises NotAtHandError, after `patience_seconds` at most; it may be asked for again then.
        """
        path = await asyncio.to_thread(file_of, self._folders, upload)
        if path is not None or not self._is_shared(upload):
            return path
        fetching = self._begin(upload)
        await asyncio.wait({fetching}, timeout=self._patience_seconds)
        if not fetching.done():
            raise NotAtHandError("It is being fetched from the archive. Try again in a while.")
        try:
            return fetching.result()
        except StorageError as error:
            raise _not_at_hand(upload, error) from error

    def _is_shared(self, upload: QueuedUpload) -> bool:
        return self._archive.is_shared and upload.archived and upload.sha256 is not None

    def _begin(self, upload: QueuedUpload) -> asyncio.Future[Path]:
        """Fetch a file, unless it is being fetched for somebody else."""
        what = (upload.account, upload.sha256 or "")
        fetching = self._fetching.get(what)
        if fetching is None:
            loop = asyncio.get_running_loop()
            fetching = loop.run_in_executor(self._threads, self._fetch, upload)
            self._fetching[what] = fetching
            fetching.add_done_callback(lambda done: self._forget(what, done))
        return fetching

    def _forget(self, what: tuple[AccountId, str], done: asyncio.Future[Path]) -> None:
        del self._fetching[what]
        if not done.cancelled():
            done.exception()  # whoever asked may have gone: then nobody else takes it

    def _fetch(self, upload: QueuedUpload) -> Path:
        folder = self._folders.fetched(upload.account)
        path = folder / (upload.sha256 or "")
        with contextlib.suppress(FileNotFoundError), storage_errors(path):
            os.utime(path)
            return path
        make_folder(folder, mode=PRIVATE_FOLDER_MODE)
        if free_bytes(folder) < self._disk_reserve_bytes + (upload.size_bytes or 0):
            raise NoSpaceError(f"Not enough space to fetch a file into {folder}. Free space.")
        self._archive.fetch(upload.account, path.name, path)
        _forget_oldest(folder)
        return path


def _forget_oldest(folder: Path) -> None:
    """Remove what is beyond the number of files that an account has fetched."""
    with storage_errors(folder), os.scandir(folder) as entries:
        kept = sorted((entry.stat().st_mtime, entry.path) for entry in entries if _is_whole(entry))
    for _, name in kept[:-FETCHED_MAX]:
        Path(name).unlink(missing_ok=True)


def _is_whole(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".")


def _not_at_hand(upload: QueuedUpload, error: StorageError) -> NotAtHandError:
    """Return what somebody is told who asked for a file; its error's words are for operators."""
    log.error(
        Event.STORAGE_FAILED,
        account=upload.account,
        upload_id=upload.upload_id,
        code=error.code,
        message=error.message,
        detail=error.detail,
    )
    if isinstance(error, ArchiveAwayError):
        return NotAtHandError("The archive cannot be reached just now. Try again in a while.")
    if isinstance(error, WrongBlobError):
        return NotAtHandError(
            "The archive has other bytes in this file's place than those that were received. "
            "Nothing of them is used. Whoever runs the service finds in the log which to put back.",
            status=HTTPStatus.CONFLICT,
        )
    return NotAtHandError(
        "It cannot be fetched from the archive. Whoever runs the service finds in the log why."
    )
