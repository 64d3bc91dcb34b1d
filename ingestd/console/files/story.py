"""One upload's whole story, down to the bytes of a row; and trying it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import escape
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Asked, Right, Visit, refuse
from ingestd.console.files.shown import (
    amount_words,
    local_time,
    may_try_again,
    remedies,
    size_words,
    source_words,
    state_words,
    story_words,
)
from ingestd.console.page.dropped import origin_of
from ingestd.console.page.pages import link_within, page
from ingestd.console.page.threads import read, write
from ingestd.database.engine import Database
from ingestd.intake.answering.receipt import (
    csv_of,
    has_csv,
    receipt_name,
    receipt_of,
    render_json,
)
from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from ingestd.reports.escaping.texts import shown
from ingestd.service.files.receiving import NotReceivedError, Receiver
from ingestd.service.files.rows import read_row
from ingestd.service.files.stored_bytes import NotAtHandError, StoredBytes
from ingestd.service.files.story import (
    PAGE_FINDINGS,
    PAGE_ROWS,
    Story,
    list_applied_charges,
    page_findings,
    read_story,
)
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from ingestd.spool.arrivals import note_of_upload
from ingestd.spool.queue import retry
from ingestd.values.identifiers import UPLOAD_ID_PATTERN, AccountId, UploadId
from ingestd.values.money import decimals_of

_ROW_MAX = 10**9
_BLOCK_BYTES = 1 << 16
_MENDABLE = frozenset({"rejected", "processed_with_findings"})
"""How far an upload is whose bytes may come to more once the catalog was mended."""


class Stories:
    """`/uploads/ID` and what hangs on it."""

    def __init__(self, installation: Installation, receiver: Receiver, stored: StoredBytes) -> None:
        self._installation = installation
        self._stored = stored
        self._receiver = receiver
        self._clock = installation.clock

    def asked(self) -> tuple[Asked, ...]:
        """Return the pages, each with its right."""
        one = "/uploads/{upload_id}"
        return (
            Asked(path=one, right=Right.WATCH, answer=self.show),
            Asked(path=f"{one}/receipt.json", right=Right.SEE, answer=self.receipt),
            Asked(path=f"{one}/receipt.csv", right=Right.SEE, answer=self.receipt),
            Asked(path=f"{one}/applied", right=Right.SEE, answer=self.applied),
            Asked(path=f"{one}/rows/{{row}}", right=Right.SEE, answer=self.row),
            Asked(path=f"{one}/retry", right=Right.WATCH_ACT, answer=self.retry, method="POST"),
            Asked(path=f"{one}/again", right=Right.WATCH_ACT, answer=self.again, method="POST"),
        )

    async def show(self, request: Request, visit: Visit) -> Response:
        """Show one upload."""
        found = await self._find(request, visit)
        if found is None:
            return refuse(request, 404)
        account, upload_id, story = found
        if story is None:
            return page(request, "files/on_its_way.html", upload_id=upload_id)
        return await self._show(request, visit, account, story)

    async def receipt(self, request: Request, visit: Visit) -> Response:
        """Return the receipt that the account fetches by SFTP, made again."""
        found = await self._find_queued(request, visit)
        ending = request.url.path.rpartition(".")[2]
        if found is None:
            return refuse(request, 404)
        account, upload_id, story = found
        written = await read(self._write_receipt, account, upload_id, ending)
        if written is None:
            return refuse(request, 404)
        name = quote(receipt_name(story.upload.filename, upload_id, ending), safe="")
        kinds = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
        told = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(written, media_type=kinds[ending], headers=told)

    async def applied(self, request: Request, visit: Visit) -> Response:
        """List the charges that a file's rows became."""
        found = await self._find_queued(request, visit)
        if found is None or found[2].batch_no is None:
            return refuse(request, 404)
        account, _, story = found
        after = _number(request.query_params.get("after", ""))
        charges = await read(self._list_applied, account, found[2].batch_no, after)
        lines = [
            {
                "row": charge.row,
                "tracking_id": charge.tracking_id,
                "way": f"/trace/{quote(charge.tracking_id, safe='')}",
                "amount": amount_words(account, charge.amount),
            }
            for charge in charges
        ]
        following = charges[-1].charge_no if len(charges) == PAGE_ROWS else None
        return page(request, "files/applied.html", upload=story.upload, lines=lines, next=following)

    async def row(self, request: Request, visit: Visit) -> Response:
        """Show the lines of a row, as they stand in the file."""
        found = await self._find_queued(request, visit)
        number = _number(request.path_params["row"])
        if found is None or not number:
            return refuse(request, 404)
        account, _, story = found
        lines, trouble, status = None, "", HTTPStatus.OK
        try:
            path = await self._stored.find(story.upload)
        except NotAtHandError as error:
            path, trouble, status = None, error.message, error.status
        if path is not None:
            lines = await read(read_row, path, account, number)
            if lines is None:
                return refuse(request, 404)
        return page(
            request,
            "files/row.html",
            status=status,
            trouble=trouble,
            upload=story.upload,
            number=number,
            row=lines,
            # Each character as it stands there; what cannot be seen by its number.
            texts=[escape(shown(text)) for text in (lines.lines if lines else ())],
            is_here=self._stored.is_here(story.upload),
        )

    async def retry(self, request: Request, visit: Visit) -> Response:
        """Let an upload that failed be tried again at once, as `ingestd uploads retry` does."""
        found = await self._find_queued(request, visit)
        if found is None:
            return refuse(request, 404)
        account, upload_id, story = found
        if not await write(self._retry, visit, account, upload_id):
            trouble = f"It is {state_words(story.state)}: there is nothing to try again."
            return await self._show(request, visit, account, story, trouble, status=409)
        return _go(account, upload_id)

    async def again(self, request: Request, visit: Visit) -> Response:
        """Send a file again whose rows may be taken by now: another upload of the same bytes."""
        found = await self._find_queued(request, visit)
        if found is None:
            return refuse(request, 404)
        account, upload_id, story = found
        may_be_sent = story.state in _MENDABLE and story.upload.format is not None
        try:
            path = await self._stored.find(story.upload) if may_be_sent else None
            if path is None:
                trouble = "It cannot be sent again from here. Send the file itself."
                return await self._show(request, visit, account, story, trouble, status=409)
            received = await self._receiver.receive(
                account,
                story.upload.filename,
                _pieces(path),
                origin=origin_of(request, visit.user.name),
            )
        except (NotAtHandError, NotReceivedError) as error:
            return await self._show(
                request, visit, account, story, error.message, status=error.status
            )
        await write(self._note_again, visit, account, upload_id, received.upload_id)
        return _go(account, received.upload_id)

    async def _find(
        self, request: Request, visit: Visit
    ) -> tuple[Account, UploadId, Story | None] | None:
        """Return an upload that is the visitor's to see, and its account; None where it is not.

        Its story is None while it is on its way into the queue.
        """
        told = request.path_params["upload_id"]
        if not UPLOAD_ID_PATTERN.fullmatch(told):
            return None
        upload_id = UploadId(told)
        accounts = visit.accounts if visit.account is None else (visit.account,)
        for account in accounts:
            story = await read(self._read, account, upload_id)
            if story is not None or await asyncio.to_thread(self._comes, account, upload_id):
                return account, upload_id, story
        return None

    async def _find_queued(
        self, request: Request, visit: Visit
    ) -> tuple[Account, UploadId, Story] | None:
        """Return the same where the queue has it."""
        found = await self._find(request, visit)
        if found is None or found[2] is None:
            return None
        return found[0], found[1], found[2]

    def _database_of(self, account: AccountId) -> Database:
        return self._installation.shard_of(account).database

    def _read(self, account: Account, upload_id: UploadId) -> Story | None:
        with self._database_of(account.account_id).reading() as connection:
            return read_story(connection, account.account_id, upload_id)

    def _comes(self, account: Account, upload_id: UploadId) -> bool:
        """Tell whether an upload was received here and is not in the queue yet."""
        folders = self._receiver.folders
        is_claimed = (folders.claimed(account.account_id) / upload_id).is_dir()
        return is_claimed or note_of_upload(folders, account.account_id, upload_id) is not None

    async def _show(
        self,
        request: Request,
        visit: Visit,
        account: Account,
        story: Story,
        trouble: str = "",
        *,
        status: int = 200,
    ) -> Response:
        code, after = request.query_params.get("code", ""), request.query_params.get("after", "")
        code = code if code in story.codes else ""
        findings = await read(self._page_findings, story, code, after)
        may_act = may_try_again(visit)
        return page(
            request,
            "files/upload.html",
            status=status,
            trouble=trouble,
            account=account,
            story=story,
            upload=story.upload,
            facts=_facts(account, story),
            state=story_words(story.state),
            amount=None
            if story.outcome is None or story.outcome.rows is None or not visit.sees_values
            else amount_words(account, story.outcome.applied_amount),
            totals=[
                {
                    "merchant_id": total.merchant_id,
                    "batch_num": total.batch_num,
                    "rows": total.rows,
                    "amount": amount_words(account, total.amount),
                }
                for total in (story.totals or ())
            ]
            if visit.sees_values
            else [],
            code=code,
            findings=findings,
            next=findings[-1].place if len(findings) == PAGE_FINDINGS else None,
            is_first=not after,
            remedies=remedies(),
            may_retry=may_act and story.upload.state == "failed",
            may_send_again=may_act
            and story.state in _MENDABLE
            and story.upload.format is not None
            and self._stored.may_have(story.upload),
        )

    def _page_findings(self, story: Story, code: str, after: str) -> list[Any]:
        if story.outcome is None or not story.outcome.findings:
            return []
        upload = story.upload
        with self._database_of(upload.account).reading() as connection:
            return list(
                page_findings(connection, upload.account, upload.upload_id, code=code, after=after)
            )

    def _write_receipt(self, account: Account, upload_id: UploadId, ending: str) -> bytes | None:
        with self._database_of(account.account_id).reading() as connection:
            outcome = read_file_outcome(connection, account.account_id, upload_id)
            if outcome is None:
                return None
            if ending == "json":
                decimals = decimals_of(account.currency)
                return render_json(receipt_of(connection, outcome, decimals=decimals))
            return b"".join(csv_of(connection, outcome)) if has_csv(outcome) else None

    def _list_applied(self, account: Account, batch_no: int, after: int) -> list[Any]:
        with self._database_of(account.account_id).reading() as connection:
            return list(list_applied_charges(connection, account.account_id, batch_no, after=after))

    def _retry(self, visit: Visit, account: Account, upload_id: UploadId) -> bool:
        with self._database_of(account.account_id).writing() as connection:
            is_retried = retry(connection, account.account_id, upload_id)
            if is_retried:
                write_audit(
                    connection,
                    Deed.UPLOAD_RETRIED,
                    doer=Doer(name=visit.user.name, via=Via.CONSOLE),
                    at=self._clock.now(),
                    subject=upload_id,
                    account=account.account_id,
                )
        return is_retried

    def _note_again(
        self, visit: Visit, account: Account, upload_id: UploadId, new_id: UploadId
    ) -> None:
        with self._database_of(account.account_id).writing() as connection:
            write_audit(
                connection,
                Deed.UPLOAD_SENT_AGAIN,
                doer=Doer(name=visit.user.name, via=Via.CONSOLE),
                at=self._clock.now(),
                subject=upload_id,
                account=account.account_id,
                detail={"upload_id": new_id},
            )


