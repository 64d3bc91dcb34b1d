"""Dropped, tried, queued: a district's files by hand, with the receipt before they count."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.console.door.rights import Asked, Right, Visit, refuse
from ingestd.console.files.lists import Listing, read_listing
from ingestd.console.files.shown import local_time, remedies, size_words
from ingestd.console.page.dropped import FORM_BYTES_MAX, CutError, Dropped, NoFileError, origin_of
from ingestd.console.page.pages import link_within, page
from ingestd.console.page.threads import read, write
from ingestd.formats.names import FormatName
from ingestd.service.files.previews import Preview, Previews
from ingestd.service.files.receiving import NotReceivedError
from ingestd.service.http.bounds import allow_body
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import IngestdError
from ingestd.values.identifiers import UploadId

RECEIPT_SECONDS = 2.0
"""How long a page waits for a preview's receipt before it says that the file is being read."""

_FINDINGS_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One place where files are dropped: its address, its words, and the formats that it takes.

    `what` is what the files hold; the first of `formats` is the one that is chosen at first.
    """

    path: str
    section: str
    title: str
    what: str
    formats: Sequence[tuple[FormatName, str]]

    def format_of(self, told: str) -> FormatName:
        """Return the format that a form names; the first where it names none that is taken here."""
        names = [name for name, _ in self.formats]
        return next((name for name in names if name.value == told), names[0])


QUEUED_CHARGES = Counter(
    path="/billing/queued-charges",
    section="Billing",
    title="Queued charges",
    what="charges",
    formats=((FormatName.STUDENT_BILLING, "Charges"), (FormatName.STUDENT_REFUNDS, "Refunds")),
)
ELECTRONIC_RECEIPTS = Counter(
    path="/receipting/electronic-receipts",
    section="Receipting",
    title="Electronic receipts",
    what="payments",
    formats=(
        (FormatName.FEE_PAYMENTS, "Fee account payments"),
        (FormatName.SUNDRY_PAYMENTS, "Sundry payments"),
        (FormatName.ENROLMENT_PAYMENTS, "Enrolment payments"),
    ),
)


class Drops:
    """The pages of one counter."""

    def __init__(
        self,
        counter: Counter,
        *,
        previews: Previews,
        installation: Installation,
        bytes_max: int,
    ) -> None:
        self._counter = counter
        self._previews = previews
        self._installation = installation
        self._clock = installation.clock
        self._bytes_max = bytes_max

    def asked(self) -> tuple[Asked, ...]:
        """Return the pages, each with its right."""
        path, one = self._counter.path, f"{self._counter.path}/{{preview_id}}"
        return (
            Asked(
                path=path,
                right=Right.SEE,
                answer=self.show,
                entry=self._counter.title,
                section=self._counter.section,
            ),
            Asked(path=path, right=Right.ACT, answer=self.drop, method="POST"),
            Asked(path=one, right=Right.SEE, answer=self.preview),
            Asked(path=f"{one}/check", right=Right.ACT, answer=self.check, method="POST"),
            Asked(path=f"{one}/queue", right=Right.ACT, answer=self.queue, method="POST"),
        )

    async def show(self, request: Request, visit: Visit) -> Response:
        """Ask for a file, and list those that came."""
        return await self._show(request, visit)

    async def drop(self, request: Request, visit: Visit) -> Response:
        """Keep a file as a preview."""
        allow_body(request.scope, self._bytes_max + FORM_BYTES_MAX)
        try:
            dropped = Dropped(request)
            await dropped.begin()
            format_name = self._counter.format_of(dropped.fields.get("format", ""))
            preview = await self._previews.keep(
                visit.books,
                dropped.filename,
                format_name,
                dropped.pieces(),
                origin=origin_of(request, visit.user.name),
            )
        except NoFileError:
            trouble = "Choose a file first."
            return await self._show(request, visit, trouble, status=422)
        except CutError:
            trouble = "The file did not arrive whole. Send it again."
            return await self._show(request, visit, trouble, status=400)
        except NotReceivedError as error:
            return await self._show(request, visit, error.message, status=error.status)
        return self._go(visit, preview.preview_id)

    async def preview(self, request: Request, visit: Visit) -> Response:
        """Show what would become of a file."""
        preview = await self._find(request, visit)
        return (
            refuse(request, 404) if preview is None else await self._tell(request, visit, preview)
        )

    async def check(self, request: Request, visit: Visit) -> Response:
        """Try a file anew: the catalog was mended, or the books went on."""
        preview = await self._find(request, visit)
        if preview is None:
            return refuse(request, 404)
        await self._previews.forget_receipt(preview)
        return self._go(visit, preview.preview_id)

    async def queue(self, request: Request, visit: Visit) -> Response:
        """Queue a file, once, and show what becomes of it."""
        preview = await self._find(request, visit)
        if preview is None:
            return refuse(request, 404)
        try:
            upload_id, is_new = await self._previews.queue(
                preview, origin=origin_of(request, visit.user.name)
            )
        except NotReceivedError as error:
            return await self._tell(request, visit, preview, error.message, status=error.status)
        if is_new:
            await write(self._note, visit, preview, upload_id)
        way = link_within(visit.books.account_id)(f"/uploads/{upload_id}")
        return RedirectResponse(way, 303)

    def _note(self, visit: Visit, preview: Preview, upload_id: UploadId) -> None:
        with self._installation.database.writing() as connection:
            write_audit(
                connection,
                Deed.FILE_QUEUED,
                doer=Doer(name=visit.user.name, via=Via.CONSOLE),
                at=self._clock.now(),
                subject=upload_id,
                account=visit.books.account_id,
                detail={"filename": preview.queued_name, "format": preview.format.value},
            )

    async def _find(self, request: Request, visit: Visit) -> Preview | None:
        preview_id = request.path_params["preview_id"]
        preview = await asyncio.to_thread(self._previews.find, visit.books.account_id, preview_id)
        formats = {name for name, _ in self._counter.formats}
        return preview if preview is not None and preview.format in formats else None

    async def _show(
        self, request: Request, visit: Visit, trouble: str = "", *, status: int = 200
    ) -> Response:
        formats = tuple(name.value for name, _ in self._counter.formats)
        listing = Listing.of(request, visit, self._clock, formats=formats)
        told = await read(read_listing, self._installation, listing)
        return page(
            request,
            "files/drop.html",
            status=status,
            counter=self._counter,
            trouble=trouble,
            size_max=size_words(self._bytes_max),
            **told,
        )

    async def _tell(
        self,
        request: Request,
        visit: Visit,
        preview: Preview,
        trouble: str = "",
        *,
        status: int = HTTPStatus.OK,
    ) -> Response:
        told = None
        if not preview.is_queued:
            try:
                told = await self._previews.receipt(visit.books, preview, seconds=RECEIPT_SECONDS)
            except IngestdError as error:
                trouble = error.message
        if told is not None and "trouble" in told:
            trouble, told = trouble or str(told["trouble"]), None
        elif told is None and not trouble and not preview.is_queued:
            return page(request, "files/reading.html", counter=self._counter, preview=preview)
        return page(
            request,
            "files/preview.html",
            status=status,
            counter=self._counter,
            preview=preview,
            kept_at=local_time(visit.books, to_microseconds(preview.kept_at)),
            size=size_words(preview.size_bytes),
            currency=visit.books.currency,
            receipt=told,
            trouble=trouble,
            shown=_FINDINGS_SHOWN,
            remedies=remedies(),
        )

    def _go(self, visit: Visit, preview_id: str) -> Response:
        way = link_within(visit.books.account_id)(f"{self._counter.path}/{preview_id}")
        return RedirectResponse(way, 303)
