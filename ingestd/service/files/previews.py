"""Previews: files that somebody tries before they are queued. They wait a day on their node.

A preview is two files in `work/ACCOUNT/previews/`: its bytes, and a note that says what they are;
the receipt that they would get is kept beside them once it is known. Queueing it is one rename of
its bytes into `incoming/`, which happens once, whoever asks for it and how often.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from ingestd.access.accounts import Account
from ingestd.formats.names import NAME_BYTES_MAX, FormatName, format_of
from ingestd.intake.answering.dry_run import check_file
from ingestd.intake.pipeline import Works
from ingestd.intake.work.upkeep import PREVIEW_HOURS
from ingestd.service.files.kept_files import KeptFiles
from ingestd.service.files.receiving import NotReceivedError, Origin
from ingestd.sftp.tree.places import is_tellable
from ingestd.sftp.uploads.losses import UploadLostError
from ingestd.spool.arrivals import Arrival
from ingestd.spool.files import (
    FILE_MODE,
    PRIVATE_FILE_MODE,
    storage_errors,
    write_durably,
)
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import format_instant
from ingestd.values.errors import IngestdError, UsageError
from ingestd.values.identifiers import UPLOAD_ID_PATTERN, AccountId, UploadId, new_upload_id

_THREADS = 2

log = get_logger("ingestd.files")
_NOTE, _RECEIPT = ".json", ".receipt"

Told = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A file that is tried. `upload_id` is what it is queued as, known before it `is_queued`."""

    preview_id: str
    account: AccountId
    filename: str
    format: FormatName
    size_bytes: int
    sha256: str
    kept_at: datetime
    by: str
    upload_id: UploadId | None = None
    is_queued: bool = False

    @property
    def queued_name(self) -> str:
        """The name under which it is queued: its own where that is of its format."""
        return queued_name(self.filename, self.format)


def queued_name(filename: str, format_name: FormatName) -> str:
    """Return a name of a format for a file of any name; what a name cannot hold is left out."""
    name = filename.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(char for char in name if char.isprintable())
    if format_of(name, takes_catalogs=False) is format_name and is_tellable(name):
        return name
    stem = name.rsplit(".", 1)[0].strip(" .")
    room = NAME_BYTES_MAX - len(f"{format_name}_.csv")
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return f"{format_name}_{stem}.csv" if stem else f"{format_name}.csv"


