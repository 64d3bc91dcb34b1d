"""Receiving: a file that comes by HTTP takes the road of those that come by SFTP.

The same uploads take it: its bytes lie in staging while they arrive, under the same limits, and it
is answered once it is on disk for good, in `incoming/`, with its note. From there on nothing tells
it from any other but what its note says: by which door it came, and who sent it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Literal

from structlog.stdlib import BoundLogger

from ingestd.access.accounts import Account
from ingestd.access.keeper import AccessKeeper
from ingestd.formats.findings.codes import shorten
from ingestd.formats.names import is_recognised, names_taken
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.tree.places import NameTrouble, file_name
from ingestd.sftp.uploads.lifecycle import OpenRequest, Uploads
from ingestd.sftp.uploads.losses import Loss, UploadLostError, words_of
from ingestd.sftp.uploads.staged_upload import Sender, StagedUpload
from ingestd.spool.folders import Folders
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import IngestdError
from ingestd.values.identifiers import AccountId, UploadId

AT_ONCE_MAX = 16
"""How many files may be on their way into one account: a sender may be slow, not many."""

_STATUSES = {
    Loss.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Loss.NO_SPACE: HTTPStatus.INSUFFICIENT_STORAGE,
    Loss.ARCHIVE_AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    Loss.TOO_MANY_WAITING: HTTPStatus.SERVICE_UNAVAILABLE,
    Loss.TOO_MANY_AT_ONCE: HTTPStatus.TOO_MANY_REQUESTS,
    Loss.SIZE_MISMATCH: HTTPStatus.BAD_REQUEST,
    Loss.SESSION_CLOSED: HTTPStatus.FORBIDDEN,
}

log = get_logger("ingestd.files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """By which door a file comes, and who sends it: a user's name or a token's, and an address.

    `client` is what the sender's program says of itself (its User-Agent), or None.
    """

    source: Literal["console", "api"]
    by: str
    peer: str
    client: str | None = None

    def sender(self, account: AccountId) -> Sender:
        """Return it as an arrival note tells it; nobody sends the rest of a file by HTTP."""
        return Sender(
            account=account,
            session_id=None,
            peer=self.peer,
            key_fingerprint=None,
            client_version=None if self.client is None else shorten(self.client),
            source=self.source,
            sent_by=self.by,
            may_resume=False,
        )

    def bound_log(self, account: AccountId) -> BoundLogger:
        """Return a log whose lines say where a file comes from."""
        return log.bind(account=account, peer=self.peer, source=self.source, user=self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A file that is on disk for good, and will be processed as this upload. `sha256` is in hex."""

    upload_id: UploadId
    filename: str
    size_bytes: int
    sha256: str


class NotReceivedError(IngestdError):
    """A file was not taken: nothing of it will be processed.

    `reason` is the word that the log has for it, `status` what HTTP answers.
    """

    code: ClassVar[str] = "not_received"

    def __init__(self, message: str, *, reason: str, status: HTTPStatus) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status

    @classmethod
    def of(cls, loss: Loss) -> NotReceivedError:
        """Return what the sender of an upload that was lost is told."""
        status = _STATUSES.get(loss, HTTPStatus.INTERNAL_SERVER_ERROR)
        words = words_of(loss)
        return cls(f"{words[0].upper()}{words[1:]}.", reason=loss.value, status=status)


