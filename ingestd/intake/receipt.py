"""Receipts: rendered from the database alone, so that each can be made again byte for byte."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from sqlalchemy.engine import Connection

from ingestd.formats.findings import Code, Verdict
from ingestd.formats.payment_files import PAYMENT_FORMATS
from ingestd.ledger.control_totals import BatchTotal, read_batch_totals
from ingestd.ledger.outcomes import (
    FileOutcome,
    RowCounts,
    RowVerdict,
    StoredFinding,
    read_findings,
)
from ingestd.values.clock import format_second, from_microseconds
from ingestd.values.identifiers import UploadId
from ingestd.values.money import format_amount

RECEIPT_VERSION = 1
FINDINGS_MAX = 1_000  # more help nobody, and the CSV has every row
_NAME_BYTES_MAX = 255
_CSV_COLUMNS = ("row", "line", "outcome", "column", "code", "value", "message")
_APPLIED_BEFORE = (
    "This row was applied before (upload {upload}, row {row}). Nothing needs to be done."
)
_DONE_BEFORE = "What this row asks for was done before by a command. Nothing needs to be done."
_OTHER_ROWS_BAD = (
    "The row is good, but other rows are not, and this account takes a file whole or not at all. "
    "Mend the others, then send the whole file again."
)
# Where a cell begins, or what a spreadsheet with another delimiter takes for a new cell.
_FORMULA_START = re.compile(r"(\A|[;|])(?=\s*[=+\-@＝＋－＠]|[\t\r\n])")


def receipt_name(filename: str, upload_id: UploadId, extension: str) -> str:
    """Return a receipt's file name; a stem too long for the file system is cut.

    It never begins with a dot: such names are hidden from the account.
    """
    suffix = f".{upload_id}.{extension}"
    stem = filename.rsplit(".", 1)[0] if "." in filename.strip(".") else filename
    encoded = stem.lstrip(".").encode("utf-8", "surrogateescape")
    shown = encoded[: _NAME_BYTES_MAX - len(suffix)].decode("utf-8", "ignore").lstrip(".")
    return (shown or "upload") + suffix


def receipt_of(connection: Connection, outcome: FileOutcome, *, decimals: int) -> dict[str, object]:
    """Return an outcome's receipt from what is stored. `decimals` are those of the currency."""
    findings = read_findings(connection, outcome.account, outcome.upload_id, limit=FINDINGS_MAX)
    batches = None
    if outcome.provenance.format in PAYMENT_FORMATS and outcome.rows is not None:
        batches = read_batch_totals(connection, outcome.account, outcome.upload_id)
    return receipt_fields(outcome, findings, decimals=decimals, batches=batches)


def receipt_fields(
    outcome: FileOutcome,
    findings: list[StoredFinding],
    *,
    decimals: int,
    batches: list[BatchTotal] | None = None,
) -> dict[str, object]:
    """Return the receipt as the contract writes it; `batches` are a payment file's totals."""
    provenance, rows = outcome.provenance, outcome.rows
    totals = {} if batches is None else {"batches": _batch_fields(batches, decimals)}
    return {
        "receipt_version": RECEIPT_VERSION,
        "upload_id": outcome.upload_id,
        "account": outcome.account,
        "filename": provenance.filename,
        "format": provenance.format,
        "sha256": provenance.sha256,
        "size_bytes": provenance.size_bytes,
        "received_at": format_second(from_microseconds(provenance.received_at)),
        "finished_at": format_second(from_microseconds(outcome.finished_at)),
        "status": outcome.status.value,
        "rows": None if rows is None else counts_of(rows),
        "applied_amount": format_amount(outcome.applied_amount, decimals),
        **totals,
        "findings": [
            {
                "row": finding.row,
                "line": finding.line,
                "column": finding.column,
                "code": finding.code,
                "value": finding.value,
                "message": finding.message,
            }
            for finding in findings
        ],
        "findings_omitted": outcome.findings - len(findings),
    }


def _batch_fields(batches: list[BatchTotal], decimals: int) -> list[dict[str, object]]:
    return [
        {
            "merchant_id": batch.merchant_id,
            "batch_num": batch.batch_num,
            "rows": batch.rows,
            "amount": format_amount(batch.amount, decimals),
        }
        for batch in batches
    ]


def counts_of(rows: RowCounts) -> dict[str, int]:
    """Return row counts under the names that receipts and the log give them."""
    return {
        "total": rows.total,
        "applied": rows.applied,
        "duplicate": rows.duplicate,
        "conflict": rows.conflict,
        "rejected": rows.rejected,
    }


