"""The story of one upload: where it came from, how far it is, what it came to, what was wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.ledger.outcomes.control_totals import BatchTotal, read_control_totals
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, read_file_outcome
from ingestd.ledger.outcomes.findings import count_codes
from ingestd.spool.queue import QueuedUpload, find_upload
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)

PAGE_FINDINGS = 50
PAGE_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One upload. What there is only with an outcome is None or empty before."""

    upload: QueuedUpload
    outcome: FileOutcome | None
    batch_no: int | None
    codes: Mapping[str, int]
    totals: list[BatchTotal] | None

    @property
    def state(self) -> str:
        """How far it is."""
        return self.upload.status or self.upload.state

    @property
    def is_under_way(self) -> bool:
        """Whether its outcome comes by itself."""
        return self.upload.state in {"waiting", "working"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedFinding:
    """A finding, and the place behind which the next page begins."""

    place: str
    code: str
    verdict: str
    row: int | None
    line: int | None
    column: str | None
    value: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedCharge:
    """A row that became a charge; the amount is in minor units."""

    charge_no: int
    row: int | None
    tracking_id: str
    amount: int


def read_story(connection: Connection, account: AccountId, upload_id: UploadId) -> Story | None:
    """Return an upload of an account, or None where it has no such upload."""
    upload = find_upload(connection, account, upload_id)
    if upload is None:
        return None
    outcome = read_file_outcome(connection, account, upload_id)
    if outcome is None:
        return Story(upload=upload, outcome=None, batch_no=None, codes={}, totals=None)
    values = {"account": account, "upload_id": upload_id}
    batch_no = _SQL.run(connection, "find_batch", values).scalar_one()
    return Story(
        upload=upload,
        outcome=outcome,
        batch_no=int(batch_no),
        codes=count_codes(connection, account, upload_id) if outcome.findings else {},
        totals=read_control_totals(connection, outcome),
    )


def page_findings(
    connection: Connection, account: AccountId, upload_id: UploadId, *, code: str, after: str
) -> list[PagedFinding]:
    """Return the findings behind a place, problems before warnings; of one code if one is named."""
    rank, _, number = after.partition("-")
    values = {
        "account": account,
        "upload_id": upload_id,
        "any_code": int(not code),
        "code": code,
        "rank": int(rank) if rank.isdecimal() and len(rank) < 9 else 0,
        "finding_no": int(number) if number.isdecimal() and len(number) < 18 else 0,
        "limit": PAGE_FINDINGS,
    }
    return [_finding(row) for row in _SQL.run(connection, "page_findings", values)]


def list_applied_charges(
    connection: Connection, account: AccountId, batch_no: int, *, after: int = 0
) -> list[AppliedCharge]:
    """Return the charges of a file's batch behind one by its number, in the file's order."""
    values = {"account": account, "batch_no": batch_no, "after": after, "limit": PAGE_ROWS}
    return [
        AppliedCharge(
            charge_no=row.charge_no, row=row.row, tracking_id=row.tracking_id, amount=row.amount
        )
        for row in _SQL.run(connection, "list_charges", values)
    ]


def _finding(row: Row[Any]) -> PagedFinding:
    return PagedFinding(
        place=f"{row.rank}-{row.finding_no}",
        code=row.code,
        verdict=row.verdict,
        row=row.row,
        line=row.line,
        column=row.column_name,
        value=row.value,
        message=row.message,
    )
