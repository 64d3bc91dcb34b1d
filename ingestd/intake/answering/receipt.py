"""Receipts: rendered from the database alone, so that each can be made again byte for byte."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy.engine import Connection

from ingestd.formats.fields import FileFormat
from ingestd.formats.findings.codes import Code
from ingestd.formats.names import FormatName
from ingestd.intake.handling import HANDLINGS
from ingestd.ledger.evidence.receipts import read_receipt_seal
from ingestd.ledger.outcomes.control_totals import BatchTotal, read_control_totals
from ingestd.ledger.outcomes.file_outcomes import (
    AppliedBefore,
    FileOutcome,
    FileStatus,
    RowCounts,
    list_applied_before,
)
from ingestd.ledger.outcomes.findings import (
    RowFinding,
    StoredFinding,
    count_codes,
    iterate_problems,
    read_findings,
)
from ingestd.ledger.proof.receipt_seal import ReceiptSeal
from ingestd.ledger.proof.statement import FINDINGS_MAX
from ingestd.values.clock import format_second, from_microseconds
from ingestd.values.identifiers import UploadId
from ingestd.values.money import format_amount

RECEIPT_VERSION = 1
_NAME_BYTES_MAX = 255
_APPLIED_BEFORE = "Rows that upload {upload} ({filename}) had applied: {rows}."
_DONE_BEFORE = "Rows that ask for what a command had done before: {rows}."
_NOTHING_TO_DO = " Nothing needs to be done."
# Where a cell begins, or what a spreadsheet with another delimiter takes for a new cell.
_FORMULA = r"(?=\s*[=+\-@＝＋－＠]|[\t\r\n])"
_FORMULA_AT_START = re.compile(_FORMULA)
_FORMULA_IN_CELL = re.compile(rf"(\A|[;|]){_FORMULA}")


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
    findings: list[StoredFinding] = []
    codes: Mapping[str, int] = {}
    if outcome.findings:
        findings = read_findings(connection, outcome.account, outcome.upload_id, limit=FINDINGS_MAX)
        codes = count_codes(connection, outcome.account, outcome.upload_id)
    batches = read_control_totals(connection, outcome)
    seal = read_receipt_seal(connection, outcome.account, outcome.upload_id)
    return receipt_fields(outcome, findings, codes, decimals=decimals, batches=batches, seal=seal)


def receipt_fields(
    outcome: FileOutcome,
    findings: list[StoredFinding],
    codes: Mapping[str, int],
    *,
    decimals: int,
    batches: list[BatchTotal] | None = None,
    seal: ReceiptSeal | None = None,
) -> dict[str, object]:
    """Return the receipt as the contract writes it.

    `codes` says how many findings of each code there are, shown or not; `batches` are a payment
    file's totals; `seal` is what its district proves with that it was told so.
    """
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
        "findings_by_code": dict(codes),
        **({} if seal is None else {"seal": seal.to_fields()}),
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


def has_csv(outcome: FileOutcome) -> bool:
    """Tell whether an outcome has a CSV receipt: there is something to mend in the file.

    Where all was applied there is not, nor in an upload that did not arrive whole.
    """
    if outcome.status is FileStatus.INTERRUPTED:
        return False
    return outcome.rows is None or outcome.rows.applied != outcome.rows.total


def csv_of(connection: Connection, outcome: FileOutcome) -> Iterator[bytes]:
    """Return the CSV receipt of an outcome that has one, in pieces.

    They are made while the connection's transaction lasts.
    """
    file = _file_format(outcome.provenance.format)
    problems = iterate_problems(
        connection, outcome.account, outcome.upload_id, has_header=file.has_header
    )
    return render_csv(problems, list_applied_before(connection, outcome), named_by=file.named_by)


def _file_format(name: str | None) -> FileFormat:
    """Return the format whose columns a receipt names; a file of none gets those of charges."""
    known = FormatName(name) if name and name in HANDLINGS else FormatName.STUDENT_BILLING
    return HANDLINGS[known].format.file


def render_csv(
    problems: Iterable[RowFinding], repeats: Iterable[AppliedBefore], *, named_by: tuple[str, ...]
) -> Iterator[bytes]:
    """Write a receipt's CSV file in pieces: what kept rows from being applied, then repeats.

    `named_by` are the one or two columns beside the row's number by which it is found again.
    Rows that were applied before are one line for each upload that applied them.
    """
    # Without the mark, spreadsheets take UTF-8 for what their country used before it.
    yield codecs.BOM_UTF8
    yield csv_line(("row", "line", *named_by, "outcome", "column", "code", "value", "message"))
    for problem in problems:
        names = (problem.key, problem.party)[: len(named_by)]
        yield csv_line(
            (
                *(_number(problem.row), _number(problem.line)),
                *(safe_cell(name or "") for name in names),
                *(problem.outcome, safe_cell(problem.column or ""), problem.code),
                *(safe_cell(problem.value or ""), safe_cell(problem.message)),
            )
        )
    no_names = [""] * len(named_by)
    for repeat in repeats:
        text = _DONE_BEFORE if repeat.upload_id is None else _APPLIED_BEFORE
        message = text.format(upload=repeat.upload_id, filename=repeat.filename, rows=repeat.rows)
        duplicate = Code.DUPLICATE.value
        yield csv_line(
            (
                *("", "", *no_names, duplicate, "", duplicate),
                *(str(repeat.rows), safe_cell(message + _NOTHING_TO_DO)),
            )
        )


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def csv_line(cells: Iterable[str]) -> bytes:
    """Write a line of a CSV file as UTF-8."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def safe_cell(text: str) -> str:
    """Keep a spreadsheet from running text as a formula, and control characters from hiding."""
    shown = text
    if not text.isprintable():
        shown = "".join(
            char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text
        )
    if ";" in shown or "|" in shown:
        return _FORMULA_IN_CELL.sub(r"\1'", shown)
    # Nearly all cells, and many times as fast.
    return f"'{shown}" if _FORMULA_AT_START.match(shown) else shown
