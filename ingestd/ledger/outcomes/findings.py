"""Findings: kept with their file's outcome, and told again in its receipts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import stream
from ingestd.formats.findings.codes import Code, Verdict
from ingestd.values.identifiers import AccountId, UploadId

_CHUNK_ROWS = 5_000

# What was not applied comes first, then what is only worth a word; rows that came twice in the
# file, of which one was taken, are last.
_RANK = (
    f"CASE WHEN f.code = '{Code.CONFLICT.value}' THEN 2"
    f" WHEN f.code = '{Code.ALL_OR_NOTHING.value}' THEN 3"
    f" WHEN f.code = '{Code.DUPLICATE_IN_FILE.value}' THEN 5"
    f" WHEN f.verdict = '{Verdict.WARNING.value}' THEN 4 ELSE 1 END"
)


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
    result = connection.execute(
        sa.text(
            "INSERT INTO finding (account, upload_id, finding_no, code, verdict, row, line,"
            " column_name, value, message, row_key, party_code)"
            " SELECT :account, :upload_id,"
            # No NULL and no tie in the order: both databases are to number findings alike.
            # That good rows were refused, too, is told after what was wrong with the others.
            " ROW_NUMBER() OVER (ORDER BY CASE f.code WHEN :all_or_nothing THEN 1 ELSE 0 END,"
            "  COALESCE(f.row, 0), COALESCE(f.line, 0), COALESCE(f.column_name, ''), f.code,"
            "  f.message, COALESCE(f.value, ''), f.verdict),"
            " f.code, f.verdict, f.row, f.line, f.column_name, f.value, f.message, n.row_key,"
            " n.party_code FROM stage_finding f LEFT JOIN stage_named n ON n.row = f.row"
        ),
        {
            "account": account,
            "upload_id": upload_id,
            "all_or_nothing": Code.ALL_OR_NOTHING.value,
        },
    )
    return result.rowcount


def read_findings(
    connection: Connection, account: AccountId, upload_id: UploadId, *, limit: int
) -> list[StoredFinding]:
    """Return up to `limit` findings in the order of the file.

    Where there are more, those that cost a row or the file come before warnings, and that which
    says why good rows were refused is always there.
    """
    rows = connection.execute(
        sa.text(
            "SELECT finding_no, code, verdict, row, line, column_name, value, message FROM finding"
            " WHERE account = :account AND upload_id = :upload_id"
            " ORDER BY CASE WHEN code = :all_or_nothing THEN 0 WHEN verdict = :warning THEN 2"
            "  ELSE 1 END, finding_no LIMIT :limit"
        ),
        {
            "account": account,
            "upload_id": upload_id,
            "all_or_nothing": Code.ALL_OR_NOTHING.value,
            "warning": Verdict.WARNING.value,
            "limit": limit,
        },
    ).all()
    return [
        StoredFinding(
            code=row.code,
            verdict=row.verdict,
            row=row.row,
            line=row.line,
            column=row.column_name,
            value=row.value,
            message=row.message,
        )
        for row in sorted(rows, key=lambda row: int(row.finding_no))
    ]


def iterate_problems(
    connection: Connection, account: AccountId, upload_id: UploadId, *, has_header: bool
) -> Iterator[RowFinding]:
    """Yield all that kept a file or rows of it from being applied, and what bears on it.

    That is: rejected rows, conflicts, warnings about these rows and about the file as a whole,
    rows that came twice in the file. What is only a warning about an applied row, or about
    somebody whom the file does not name, is left out.
    """
    statement = (
        "SELECT f.row, f.line, f.row_key, f.party_code,"
        " COALESCE(o.outcome, CASE f.verdict WHEN :warning THEN 'warning' ELSE 'rejected' END),"
        " f.column_name, f.code, f.value, f.message"
        " FROM (SELECT account, upload_id, finding_no, code, verdict, row, line, column_name,"
        "   value, message, row_key, party_code,"
        "   MAX(CASE verdict WHEN :warning THEN 0 ELSE 1 END) OVER (PARTITION BY row) AS is_bad"
        "   FROM finding WHERE account = :account AND upload_id = :upload_id) f"
        " LEFT JOIN row_outcome o ON o.account = f.account AND o.upload_id = f.upload_id"
        "  AND o.row = f.row"
        " WHERE f.verdict <> :warning OR (f.row IS NOT NULL AND f.is_bad = 1)"
        f"  OR f.code = '{Code.DUPLICATE_IN_FILE.value}'"
        "  OR (COALESCE(f.row, :header_row) = :header_row"
        f"   AND f.code <> '{Code.STUDENT_DISAPPEARED.value}')"
        f" ORDER BY {_RANK}, f.finding_no"
    )
    values = {
        "account": account,
        "upload_id": upload_id,
        "warning": Verdict.WARNING.value,
        "header_row": 1 if has_header else 0,
    }
    chunks = stream(connection, statement, values, chunk_rows=_CHUNK_ROWS)
    with closing(chunks):
        for rows in chunks:
            yield from map(RowFinding._make, rows)


def count_codes(connection: Connection, account: AccountId, upload_id: UploadId) -> dict[str, int]:
    """Return how many findings of each code a file has, by code."""
    counted = connection.execute(
        sa.text(
            "SELECT code, COUNT(*) AS findings FROM finding WHERE account = :account"
            " AND upload_id = :upload_id GROUP BY code ORDER BY code"
        ),
        {"account": account, "upload_id": upload_id},
    )
    return {row.code: int(row.findings) for row in counted}


def read_codes(
    connection: Connection, account: AccountId, upload_id: UploadId, *, limit: int
) -> list[str]:
    """Return what cost a file or its rows: up to `limit` codes, each once, in their order."""
    codes = connection.execute(
        sa.text(
            "SELECT DISTINCT code FROM finding WHERE account = :account"
            " AND upload_id = :upload_id AND verdict <> :warning ORDER BY code LIMIT :limit"
        ),
        {
            "account": account,
            "upload_id": upload_id,
            "warning": Verdict.WARNING.value,
            "limit": limit,
        },
    )
    return [str(code) for code in codes.scalars()]
