"""Lists of uploads: what is asked stands in the address, and is kept from page to page."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.accounts import Account
from ingestd.console.door.rights import Asked, Right, Visit
from ingestd.console.files.shown import (
    amount_words,
    local_time,
    may_try_again,
    size_words,
    source_words,
    state_words,
)
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import link_within, page
from ingestd.console.page.threads import read, write
from ingestd.database.engine import Database
from ingestd.formats.findings.codes import shorten
from ingestd.formats.names import FormatName
from ingestd.intake.answering.receipt import csv_line, safe_cell
from ingestd.service.files.uploads import (
    PAGE_UPLOADS,
    STATES,
    FoundUpload,
    Sought,
    count_states,
    days_in,
    find_uploads,
    iterate_uploads,
)
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.audit import Deed, Doer, Via, write_audit
from ingestd.spool.queue import retry
from ingestd.spool.upload_status import UploadStatus
from ingestd.values.clock import Clock, format_second, from_microseconds
from ingestd.values.identifiers import UPLOAD_ID_PATTERN, AccountId, UploadId
from ingestd.values.money import decimals_of, format_amount

EXPORT_UPLOADS_MAX = 100_000
_YEARS = range(1971, 2500)
_COUNTS = ("rows", "applied", "duplicate", "conflict", "rejected", "findings")
_COLUMNS = ("account", "upload_id", "received_at", "filename", "format", "source", "sent_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a list is asked: `asked` are the questions as they stand in the address."""

    sought: Sought
    asked: Mapping[str, str]
    before: str
    accounts: Mapping[str, Account]
    sees_values: bool

    @classmethod
    def of(
        cls, request: Request, visit: Visit, clock: Clock, *, formats: tuple[str, ...] = ()
    ) -> Listing:
        """Return what an address asks; what it cannot mean is left out. `formats` bounds a list."""
        query = request.query_params
        accounts = visit.accounts if visit.account is None else (visit.account,)
        # Of several accounts each has a day of its own: that of the first stands for all.
        zone = accounts[0].timezone if accounts else clock.now().tzinfo
        first, last = _day(query.get("from", "")), _day(query.get("to", ""))
        since, until = days_in(zone, first, last)  # type: ignore[arg-type]
        state = query.get("state", "")
        one = query.get("format", "")
        chosen = formats or tuple(name.value for name in FormatName)
        asked = {
            "name": query.get("name", "")[:200],
            "state": state if state in STATES else "",
            "format": one if one in chosen else "",
            "from": "" if first is None else first.isoformat(),
            "to": "" if last is None else last.isoformat(),
        }
        before = query.get("before", "")
        return cls(
            sought=Sought(
                accounts=tuple(account.account_id for account in accounts),
                name=asked["name"],
                state=asked["state"] or None,
                formats=(asked["format"],) if asked["format"] else formats,
                since=since,
                until=until,
            ),
            asked=asked,
            before=before if UPLOAD_ID_PATTERN.fullmatch(before) else "",
            accounts={account.account_id: account for account in accounts},
            sees_values=visit.sees_values,
        )


def read_listing(installation: Installation, listing: Listing) -> dict[str, Any]:
    """Return what a template shows of a list: its lines, tabs, and where the next page begins."""
    found: list[FoundUpload] = []
    counts: Counter[str] = Counter()
    for database, sought in _by_shard(installation, listing.sought):
        with database.reading() as connection:
            found += find_uploads(connection, sought, before=listing.before)
            counts.update(count_states(connection, sought))
    found = sorted(found, key=_newest_last, reverse=True)[:PAGE_UPLOADS]
    kept = {name: value or None for name, value in listing.asked.items()}
    tabs = [("all", "", sum(counts.values()))] + [
        (state_words(state), state, counts.get(state, 0)) for state in STATES
    ]
    return {
        "lines": [_line(listing, upload) for upload in found],
        "tabs": tabs,
        "asked": listing.asked,
        "kept": kept,
        "is_filtered": any(listing.asked.values()),
        "is_first": not listing.before,
        "failed": counts.get(UploadStatus.FAILED, 0),
        "next": found[-1].upload_id if len(found) == PAGE_UPLOADS else None,
        "several": len(listing.accounts) > 1,
        "sees_values": listing.sees_values,
    }


def _line(listing: Listing, upload: FoundUpload) -> dict[str, Any]:
    account = listing.accounts[upload.account]
    amount = upload.applied_amount
    return {
        "account": upload.account,
        "upload_id": upload.upload_id,
        "filename": upload.filename,
        "received_at": local_time(account, upload.received_at),
        "size": size_words(upload.size_bytes),
        "source": source_words(upload.source),
        "state": state_words(upload.state),
        "is_bad": upload.state in {"failed", "rejected", "interrupted"},
        "counts": [getattr(upload, name) for name in _COUNTS],
        "amount": None if amount is None or upload.rows is None else amount_words(account, amount),
    }


