"""Receipts as files: names, JSON, CSV."""

from __future__ import annotations

import csv
import io
import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.intake.receipt import (
    receipt_fields,
    receipt_name,
    render_csv,
    render_csv_of_refusal,
    render_json,
)
from ingestd.ledger.outcomes import (
    FileOutcome,
    FileStatus,
    RowCounts,
    RowVerdict,
    StoredFinding,
)
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.provenance import Provenance

UPLOAD = UploadId("01K" + "0" * 23)
PROVENANCE = Provenance(
    filename="student_billing_destiny.csv",
    format="student_billing",
    source="sftp",
    size_bytes=1234,
    sha256="ab" * 32,
    received_at=1_795_327_262_999_999,
    peer=None,
    session_id=None,
    key_fingerprint=None,
    client_version=None,
    node="n",
)


def outcome(rows: RowCounts | None, findings: int = 0) -> FileOutcome:
    return FileOutcome(
        account=AccountId("SPRINGFIELD"),
        upload_id=UPLOAD,
        provenance=PROVENANCE,
        finished_at=1_795_327_263_000_000,
        status=FileStatus.PROCESSED,
        rows=rows,
        applied_amount=3150,
        findings=findings,
    )


def finding(verdict: str = "row", code: str = "amount_invalid", value: str = "x") -> StoredFinding:
    return StoredFinding(
        code=code, verdict=verdict, row=4, line=5, column="amount", value=value, message="Mend it."
    )


def row(outcome: str, found: StoredFinding | None, number: int = 4) -> RowVerdict:
    return RowVerdict(
        row=number, line=5, outcome=outcome, finding=found, first_upload_id="01J", first_row=7
    )


def cells(pieces: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(pieces.decode(), newline="")))


def test_the_json_receipt_has_the_keys_of_the_contract_in_its_order() -> None:
    """Scripts of districts read it."""
    rows = RowCounts(applied=2, duplicate=1, conflict=1, rejected=1)
    text = render_json(receipt_fields(outcome(rows, 3), [finding()], decimals=2)).decode()
    receipt = json.loads(text)
    assert (
        list(receipt)
        == (
            "receipt_version upload_id account filename format sha256 size_bytes received_at"
            " finished_at status rows applied_amount findings findings_omitted"
        ).split()
    )
    assert list(receipt["rows"]) == "total applied duplicate conflict rejected".split()
    assert list(receipt["findings"][0]) == "row line column code value message".split()
    assert receipt["receipt_version"] == 1
    assert receipt["received_at"] == "2026-11-22T06:01:02Z"
    assert receipt["finished_at"] == "2026-11-22T06:01:03Z"
    assert receipt["rows"]["total"] == 5
    assert receipt["applied_amount"] == "31.50"
    assert receipt["findings_omitted"] == 2
    assert text.endswith("}\n")


def test_a_file_that_was_never_taken_as_rows_has_none() -> None:
    """`rows` is null, not a row of zeros: nothing was counted."""
    assert receipt_fields(outcome(None), [], decimals=0)["rows"] is None
    assert receipt_fields(outcome(None), [], decimals=0)["applied_amount"] == "3150"


@given(
    name=st.binary(min_size=1, max_size=255).map(os.fsdecode),
    extension=st.sampled_from(["json", "csv"]),
)
def test_a_receipts_name_always_fits_and_is_never_hidden(name: str, extension: str) -> None:
    """Every upload's receipt can be listed and fetched, however long or strange its name."""
    made = receipt_name(name, UPLOAD, extension)
    assert made.endswith(f".{UPLOAD}.{extension}")
    assert len(made.encode("utf-8")) <= 255
    assert not made.startswith(".")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("student_billing.csv", "student_billing"),
        ("student_billing.2026.csv", "student_billing.2026"),
        ("students", "students"),
        (".student_billing.csv", "student_billing"),
        (".csv", "csv"),
        ("\udcff.csv", "upload"),
        ("...", "upload"),
        ("é" * 125 + ".csv", "é" * 111),
    ],
)
def test_a_receipt_is_named_after_its_file(name: str, stem: str) -> None:
    """The district sees at a glance which receipt belongs to which file."""
    assert receipt_name(name, UPLOAD, "json") == f"{stem}.{UPLOAD}.json"


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=\0"])
def test_a_formula_in_a_value_stays_text(value: str) -> None:
    """The office opens the CSV in a spreadsheet; a student's note must not run there."""
    written = cells(b"".join(render_csv([row("rejected", finding(value=value))])))
    assert written[1][5][0] in "'\\"
    refusal = cells(b"".join(render_csv_of_refusal([finding("file", value=value)])))
    assert refusal[1][5] == written[1][5]


@pytest.mark.parametrize("value", ["x;=1+1", "a|+1", " =1", "＝1", "x; @SUM(A1)"])
def test_a_formula_behind_another_delimiter_stays_text(value: str) -> None:
    """Where lists are separated by semicolons, a spreadsheet cuts the row elsewhere."""
    written = cells(b"".join(render_csv([row("rejected", finding(value=value))])))
    assert not re.search(r"(\A|[;|])\s*[=+@＝]", written[1][5])


@given(value=st.text(max_size=40))
def test_any_value_is_one_cell_without_control_characters(value: str) -> None:
    """Quotes, commas and line breaks do not shift the columns."""
    written = cells(b"".join(render_csv([row("rejected", finding(value=value))])))
    assert len(written) == 2
    assert len(written[1]) == 7
    assert not {char for char in written[1][5] if ord(char) < 32} - {"\n"}
    assert written[1][5][:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")


def test_a_row_with_only_warnings_is_told_what_became_of_it() -> None:
    """That spaces were removed does not explain why a row was not applied."""
    trimmed = finding("warning", "identifier_trimmed")
    verdicts = [
        row("duplicate", trimmed, 2),
        row("duplicate", finding("warning", "duplicate_in_file"), 3),
        row("rejected", trimmed, 4),
        row("rejected", trimmed, 5),
        row("rejected", finding(), 5),
        row("rejected", None, 6),
        row("duplicate", None, 7),
    ]
    written = [(line[0], line[4]) for line in cells(b"".join(render_csv(verdicts)))[1:]]
    assert written == [
        ("2", "duplicate"),
        ("2", "identifier_trimmed"),
        ("3", "duplicate_in_file"),
        ("4", "all_or_nothing"),
        ("4", "identifier_trimmed"),
        ("5", "identifier_trimmed"),
        ("5", "amount_invalid"),
        ("6", "all_or_nothing"),
        ("7", "duplicate"),
    ]


def test_a_duplicate_names_where_it_was_applied() -> None:
    """The office can look up the first file."""
    written = cells(b"".join(render_csv([row("duplicate", None)])))
    assert "(upload 01J, row 7)" in written[1][6]