def _facts(account: Account, story: Story) -> list[tuple[str, str]]:
    upload, outcome = story.upload, story.outcome
    said: list[tuple[str, str | None]] = [
        ("Account", f"{account.name} ({account.account_id})"),
        ("Received", local_time(account, upload.received_at)),
        ("By way of", source_words(upload.source)),
        ("Sent by", upload.sent_by),
        ("From", upload.peer),
        ("With", upload.client_version),
        ("Key", upload.key_fingerprint),
        ("Format", upload.format),
        ("Size", size_words(upload.size_bytes)),
        ("SHA-256", upload.sha256 or (outcome.provenance.sha256 if outcome else None)),
        ("Finished", None if outcome is None else local_time(account, outcome.finished_at)),
        ("Place of sale", None if outcome is None else outcome.location),
        ("Same bytes as", None if outcome is None else outcome.same_bytes_as),
        ("Sealed in batch", None if story.batch_no is None else str(story.batch_no)),
        ("Tries", str(upload.attempts) if upload.attempts > 1 else None),
        ("Waits because", upload.last_error),
    ]
    return [(name, value) for name, value in said if value]


def _go(account: Account, upload_id: UploadId) -> Response:
    return RedirectResponse(link_within(account.account_id)(f"/uploads/{upload_id}"), 303)


def _number(text: str) -> int:
    """Return a number that stands in an address; 0 for what is none."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(_ROW_MAX))
    return int(text) if is_number else 0


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK_BYTES):
            yield block
