"""csv-spectrum, the files by which CSV libraries are measured, each with what it says as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.reading.bytes_in import read_text
from ingestd.formats.reading.lines import Record, RecordReader, records_of
from tests.verdicts import (
    COLUMNS,
    assert_adds_up,
    charge_file,
    checked,
    findings_of,
    good_fields,
    is_refused,
    rows_of,
)

NAMES = (
    *("comma_in_quotes", "empty", "empty_crlf", "escaped_quotes", "json", "location_coordinates"),
    *("newlines", "newlines_crlf", "quotes_and_newlines", "simple", "simple_crlf", "utf8"),
)

# Where the collection says something else about a file than what stands in the file.
MISPRINTS = {"location_coordinates": {"1234567890": "2095257564"}}

# The collection takes their last rows for whole. We do not: a file that was cut off looks the same.
WITHOUT_LAST_LINE_END = {
    *("comma_in_quotes", "empty", "empty_crlf", "location_coordinates", "utf8"),
}


def content_of(csv_spectrum: Path, name: str) -> bytes:
    return (csv_spectrum / "csvs" / f"{name}.csv").read_bytes()


def records_in(content: bytes) -> list[Record]:
    pieces = RecordReader(",").read(read_text([content], "utf-8"))
    return [record for piece in pieces for record in records_of(piece, ",")]


def expected_of(csv_spectrum: Path, name: str) -> list[list[str]]:
    """Return a file's header and rows, as its JSON has them."""
    expected = json.loads((csv_spectrum / "json" / f"{name}.json").read_text("utf-8"))
    # The file with a single row has it without a list around it.
    rows: list[dict[str, str]] = expected if isinstance(expected, list) else [expected]
    misprints = MISPRINTS.get(name, {})
    fields = [[misprints.get(field, field) for field in row.values()] for row in rows]
    return [list(rows[0]), *fields]


@pytest.mark.parametrize("name", NAMES)
def test_file_is_split_as_its_json_says(csv_spectrum: Path, name: str) -> None:
    """Whatever program a district exports with, its fields arrive as they were meant."""
    records = records_in(content_of(csv_spectrum, name))
    assert [record.fields for record in records] == expected_of(csv_spectrum, name)
    is_whole = name not in WITHOUT_LAST_LINE_END
    assert [record.terminated for record in records] == [True] * (len(records) - 1) + [is_whole]


@pytest.mark.parametrize("name", NAMES)
def test_file_by_itself_is_no_charge_file(csv_spectrum: Path, name: str) -> None:
    """A strange file under a recognised name is refused, and told which columns it lacks."""
    batches = checked(content_of(csv_spectrum, name))
    assert is_refused(batches)
    lacking = {
        finding.column for finding in findings_of(batches) if finding.code is Code.MISSING_LABEL
    }
    assert lacking == {"account_type", "charge_tracking_id", "student_id", "billing_code"}


@pytest.mark.parametrize("name", NAMES)
def test_file_below_the_header_of_a_charge_file_bills_nobody(csv_spectrum: Path, name: str) -> None:
    """An export of something else, pasted below the right header, loses its rows one by one."""
    content = content_of(csv_spectrum, name)
    batches = checked(",".join(COLUMNS).encode() + b"\n" + content)
    assert_adds_up(batches)
    if name in WITHOUT_LAST_LINE_END:
        last = findings_of(batches)[-1]
        assert (last.code, last.verdict) == (Code.TRUNCATED, Verdict.FILE)
        return
    assert not is_refused(batches)
    assert not rows_of(batches)
    assert sum(batch.records for batch in batches) == len(expected_of(csv_spectrum, name))


@pytest.mark.parametrize("name", NAMES)
def test_file_as_a_note_is_kept_to_the_letter(csv_spectrum: Path, name: str) -> None:
    """Quotes within quotes and lines within fields are a person's words, and stay so."""
    text = content_of(csv_spectrum, name).decode()
    batches = checked(
        charge_file([good_fields("T-1"), good_fields("T-2", note=text), good_fields("T-3")])
    )
    assert_adds_up(batches)
    assert [row.note for row in rows_of(batches)] == ["soup", text, "soup"]


@pytest.mark.parametrize("name", NAMES)
def test_fields_of_a_file_are_ignored_in_columns_that_nobody_asked_for(
    csv_spectrum: Path, name: str
) -> None:
    """A district may export more than is needed, whatever stands in it."""
    labels, *rows = expected_of(csv_spectrum, name)
    charges = [[*good_fields(f"T-{number}"), *row] for number, row in enumerate(rows)]
    batches = checked(charge_file(charges, header=(*COLUMNS, *labels)))
    assert_adds_up(batches)
    assert not is_refused(batches)
    assert [row.note for row in rows_of(batches)] == ["soup"] * len(rows)
    extra = [f.column for f in findings_of(batches) if f.code is Code.EXTRA_LABEL]
    assert extra == labels


def test_letters_lost_before_and_a_stray_quote_are_kept_and_pointed_out(csv_spectrum: Path) -> None:
    """location_coordinates has an inch mark in an unquoted field: a warning, not a lost row."""
    content = content_of(csv_spectrum, "location_coordinates")
    header, row = records_in(content)
    assert (header.stray_quotes, row.stray_quotes) == ((), (1,))
    assert row.fields[1] == "37\ufffd36'37.8\"N 121\ufffd2'17.9\"W"


def test_every_file_of_the_collection_is_tested(csv_spectrum: Path) -> None:
    """A file that a new release adds is not passed over."""
    for folder, extension in (("csvs", "csv"), ("json", "json")):
        found = sorted(path.name for path in (csv_spectrum / folder).iterdir())
        assert found == sorted(f"{name}.{extension}" for name in NAMES)
