"""Uploads as people look for them: by name, state, format and day; page by page, newest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Row
from ulid import ULID

from ingestd.database.statements import Statements
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)

STATES = (
    *("waiting", "working", "failed"),
    *("processed", "processed_with_findings", "rejected", "interrupted"),
)
"""How far an upload may be: a state of the queue, or the status of its receipt."""

PAGE_UPLOADS = 50
_EXPORT_UPLOADS = 500
_LAST = "Z"  # sorts after every upload's id
_ULID_TIME_CHARACTERS = 10
# An id is made when an upload begins, which may be long before it is received.
_LONGEST = timedelta(days=2)
# How far back the newest are looked for first: of many accounts' long past, all would be sorted.
_SPANS = (timedelta(days=1), timedelta(days=30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What somebody looks for: None and empty texts stand for all.

    `formats` are the names of formats; `since` and `until` are instants between which an upload
    was received.
    """

    accounts: tuple[AccountId, ...]
    name: str = ""
    state: str | None = None
    formats: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def bound(self) -> dict[str, object]:
        """Return what the statements bind."""
        since, until = self.since, self.until
        return {
            "accounts": list(self.accounts),
            "name": f"%{_literally(self.name.lower())}%",
            "any_state": int(self.state is None),
            "state": self.state or "",
            "any_format": int(not self.formats),
            "formats": list(self.formats) or [""],
            "since": 0 if since is None else to_microseconds(since),
            "until": 2**62 if until is None else to_microseconds(until),
            # The key is by time, too: what is long past is not looked at.
            "first_id": "" if since is None else _id_at(since - _LONGEST),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUpload:
    """An upload in a list. Counts are None where no row was read, and the amount is minor units.

    `state` is how far it is, one of `STATES`; `error` is what the world said when it failed.
    """

    account: AccountId
    upload_id: UploadId
    filename: str
    format: str | None
    source: str
    sent_by: str | None
    size_bytes: int
    received_at: int
    state: str
    records_done: int
    rows: int | None
    applied: int | None
    duplicate: int | None
    conflict: int | None
    rejected: int | None
    findings: int | None
    applied_amount: int | None
    error: str | None


def days_in(
    zone: ZoneInfo, first: date | None, last: date | None
) -> tuple[datetime | None, datetime | None]:
    """Return the instants from the start of a day to the end of another, both days included."""
    since = None if first is None else datetime.combine(first, time(), zone)
    until = None if last is None else datetime.combine(last + timedelta(days=1), time(), zone)
    return since, until


def find_uploads(
    connection: Connection, sought: Sought, *, before: str = "", limit: int = PAGE_UPLOADS
) -> list[FoundUpload]:
    """Return up to `limit` uploads, the newest first, that come before one by its id."""
    values = sought.bound() | {"before": before or _LAST, "limit": limit}
    for first_id in _first_ids(before):
        if first_id > str(values["first_id"]):
            rows = _SQL.run(connection, "find_uploads", values | {"first_id": first_id}).all()
            if len(rows) == limit:  # whatever came earlier is not among the newest
                return [_found(row) for row in rows]
    return [_found(row) for row in _SQL.run(connection, "find_uploads", values)]


def _first_ids(before: str) -> Iterator[str]:
    """Yield the ids from which on to look, for uploads before one by its id."""
    try:
        latest = ULID.from_str(before).datetime if before else datetime.now(UTC)
        yield from (_id_at(latest - span) for span in _SPANS)
    except (ValueError, OverflowError):  # somebody else's idea of an id, or of a time
        return


def iterate_uploads(connection: Connection, sought: Sought) -> Iterator[FoundUpload]:
    """Yield all uploads that are sought, the newest first, in bounded memory."""
    before = ""
    while found := find_uploads(connection, sought, before=before, limit=_EXPORT_UPLOADS):
        yield from found
        before = found[-1].upload_id


def count_states(connection: Connection, sought: Sought) -> dict[str, int]:
    """Return how many of the uploads that are sought are how far, whatever state is sought."""
    values = replace(sought, state=None).bound()
    return {row.how_far: int(row.uploads) for row in _SQL.run(connection, "count_states", values)}


def count_states_of_accounts(
    connection: Connection, sought: Sought
) -> dict[AccountId, dict[str, int]]:
    """Return the same for each account apart."""
    found: dict[AccountId, dict[str, int]] = {}
    for row in _SQL.run(connection, "count_states_of_accounts", sought.bound()):
        found.setdefault(AccountId(row.account), {})[row.how_far] = int(row.uploads)
    return found


def count_failed(connection: Connection, accounts: Sequence[AccountId]) -> dict[AccountId, int]:
    """Return how many uploads of accounts wait for somebody to retry them."""
    rows = _SQL.run(connection, "count_failed", {"accounts": list(accounts)})
    return {AccountId(row.account): int(row.uploads) for row in rows}


def _literally(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _id_at(instant: datetime) -> str:
    """Return an id before that of every upload that began at an instant or later."""
    return str(ULID.from_datetime(instant))[:_ULID_TIME_CHARACTERS]


def _found(row: Row[Any]) -> FoundUpload:
    return FoundUpload(**row._mapping)  # noqa: SLF001 - a row with exactly these columns
