"""Files: sent, checked, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from http import HTTPStatus
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from sqlalchemy.engine import Connection
from starlette.responses import Response

from ingestd.access.accounts import Account
from ingestd.console.api import answers
from ingestd.console.api.answers import answer_json
from ingestd.console.api.callers import Caller, Needs
from ingestd.console.api.figures import Limit
from ingestd.console.api.problems import ProblemError
from ingestd.console.api.spooled import SpooledResponse, spool
from ingestd.console.api.strictness import FileName, Name, refuse_encoded
from ingestd.console.api.upload_rows import (
    counts_row,
    found_row,
    note_row,
    upload_row,
)
from ingestd.console.page.threads import read, read_long, write
from ingestd.formats.names import FormatName
from ingestd.intake.answering.dry_run import check_file
from ingestd.intake.answering.receipt import csv_of, has_csv, receipt_of, render_json
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, read_file_outcome
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.files.receiving import Origin, Received
from ingestd.service.files.upload_keys import UploadKey, UploadKeys
from ingestd.service.files.uploads import Sought, find_uploads
from ingestd.service.http.bounds import allow_body
from ingestd.service.people.scopes import TokenScope
from ingestd.spool.arrivals import note_of_upload
from ingestd.spool.claimed import storable_name
from ingestd.spool.queue import find_upload
from ingestd.spool.upload_status import UploadStatus
from ingestd.values.errors import UnknownNameError
from ingestd.values.identifiers import UPLOAD_ID_PATTERN, UploadId
from ingestd.values.money import decimals_of

Sender = Annotated[Caller, Depends(Needs(TokenScope.UPLOAD))]
Follower = Annotated[Caller, Depends(Needs(TokenScope.UPLOAD, TokenScope.READ))]
Cursor = Annotated[
    str | None,
    Query(pattern=rf"^{UPLOAD_ID_PATTERN.pattern}$", description="`next` of the page before."),
]
KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="Sent again with the same file, it answers the same upload, for a day.",
    ),
]

_RAW = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes as they are.",
        "content": {"text/csv": {}},
    }
}


class Files:
    """The endpoints by which files come, and by which is told what became of them."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._installation = surroundings.installation
        self._database = surroundings.installation.database
        self._folders = surroundings.installation.folders
        self._receiver = surroundings.receiver
        self._keys = UploadKeys(self._folders, surroundings.installation.clock)

    def routes(self, router: APIRouter) -> None:
        """Add the endpoints to a router."""
        router.put(
            "/incoming/{name}",
            status_code=HTTPStatus.CREATED,
            response_model=answers.ReceivedAnswer,
            openapi_extra=_RAW,
            tags=["files"],
        )(self.receive)
        router.post(
            "/check", response_model=answers.ReceiptAnswer, openapi_extra=_RAW, tags=["files"]
        )(self.check)
        get = router.get
        get("/uploads", response_model=answers.UploadPage, tags=["files"])(self.uploads)
        get("/uploads/{upload_id}", response_model=answers.UploadAnswer, tags=["files"])(
            self.upload
        )
        get(
            "/uploads/{upload_id}/receipt",
            response_model=answers.ReceiptAnswer,
            responses={
                200: {"content": {"text/csv": {"schema": {"type": "string"}}}},
                204: {"description": "As CSV: every row was applied, there is nothing to mend."},
            },
            tags=["files"],
        )(self.receipt)

    async def receive(
        self, request: Request, caller: Sender, name: FileName, idempotency_key: KeyHeader = None
    ) -> Response:
        """Take a file: it is on disk for good afterwards, and will be processed, once."""
        _refuse_no_file(request)
        allow_body(request.scope, self._receiver.limits.max_upload_bytes)
        if idempotency_key is None:
            return _told(await self._receive(request, caller, name))
        account_id = caller.account.account_id
        key = UploadKey(account=account_id, owner=caller.token.name, key=idempotency_key)
        with self._keys.used(key):
            kept = await read(self._keys.find, key)
            if kept is not None:
                await _require_same(request, name, kept)
                return _told(kept)
            received = await self._receive(request, caller, name)
            await write(self._keys.keep, key, received)
            return _told(received)

    async def _receive(self, request: Request, caller: Caller, name: str) -> Received:
        length = request.headers.get("content-length", "")
        return await self._receiver.receive(
            caller.account,
            name,
            request.stream(),
            origin=Origin(
                source="api",
                by=caller.token.signature,
                peer=caller.address,
                client=request.headers.get("user-agent"),
            ),
            size_bytes=int(length) if length.isdecimal() else None,
        )

    async def check(
        self,
        request: Request,
        caller: Sender,
        file_format: Annotated[FormatName | None, Query(alias="format")] = None,
        name: Annotated[FileName | None, Query(description="The file's name.")] = None,
    ) -> Response:
        """Return the receipt that a file would get, and store nothing."""
        _refuse_no_file(request)
        allow_body(request.scope, self._receiver.limits.max_upload_bytes)
        named = name or f"{file_format or 'file'}.csv"
        if "/" in named or named in {".", ".."}:
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "Name a file, no path.")
        with (
            self._receiver.one_more(caller.account.account_id),
            self._database.scratch_folder() as folder,
        ):
            path = folder / storable_name(named)
            with path.open("xb") as file:
                async for chunk in request.stream():
                    file.write(chunk)
            works = self._installation.works()
            _, receipt = await read_long(check_file, works, caller.account, path, file_format)
        return Response(render_json(receipt), media_type="application/json")

    async def uploads(
        self,
        caller: Follower,
        status: UploadStatus | None = None,
        filename: Annotated[FileName | None, Query(description="A part of its name.")] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Response:
        """List uploads, the latest first, with what became of their rows."""
        sought = Sought(
            accounts=(caller.account.account_id,),
            name=filename or "",
            state=None if status is None else status.value,
        )

        def work() -> dict[str, object]:
            with self._database.reading() as connection:
                found = find_uploads(connection, sought, before=cursor or "", limit=limit + 1)
            more = len(found) > limit
            return {
                "uploads": [found_row(upload) for upload in found[:limit]],
                "next": found[limit - 1].upload_id if more else None,
            }

        return answer_json(await read(work))

    async def upload(self, caller: Follower, upload_id: Name) -> Response:
        """Tell where one upload came from, and what became of it."""
        found = await read(self._find, caller.account, upload_id)
        return answer_json(found)

    async def receipt(self, request: Request, caller: Follower, upload_id: Name) -> Response:
        """Return an upload's receipt, byte for byte as it lies in `receipts/`; as CSV by Accept."""
        wants_csv = _wants_csv(request.headers.get("accept", ""))
        file = await read(self._receipt, caller.account, upload_id, wants_csv)
        if file is None:
            return Response(status_code=HTTPStatus.NO_CONTENT)
        kind = "text/csv" if wants_csv else "application/json"
        return SpooledResponse(file, media_type=kind, headers={"Vary": "Accept"})

    def _find(self, account: Account, upload_id: str) -> dict[str, object]:
        """Return what is known of an upload, from its arrival on. Raises UnknownNameError."""
        for found in (self._in_queue, self._in_note, self._in_queue):
            # It is in the queue before its note is gone.
            row = found(account, upload_id)
            if row is not None:
                return row
        raise UnknownNameError(f"There is no upload {upload_id}.")

    def _in_queue(self, account: Account, upload_id: str) -> dict[str, object] | None:
        with self._database.reading() as connection:
            upload = find_upload(connection, account.account_id, UploadId(upload_id))
            if upload is None:
                return None
            outcome = _outcome(connection, account, upload_id)
        origin = {"sha256": upload.sha256, "peer": upload.peer, "sent_by": upload.sent_by}
        return upload_row(upload) | counts_row(outcome) | origin

    def _in_note(self, account: Account, upload_id: str) -> dict[str, object] | None:
        if not UPLOAD_ID_PATTERN.fullmatch(upload_id):
            return None
        note = note_of_upload(self._folders, account.account_id, upload_id)
        return None if note is None else note_row(note) | counts_row(None)

    def _receipt(self, account: Account, upload_id: str, wants_csv: bool) -> IO[bytes] | None:
        with self._database.reading() as connection:
            outcome = _outcome(connection, account, upload_id)
            if outcome is not None:
                pieces = _pieces(connection, account, outcome, wants_csv=wants_csv)
                return None if pieces is None else spool(self._database, pieces)
        self._find(account, upload_id)
        raise ProblemError(
            HTTPStatus.NOT_FOUND,
            "no_receipt_yet",
            "The upload waits, or is being processed. Ask again.",
            headers={"Retry-After": "1"},
        )


def _outcome(connection: Connection, account: Account, upload_id: str) -> FileOutcome | None:
    return read_file_outcome(connection, account.account_id, UploadId(upload_id))


def _pieces(
    connection: Connection, account: Account, outcome: FileOutcome, *, wants_csv: bool
) -> Iterator[bytes] | None:
    if wants_csv:
        return csv_of(connection, outcome) if has_csv(outcome) else None
    receipt = receipt_of(connection, outcome, decimals=decimals_of(account.currency))
    return iter([render_json(receipt)])


def _wants_csv(accept: str) -> bool:
    return "text/csv" in accept.lower() and "application/json" not in accept.lower()


def _refuse_no_file(request: Request) -> None:
    """Refuse what is no file as it is: packed, in a form, or a part. Raises ProblemError."""
    refuse_encoded(request)
    if request.headers.get("content-type", "").lower().startswith("multipart/"):
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoded", "Send the file's bytes, and no form."
        )
    if "content-range" in request.headers:
        # Source: RFC 9110, section 14.5.
        raise ProblemError(HTTPStatus.BAD_REQUEST, "partial", "Send the whole file.")


async def _require_same(request: Request, name: str, kept: Received) -> None:
    """Read a body whose key stands for a file. Raises ProblemError unless it is that file."""
    digest, size_bytes = sha256(), 0
    async for chunk in request.stream():
        digest.update(chunk)
        size_bytes += len(chunk)
    if (name, size_bytes, digest.hexdigest()) != (kept.filename, kept.size_bytes, kept.sha256):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "key_of_another_file",
            "This Idempotency-Key was sent with another file. Give each file a key of its own.",
        )


def _told(received: Received) -> Response:
    place = {"Location": f"/api/v1/uploads/{received.upload_id}"}
    fields = {
        "upload_id": received.upload_id,
        "filename": received.filename,
        "size_bytes": received.size_bytes,
        "sha256": received.sha256,
    }
    return answer_json(fields, status=HTTPStatus.CREATED, headers=place)