def render_json(fields: dict[str, object]) -> bytes:
    """Write a receipt's JSON file."""
    # Lone surrogates of a strange file name have no UTF-8: they stay visible as `\\udcxx`.
    text = json.dumps(fields, ensure_ascii=False, indent=2)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def render_csv(verdicts: Iterable[RowVerdict]) -> Iterator[bytes]:
    """Write a receipt's CSV file in pieces: every row that was not applied, and why."""
    yield _csv_line(_CSV_COLUMNS)
    for has_finding, group in groupby(verdicts, key=_has_finding):
        render = _lines_with_findings if has_finding else _lines_without
        yield from render(group)


def render_csv_of_refusal(findings: Iterable[StoredFinding]) -> Iterator[bytes]:
    """Write the CSV file of a file that was refused whole: why, in the same columns."""
    yield _csv_line(_CSV_COLUMNS)
    for finding in findings:
        row = "" if finding.row is None else str(finding.row)
        line = "" if finding.line is None else str(finding.line)
        yield _csv_line(
            (
                *(row, line, "rejected", _safe(finding.column or ""), finding.code),
                *(_safe(finding.value or ""), _safe(finding.message)),
            )
        )


def _has_finding(verdict: RowVerdict) -> bool:
    return verdict.finding is not None


def _lines_with_findings(verdicts: Iterable[RowVerdict]) -> Iterator[bytes]:
    for verdict in _with_reasons(verdicts):
        code, column, value, message = _explain(verdict)
        yield _csv_line(
            (
                str(verdict.row),
                str(verdict.line),
                verdict.outcome,
                _safe(column),
                code,
                _safe(value),
                _safe(message),
            )
        )


def _lines_without(verdicts: Iterable[RowVerdict]) -> Iterator[bytes]:
    # Of a million rows that came again only numbers differ: they are put into one line.
    for row, line, outcome, _, first_upload_id, first_row, key_column in verdicts:
        text = _line_without(outcome, first_upload_id, key_column)
        yield text.format(row, line, first_row).encode("utf-8", "backslashreplace")


@lru_cache(maxsize=256)
def _line_without(outcome: str, first_upload_id: str | None, key_column: str) -> str:
    """Return a line with `{0}` for the row, `{1}` for its line, `{2}` for the row before."""
    code, column, value, message = _reason_without(outcome, first_upload_id, key_column)
    line = ("{0}", "{1}", outcome, column, code, value, message)
    return _csv_line(line).decode()


def _with_reasons(verdicts: Iterable[RowVerdict]) -> Iterator[RowVerdict]:
    """Add to each row whose findings are only warnings what really became of it."""
    for _, group in groupby(verdicts, key=attrgetter("row")):
        of_row = list(group)
        if not any(_is_reason(verdict) for verdict in of_row):
            yield of_row[0]._replace(finding=None)
        yield from of_row


def _is_reason(verdict: RowVerdict) -> bool:
    finding = verdict.finding
    if finding is None:
        return False
    if verdict.outcome == "duplicate":
        return finding.code == Code.DUPLICATE_IN_FILE.value
    return finding.verdict == Verdict.ROW.value


def _explain(verdict: RowVerdict) -> tuple[str, str, str, str]:
    finding = verdict.finding
    if finding is not None:
        return finding.code, finding.column or "", finding.value or "", finding.message
    *texts, message = _reason_without(verdict.outcome, verdict.first_upload_id, verdict.key_column)
    code, column, value = texts
    return code, column, value, message.format(None, None, verdict.first_row)


def _reason_without(
    outcome: str, first_upload_id: str | None, key_column: str
) -> tuple[str, str, str, str]:
    """Return what became of a row without a finding, with `{2}` for the row that was first."""
    if outcome == "duplicate":
        return (
            Code.DUPLICATE.value,
            key_column,
            "",
            _DONE_BEFORE
            if first_upload_id is None
            else _APPLIED_BEFORE.format(upload=first_upload_id, row="{2}"),
        )
    return (
        Code.ALL_OR_NOTHING.value,
        "",
        "",
        _OTHER_ROWS_BAD,
    )


def _csv_line(cells: Iterable[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _safe(text: str) -> str:
    """Keep a spreadsheet from running text as a formula, and control characters from hiding."""
    shown = text
    if not text.isprintable():
        shown = "".join(
            char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text
        )
    return _FORMULA_START.sub(r"\1'", shown)
