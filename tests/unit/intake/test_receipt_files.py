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

from ingestd.intake.answering.receipt import receipt_fields, receipt_name, render_csv, render_json
from ingestd.ledger.outcomes.file_outcomes import AppliedBefore, FileOutcome, FileStatus, RowCounts
from ingestd.ledger.outcomes.findings import RowFinding, StoredFinding
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.provenance import Provenance

BY = ("charge_tracking_id", "student_id")
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


def finding() -> StoredFinding:
    return StoredFinding(
        code="amount_invalid",
        verdict="row",
        row=4,
        line=5,
        column="amount",
        value="x",
        message="Mend it.",
    )


def problem(**changes: str | None) -> RowFinding:
    told = RowFinding(
        row=4,
        line=5,
        key="T1",
        party="00042",
        outcome="rejected",
        column="amount",
        code="amount_invalid",
        value="x",
        message="Mend it.",
    )
    return told._replace(**changes)  # type: ignore[arg-type]


def written(
    *problems: RowFinding, repeats: tuple[AppliedBefore, ...] = (), named_by: tuple[str, ...] = BY
) -> list[dict[str, str]]:
    """Return the lines of a CSV receipt as a spreadsheet shows them."""
    content = b"".join(render_csv(problems, repeats, named_by=named_by))
    assert content.startswith(b"\xef\xbb\xbfrow,line,")
    header, *lines = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    assert {len(line) for line in lines} <= {len(header)}
    return [dict(zip(header, line, strict=True)) for line in lines]


def test_the_json_receipt_has_the_keys_of_the_contract_in_its_order() -> None:
    """Scripts of districts read it."""
    rows = RowCounts(applied=2, duplicate=1, conflict=1, rejected=1)
    text = render_json(
        receipt_fields(outcome(rows, 3), [finding()], {"amount_invalid": 3}, decimals=2)
    ).decode()
    receipt = json.loads(text)
    assert (
        list(receipt)
        == (
            "receipt_version upload_id account filename format sha256 size_bytes received_at"
            " finished_at status rows applied_amount findings findings_omitted"
            " findings_by_code"
        ).split()
    )
    assert list(receipt["rows"]) == "total applied duplicate conflict rejected".split()
    assert list(receipt["findings"][0]) == "row line column code value message".split()
    assert receipt["receipt_version"] == 1
    assert receipt["received_at"] == "2026-11-22T06:01:02Z"
    assert receipt["finished_at"] == "2026-11-22T06:01:03Z"
    assert receipt["rows"]["total"] == 5
    assert receipt["applied_amount"] == "31.50"
    assert (receipt["findings_omitted"], receipt["findings_by_code"]) == (2, {"amount_invalid": 3})
    assert text.endswith("}\n")


def test_a_file_that_was_never_taken_as_rows_has_none() -> None:
    """`rows` is null, not a row of zeros: nothing was counted."""
    assert receipt_fields(outcome(None), [], {}, decimals=0)["rows"] is None
    assert receipt_fields(outcome(None), [], {}, decimals=0)["applied_amount"] == "3150"


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
@pytest.mark.parametrize("cell", ["key", "party", "column", "value", "message"])
def test_a_formula_in_a_value_stays_text(cell: str, value: str) -> None:
    """The office opens the CSV in a spreadsheet; a student's note must not run there."""
    shown = {"key": "charge_tracking_id", "party": "student_id"}.get(cell, cell)
    assert written(problem(**{cell: value}))[0][shown][0] in "'\\"


@pytest.mark.parametrize("value", ["x;=1+1", "a|+1", " =1", "＝1", "x; @SUM(A1)"])
def test_a_formula_behind_another_delimiter_stays_text(value: str) -> None:
    """Where lists are separated by semicolons, a spreadsheet cuts the row elsewhere."""
    assert not re.search(r"(\A|[;|])\s*[=+@＝]", written(problem(value=value))[0]["value"])


@given(value=st.text(max_size=40), cell=st.sampled_from(["key", "party", "value"]))
def test_any_value_is_one_cell_without_control_characters(value: str, cell: str) -> None:
    """Quotes, commas and line breaks do not shift the columns."""
    [line] = written(problem(**{cell: value}))
    shown = line[{"key": BY[0], "party": BY[1]}.get(cell, cell)]
    assert not {char for char in shown if ord(char) < 32} - {"\n"}
    assert shown[:1] not in ("=", "+", "-", "@", "\t", "\r", "\n")


def test_a_problem_stands_beside_what_its_row_is_found_by() -> None:
    """Who mends the row looks for the charge or the student, not for a row's number."""
    assert written(problem())[0] == {
        "row": "4",
        "line": "5",
        "charge_tracking_id": "T1",
        "student_id": "00042",
        "outcome": "rejected",
        "column": "amount",
        "code": "amount_invalid",
        "value": "x",
        "message": "Mend it.",
    }


def test_a_format_without_charges_names_its_rows_by_its_own_columns() -> None:
    """The bookkeeper finds a payment by its receipt number, a product by its code."""
    assert list(written(problem(), named_by=("receipt_num", "par_code"))[0])[2:4] == [
        *("receipt_num", "par_code")
    ]
    line = written(problem(), named_by=("billing_code",))[0]
    assert list(line)[2:4] == ["billing_code", "outcome"]


def test_rows_that_were_applied_before_are_one_line_for_each_upload() -> None:
    """A nightly full export does not bury the one row that matters."""
    before = AppliedBefore(upload_id=UPLOAD, filename="=monday.csv", rows=1500)
    by_hand = AppliedBefore(upload_id=None, filename=None, rows=2)
    bad, repeat, command = written(problem(), repeats=(before, by_hand))
    assert bad["row"] == "4"
    for line, rows in ((repeat, "1500"), (command, "2")):
        assert (line["row"], line["line"], line["value"]) == ("", "", rows)
        assert line["outcome"] == line["code"] == "duplicate"
        assert line["message"].endswith(f": {rows}. Nothing needs to be done.")
    assert f"{UPLOAD} (=monday.csv)" in repeat["message"]
