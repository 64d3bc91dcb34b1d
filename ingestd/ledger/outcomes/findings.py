"""Findings: kept with their file's outcome, and told again in its receipts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)

_CHUNK_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFinding:
    """A finding as the receipt tells it."""

    code: str
    verdict: str
    row: int | None
    line: int | None
    column: str | None
    value: str | None
    message: str


class RowFinding(NamedTuple):
    """A finding beside the row that it is about, if it is about one.

    `key` and `party` are what people find the row by. `outcome` is what became of the row, or of
    the file; `warning` where nothing was held back.
    """

    row: int | None
    line: int | None
    key: str | None
    party: str | None
    outcome: str
    column: str | None
    code: str
    value: str | None
    message: str


def store_findings(connection: Connection, account: AccountId, upload_id: UploadId) -> int:
    """Keep the staged findings, in the order of the file; return how many there are."""
    values = {"account": account, "upload_id": upload_id}
    result = _SQL.run(connection, "insert_findings", values)
    return result.rowcount


def read_findings(
    connection: Connection, account: AccountId, upload_id: UploadId, *, limit: int
) -> list[StoredFinding]:
    """Return up to `limit` findings in the order of the file.

    Where there are more, those that cost a row or the file come before warnings, and that which
    says why good rows were refused is always there.
    """
    values = {"account": account, "upload_id": upload_id, "limit": limit}
    rows = _SQL.run(connection, "find_findings", values).all()
    return [_stored(row) for row in sorted(rows, key=lambda row: int(row.finding_no))]


def read_staged_findings(connection: Connection, *, limit: int) -> list[StoredFinding]:
    """Return up to `limit` of the findings that are staged, as `read_findings` would once kept."""
    rows = _SQL.run(connection, "find_staged_findings", {"limit": limit}).all()
    return [_stored(row) for row in sorted(rows, key=lambda row: int(row.finding_no))]


def count_staged_codes(connection: Connection) -> dict[str, int]:
    """Return how many findings of each code are staged, by code."""
    counted = _SQL.run(connection, "count_staged_codes")
    return {row.code: int(row.findings) for row in counted}


def iterate_problems(
    connection: Connection, account: AccountId, upload_id: UploadId, *, has_header: bool
) -> Iterator[RowFinding]:
    """Yield all that kept a file or rows of it from being applied, and what bears on it.

    That is: rejected rows, conflicts, warnings about these rows and about the file as a whole,
    rows that came twice in the file. What is only a warning about an applied row, or about
    somebody whom the file does not name, is left out.
    """
    values = {
        "account": account,
        "upload_id": upload_id,
        "header_row": 1 if has_header else 0,
    }
    chunks = _SQL.stream(connection, "find_problems", values, chunk_rows=_CHUNK_ROWS)
    with closing(chunks):
        for rows in chunks:
            yield from map(RowFinding._make, rows)


def count_codes(connection: Connection, account: AccountId, upload_id: UploadId) -> dict[str, int]:
    """Return how many findings of each code a file has, by code."""
    values = {"account": account, "upload_id": upload_id}
    counted = _SQL.run(connection, "count_codes", values)
    return {row.code: int(row.findings) for row in counted}


def read_codes(
    connection: Connection, account: AccountId, upload_id: UploadId, *, limit: int
) -> list[str]:
    """Return what cost a file or its rows: up to `limit` codes, each once, in their order."""
    values = {"account": account, "upload_id": upload_id, "limit": limit}
    codes = _SQL.run(connection, "find_codes", values)
    return [str(code) for code in codes.scalars()]


def _stored(row: Row[Any]) -> StoredFinding:
    return StoredFinding(
        code=row.code,
        verdict=row.verdict,
        row=row.row,
        line=row.line,
        column=row.column_name,
        value=row.value,
        message=row.message,
    )