class Receiver:
    """Takes files that come by HTTP. Belongs to the daemon's loop."""

    def __init__(
        self, *, uploads: Uploads, folders: Folders, keeper: AccessKeeper, limits: DoorLimits
    ) -> None:
        self.uploads = uploads
        self.folders = folders
        self.limits = limits
        self._keeper = keeper
        self._under_way: Counter[AccountId] = Counter()

    async def receive(
        self,
        account: Account,
        filename: str,
        chunks: AsyncIterator[bytes],
        *,
        origin: Origin,
        size_bytes: int | None = None,
    ) -> Received:
        """Take a whole file of an account; it is on disk for good, and queued, afterwards.

        `chunks` are the file's bytes, such as `request.stream()`; call `allow_body(request.scope,
        receiver.limits.max_upload_bytes)` before, or a body of 64 KiB is too long. `size_bytes`
        is what was announced of it (Content-Length), or None. `filename` is one name that the
        account takes, and no path; the same name again is another upload. The upload is known
        under `upload_id` from now on; the queue has its row a second or so later, when it is
        claimed (`find_upload` returns None until then).

        Whatever `chunks` raises (a peer that has gone, a body that is too slow) is raised again:
        the upload is told as interrupted then, and gets a receipt that says so. Raises
        NotReceivedError with the status to answer, and StorageError.
        """
        told = origin.bound_log(account.account_id)
        self.require_name(account, filename, told)
        sender = origin.sender(account.account_id)
        request = OpenRequest(filename=filename, truncate=True, announced_bytes=size_bytes)
        with self.one_more(account.account_id):
            await asyncio.to_thread(self.folders.create_for, account.account_id)
            try:
                upload = await self.uploads.begin(sender, request, told)
                await self._fill(upload, chunks, told)
                arrival = await self.uploads.end_closed(upload, told)
            except UploadLostError as error:
                raise NotReceivedError.of(error.loss) from error
        if arrival is None or arrival.sha256 is None:
            raise AssertionError("an upload that replaces what was there is published whole")
        return Received(
            upload_id=arrival.upload_id,
            filename=filename,
            size_bytes=arrival.size_bytes,
            sha256=arrival.sha256,
        )

    def require_name(self, account: Account, filename: str, told: BoundLogger) -> None:
        """Raise NotReceivedError unless files of the account may have this name.

        There is no renaming by HTTP: a name that nobody recognises would only be set aside.
        """
        name = file_name(filename.encode("utf-8", "surrogatepass"))
        takes_catalogs = account.catalog_over_sftp
        if isinstance(name, NameTrouble):
            reason, words = name.value, f"{name.words[0].upper()}{name.words[1:]}."
        elif not is_recognised(name, takes_catalogs=takes_catalogs):
            taken = ", ".join(f"{one}*.csv" for one in names_taken(takes_catalogs=takes_catalogs))
            reason, words = (
                "name_unrecognised",
                f"No format has this file name; these have: {taken}.",
            )
        else:
            return
        told.warning(Event.UPLOAD_REFUSED, filename=shorten(filename), reason=reason, bytes=0)
        raise NotReceivedError(words, reason=reason, status=HTTPStatus.UNPROCESSABLE_ENTITY)

    @contextlib.contextmanager
    def one_more(self, account: AccountId) -> Iterator[None]:
        """Count a file that is on its way. Raises NotReceivedError when there are too many."""
        if self._under_way[account] >= AT_ONCE_MAX:
            raise NotReceivedError.of(Loss.TOO_MANY_AT_ONCE)
        self._under_way[account] += 1
        try:
            yield
        finally:
            self._under_way[account] -= 1

    async def _fill(
        self, upload: StagedUpload, chunks: AsyncIterator[bytes], told: BoundLogger
    ) -> None:
        """Write all that comes, or end the upload as one that was lost."""
        try:
            await self._write(upload, chunks)
        except UploadLostError as error:
            await self.uploads.end_lost(upload, error.loss, told)
            raise
        except BaseException:
            await self.uploads.end_lost(upload, Loss.CONNECTION_LOST, told)
            raise

    async def _write(self, upload: StagedUpload, chunks: AsyncIterator[bytes]) -> None:
        offset = 0
        async for chunk in chunks:
            if chunk:
                upload.write(offset, chunk)
                self.uploads.follow(upload)
                offset += len(chunk)
        if upload.sender.account not in self._keeper.current.accounts:
            # Taken out meanwhile.
            raise UploadLostError(Loss.SESSION_CLOSED)