class Lists:
    """`/uploads`, and the same as a table for a spreadsheet."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._clock = installation.clock

    def asked(self) -> tuple[Asked, ...]:
        """Return the pages, each with its right."""
        return (
            Asked(
                path="/uploads",
                right=Right.WATCH,
                answer=self.show,
                entry="Uploads",
                section="Files",
            ),
            Asked(path="/uploads.csv", right=Right.WATCH, answer=self.export),
            Asked(path="/uploads/retry", right=Right.WATCH_ACT, answer=self.retry, method="POST"),
        )

    async def show(self, request: Request, visit: Visit) -> Response:
        """List uploads."""
        listing = Listing.of(request, visit, self._clock)
        told = await read(read_listing, self._installation, listing)
        formats = [name.value for name in FormatName]
        may_retry = may_try_again(visit)
        return page(request, "files/uploads.html", formats=formats, may_retry=may_retry, **told)

    async def export(self, request: Request, visit: Visit) -> Response:
        """Return the uploads that are sought, all of them, as CSV."""
        listing = Listing.of(request, visit, self._clock)
        written = await read(self._written, listing)
        told = {"Content-Disposition": 'attachment; filename="uploads.csv"'}
        return Response(written, media_type="text/csv; charset=utf-8", headers=told)

    async def retry(self, request: Request, visit: Visit) -> Response:
        """Say how many failed uploads are sought, and let all of them be tried again, once."""
        listing = Listing.of(request, visit, self._clock)
        fields = await read_fields(request)
        reason = fields.get("reason", "").strip()
        if fields.get("sure") == "yes" and reason:
            await write(self._retry_all, listing, visit.user.name, shorten(reason))
            kept = {name: value or None for name, value in listing.asked.items()}
            account = None if visit.account is None else visit.account.account_id
            way = link_within(account)("/uploads", **dict(kept, state=None))
            return RedirectResponse(way, 303)
        told = await read(read_listing, self._installation, listing)
        trouble = "Say why: the audit keeps it." if fields.get("sure") == "yes" else ""
        status = 422 if trouble else 200
        return page(request, "files/retry_all.html", status=status, trouble=trouble, **told)

    def _retry_all(self, listing: Listing, by: str, reason: str) -> None:
        failed = replace(listing.sought, state=UploadStatus.FAILED)
        for database, sought in _by_shard(self._installation, failed):
            with database.writing() as connection:
                tried: Counter[AccountId] = Counter()
                for upload in list(iterate_uploads(connection, sought)):
                    tried[upload.account] += retry(connection, upload.account, upload.upload_id)
                for account, uploads in tried.items():
                    write_audit(
                        connection,
                        Deed.UPLOADS_RETRIED,
                        doer=Doer(name=by, via=Via.CONSOLE),
                        at=self._clock.now(),
                        subject=account,
                        account=account,
                        detail={"uploads": uploads, "reason": reason},
                    )

    def _written(self, listing: Listing) -> bytes:
        with ExitStack() as connections:
            found = [
                iterate_uploads(connections.enter_context(database.reading()), sought)
                for database, sought in _by_shard(self._installation, listing.sought)
            ]
            newest_first = heapq.merge(*found, key=_newest_last, reverse=True)
            return b"".join(_csv(listing, newest_first))


def _by_shard(installation: Installation, sought: Sought) -> Iterator[tuple[Database, Sought]]:
    """Yield each database that keeps any of the accounts, and what is sought there."""
    for shard in installation.shards:
        accounts = tuple(account for account in sought.accounts if shard.keeps(account))
        if accounts:
            yield shard.database, replace(sought, accounts=accounts)


def _newest_last(upload: FoundUpload) -> UploadId:
    return upload.upload_id


def _csv(listing: Listing, uploads: Iterable[FoundUpload]) -> Iterator[bytes]:
    amounts = ("applied_amount", "currency") if listing.sees_values else ()
    yield b"\xef\xbb\xbf"
    yield csv_line((*_COLUMNS, "size_bytes", "state", *_COUNTS, *amounts))
    for upload, _ in zip(uploads, range(EXPORT_UPLOADS_MAX), strict=False):
        account = listing.accounts[upload.account]
        cells: list[object] = [
            upload.account,
            upload.upload_id,
            format_second(from_microseconds(upload.received_at)),
            upload.filename,
            upload.format,
            upload.source,
            upload.sent_by,
            upload.size_bytes,
            upload.state,
            *(getattr(upload, name) for name in _COUNTS),
        ]
        if listing.sees_values:
            amount = upload.applied_amount
            decimals = decimals_of(account.currency)
            cells += [None if amount is None else format_amount(amount, decimals), account.currency]
        yield csv_line(safe_cell("" if cell is None else str(cell)) for cell in cells)


def _day(text: str) -> date | None:
    """Return a day that an address names; None for what is none on which files came."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None