class Previews:
    """Keeps previews, tells what would become of them, and queues them. Of the daemon's loop."""

    def __init__(self, kept: KeptFiles, *, works: Works) -> None:
        self._kept = kept
        self._works = works
        # Trying a file takes no thread from who only looks.
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="preview")
        self._trying: dict[str, asyncio.Task[Told]] = {}
        self._queueing: defaultdict[AccountId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def keep(
        self,
        account: Account,
        filename: str,
        format_name: FormatName,
        chunks: AsyncIterator[bytes],
        *,
        origin: Origin,
    ) -> Preview:
        """Keep a whole file of any name for a day, for who may see the account.

        Whatever `chunks` raises is raised again, and nothing is left then. Raises NotReceivedError
        and StorageError.
        """
        kept = await self._kept.keep(account.account_id, chunks, origin=origin)
        preview = Preview(
            preview_id=kept.file_id,
            account=account.account_id,
            filename=filename[:NAME_BYTES_MAX],
            format=format_name,
            size_bytes=kept.size_bytes,
            sha256=kept.sha256,
            kept_at=self._kept.clock.now(),
            by=origin.by,
        )
        await asyncio.to_thread(self._write_note, preview)
        return preview

    def find(self, account: AccountId, preview_id: str) -> Preview | None:
        """Return an account's preview, also one that was queued; None when its day is over."""
        if not UPLOAD_ID_PATTERN.fullmatch(preview_id):
            return None
        path = self._kept.path(account, preview_id, _NOTE)
        try:
            with storage_errors(path):
                told = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
        except FileNotFoundError:
            return None
        preview = Preview(
            **told
            | {
                "kept_at": datetime.fromisoformat(told["kept_at"]),
                "format": FormatName(told["format"]),
                # Its bytes say it: a disk that was full, or a crash, came before their rename.
                "is_queued": self._kept.find(account, preview_id) is None,
            }
        )
        is_over = self._kept.clock.now() - preview.kept_at >= timedelta(hours=PREVIEW_HOURS)
        return None if is_over else preview

    async def receipt(self, account: Account, preview: Preview, *, seconds: float) -> Told | None:
        """Return the receipt that a preview would get; None where it takes longer than `seconds`.

        It is what `ingestd check` prints, for the books as they were when it was first asked for,
        or `{"trouble": words}` where the file cannot be tried. Nobody waits for a lock of it.
        """
        path = self._kept.path(preview.account, preview.preview_id, _RECEIPT)
        if kept := await asyncio.to_thread(_read_json, path):
            return kept
        task = self._trying.get(preview.preview_id)
        if task is None:
            task = asyncio.create_task(self._try(account, preview), name="preview")
            self._trying[preview.preview_id] = task
            task.add_done_callback(lambda _: self._trying.pop(preview.preview_id, None))
        await asyncio.wait({task}, timeout=seconds)
        return task.result() if task.done() else None

    async def forget_receipt(self, preview: Preview) -> None:
        """Let a preview be tried again: the catalog was mended."""
        path = self._kept.path(preview.account, preview.preview_id, _RECEIPT)
        await asyncio.to_thread(path.unlink, missing_ok=True)

    async def queue(self, preview: Preview, *, origin: Origin) -> tuple[UploadId, bool]:
        """Queue a preview as an upload; return which one, and whether this call did it.

        Asked for again, and by whomever, it is the same upload. Raises NotReceivedError and
        StorageError; it may be asked for again then.
        """
        account = preview.account
        async with self._queueing[account]:
            known = await asyncio.to_thread(self.find, account, preview.preview_id) or preview
            upload_id = known.upload_id or new_upload_id()
            if known.upload_id is None:
                # Before the rename: after a crash between the two it is still the same upload.
                await asyncio.to_thread(self._write_note, replace(known, upload_id=upload_id))
            sender = origin.sender(account)
            arrival = Arrival(
                upload_id=upload_id,
                account=account,
                filename=known.queued_name,
                whole=True,
                size_bytes=known.size_bytes,
                sha256=known.sha256,
                received_at=self._kept.clock.now(),
                peer=sender.peer,
                client_version=sender.client_version,
                source=sender.source,
                sent_by=sender.sent_by,
            )
            path = self._kept.path(account, known.preview_id)
            uploads = self._kept.receiver.uploads
            try:
                await asyncio.to_thread(path.chmod, FILE_MODE)
                await uploads.publish_kept(path, arrival, origin.bound_log(account))
            except FileNotFoundError:
                return upload_id, False
            except UploadLostError as error:
                raise NotReceivedError.of(error.loss) from error
        return upload_id, True

    async def _try(self, account: Account, preview: Preview) -> Told:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._try_now, account, preview)

    def _try_now(self, account: Account, preview: Preview) -> Told:
        path = self._kept.path(preview.account, preview.preview_id)
        try:
            _, told = check_file(self._works, account, path, preview.format)
        except UsageError:
            return {"trouble": "The file is no longer here: it was queued meanwhile."}
        except IngestdError as error:
            # Its words name folders of the server: they are for whoever runs it.
            log.error(Event.STORAGE_FAILED, code=error.code, message=error.message)
            return {"trouble": "The file cannot be tried just now. Try again in a while."}
        told |= {"filename": preview.queued_name}
        written = json.dumps(told).encode()
        write_durably(
            self._kept.path(preview.account, preview.preview_id, _RECEIPT),
            written,
            mode=PRIVATE_FILE_MODE,
        )
        return told

    def _write_note(self, preview: Preview) -> None:
        told = asdict(preview) | {"kept_at": format_instant(preview.kept_at)}
        path = self._kept.path(preview.account, preview.preview_id, _NOTE)
        write_durably(path, json.dumps(told).encode(), mode=PRIVATE_FILE_MODE)


def _read_json(path: Path) -> Told | None:
    try:
        told: Told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return told
