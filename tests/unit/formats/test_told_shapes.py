"""Headers and rows of another shape: which place is named, and which numbers are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ingestd.formats.checking import RowBatch
from ingestd.formats.findings.codes import Code, Finding, Verdict, shorten
from ingestd.formats.kinds.student_billing import ChargeRow
from ingestd.formats.rules import LastRow
from tests.judging import check_charge_file, check_refund_file
from tests.verdicts import COLUMNS, RULES, charge_file, checked, findings_of, good_fields, rows_of

HEADER = ",".join(COLUMNS)
GOOD = ",".join(good_fields("T-1"))
SEMICOLONS = replace(RULES, delimiter=";")


def told(*lines: str, end: str = "\n") -> list[Finding]:
    """Return what is found in a file of these lines."""
    return findings_of(checked(("\n".join(lines) + end).encode()))


def judged(text: str, **rules: object) -> list[RowBatch[ChargeRow]]:
    return list(check_charge_file([text.encode()], replace(RULES, **rules)))  # type: ignore[arg-type]


def place(finding: Finding) -> tuple[Code, int | None, int | None, str | None, str | None]:
    return finding.code, finding.row, finding.line, finding.column, finding.value


def test_a_row_with_too_few_fields_is_told_how_many_and_the_first_that_is_missing() -> None:
    """A note with a line break loses what stands behind it."""
    [finding] = told(HEADER, GOOD, "WALLET,T-2,1,MEAL", GOOD)
    assert place(finding) == (Code.MISSING_CELL, 3, 3, "note", None)
    assert finding.verdict is Verdict.ROW
    assert finding.message.startswith("The row has 4 fields instead of 7. ")


def test_a_row_with_too_many_fields_is_told_how_many_and_the_first_that_is_too_much() -> None:
    """A thousands separator without quotes is seen at once."""
    [finding] = told(HEADER, f"{GOOD},{'x' * 200},y", GOOD)
    assert place(finding) == (Code.EXTRA_CELL, 2, 2, None, shorten("x" * 200))
    assert finding.message.startswith("The row has 9 fields instead of 7. ")


def test_where_every_row_ends_with_a_delimiter_it_is_counted_as_it_is_written() -> None:
    """Whoever counts in the file comes to the same numbers."""
    warning, few, many, late = told(
        f"{HEADER},", *[f"{GOOD},"] * 101, "WALLET,T-2,", f"{GOOD},x,", f"{GOOD},x"
    )
    assert place(warning) == (Code.TRAILING_DELIMITER, 1, 1, None, None)
    assert place(few) == (Code.MISSING_CELL, 103, 103, "billing_code", None)
    assert few.message.startswith("The row has 3 fields instead of 8. ")
    assert place(many) == (Code.EXTRA_CELL, 104, 104, None, "x")
    assert many.message.startswith("The row has 9 fields instead of 7. ")
    assert place(late) == (Code.EXTRA_CELL, 105, 105, None, "x")
    assert late.message.startswith("The row has 8 fields instead of 7. ")


def test_a_row_that_lacks_the_field_behind_its_last_delimiter_alone_lacks_no_column() -> None:
    """There is no label to blame."""
    _, finding = told(f"{HEADER},", *[f"{GOOD},"] * 101, GOOD)
    assert place(finding) == (Code.MISSING_CELL, 103, 103, None, None)


def test_a_file_that_ends_within_a_row_is_told_after_how_many_fields() -> None:
    """Whoever sends it again can compare."""
    rows = (";".join(COLUMNS), ";".join(good_fields("T-1")), "WALLET;T-2;00")
    batches = list(check_charge_file(["\n".join(rows).encode()], SEMICOLONS))
    [finding] = findings_of(batches)
    assert place(finding) == (Code.TRUNCATED, 3, 3, None, "WALLET;T-2;00")
    assert finding.verdict is Verdict.FILE
    assert "in the middle of this row, after 3 of 7 fields, so" in finding.message


@pytest.mark.parametrize(
    ("last_row", "verdict"),
    [
        (LastRow.ACCEPT, None),
        (LastRow.COMPLETE, Verdict.WARNING),
        (LastRow.REJECT, Verdict.ROW),
    ],
)
def test_a_last_row_without_a_line_end_costs_what_the_account_says(
    last_row: LastRow, verdict: Verdict | None
) -> None:
    """A warning says that nothing is lost; a rejection asks for the file again."""
    batches = judged(f"{HEADER}\n{GOOD}", last_row_without_newline=last_row)
    findings = findings_of(batches)
    assert len(rows_of(batches)) == (verdict is not Verdict.ROW)
    assert [finding.verdict for finding in findings] == ([verdict] if verdict else [])
    for finding in findings:
        assert place(finding)[:3] == (Code.LAST_ROW_UNTERMINATED, 2, 2)
        assert finding.value == good_fields("T-1")[-1]
        assert ("send the file again" in finding.message) == (verdict is Verdict.ROW)
        assert ("Its last field is whole" in finding.message) == (verdict is Verdict.WARNING)


@pytest.mark.parametrize("last_row", list(LastRow))
def test_a_row_cut_off_between_fields_refuses_the_file_whatever_the_account_says(
    last_row: LastRow,
) -> None:
    """What is missing is never a matter of taste."""
    batches = judged(f"{HEADER}\n{GOOD}\nWALLET,T-2", last_row_without_newline=last_row)
    assert [finding.code for finding in findings_of(batches)] == [Code.TRUNCATED]


@pytest.mark.parametrize("position", [0, 4, 6])
def test_a_byte_of_zero_is_told_with_its_column(position: int) -> None:
    """The export is damaged there, and perhaps elsewhere."""
    fields = good_fields("T-2")
    fields[position] += "\0"
    [finding] = told(HEADER, GOOD, ",".join(fields), GOOD)
    assert place(finding) == (Code.NULL_BYTE, 3, 3, COLUMNS[position], fields[position])
    assert finding.verdict is Verdict.ROW


def test_a_byte_of_zero_behind_the_last_column_has_none() -> None:
    """The row is refused for it all the same."""
    [finding] = told(HEADER, GOOD, f"{GOOD},\0x", GOOD)
    assert place(finding) == (Code.NULL_BYTE, 3, 3, None, "\0x")


def test_a_byte_of_zero_in_the_header_refuses_the_file() -> None:
    """Nobody can tell what a column is called whose name is damaged."""
    _blank, finding = told("", f"{HEADER}\0", GOOD)
    assert place(finding) == (Code.NULL_BYTE, 2, 2, None, None)
    assert finding.verdict is Verdict.FILE


def test_a_header_again_is_a_row_less_and_right_below_the_first_a_file_less() -> None:
    """Two exports in one file are put right by hand; two headers may name other columns."""
    [finding] = told(HEADER, GOOD, HEADER, GOOD)
    assert (place(finding), finding.verdict) == (
        (Code.HEADER_REPEATED, 3, 3, None, None),
        Verdict.ROW,
    )
    assert finding.message == "The header stands here again. Remove this row."
    [second] = told(HEADER, HEADER, GOOD)
    assert (place(second), second.verdict) == (
        (Code.HEADER_REPEATED, 2, 2, None, None),
        Verdict.FILE,
    )
    assert "two header rows" in second.message


def test_below_a_header_in_the_middle_dashes_are_none_of_the_rows() -> None:
    """Two reports of a SQL tool in one file are two headers and two underlines."""
    dashes = ",".join(["---"] * len(COLUMNS))
    findings = told(HEADER, dashes, GOOD, HEADER, dashes, GOOD.replace("T-1", "T-2"))
    assert [(finding.code, finding.row) for finding in findings] == [
        (Code.NOISE_ROW, 2),
        (Code.HEADER_REPEATED, 4),
        (Code.NOISE_ROW, 5),
    ]


@pytest.mark.parametrize("above", [1, 3, 28])
def test_a_header_further_down_is_told_with_its_line(above: int) -> None:
    """The rows above it are what is to be removed."""
    [finding] = told(*["A title of the report"] * above, HEADER, GOOD)
    assert place(finding) == (Code.HEADER_NOT_FIRST, 1, 1, None, "A title of the report")
    assert f"stands on line {above + 1} instead of the first line" in finding.message


def test_a_header_is_looked_for_in_thirty_lines() -> None:
    """A file of another kind is not searched from top to bottom."""
    found = told(*["title"] * 30, HEADER, GOOD)
    assert Code.HEADER_NOT_FIRST not in {finding.code for finding in found}
    [finding] = told(*["title"] * 29, HEADER, GOOD)
    assert finding.code is Code.HEADER_NOT_FIRST


def test_every_mistake_in_a_header_is_told_at_once() -> None:
    """Whoever corrects a header does so once."""
    labels = ["account_type", "", "student_id", "student_id", "STUDENT-ID", "", "x"]
    findings = told(",".join(labels), GOOD)
    assert [(place(finding), finding.verdict) for finding in findings] == [
        ((Code.BLANK_LABEL, 1, 1, None, None), Verdict.FILE),
        ((Code.BLANK_LABEL, 1, 1, None, None), Verdict.FILE),
        ((Code.DUPLICATE_LABEL, 1, 1, "student_id", None), Verdict.FILE),
        ((Code.MISSING_LABEL, 1, 1, "charge_tracking_id", None), Verdict.FILE),
        ((Code.MISSING_LABEL, 1, 1, "billing_code", None), Verdict.FILE),
    ]
    blank, other, double, *missing = (finding.message for finding in findings)
    assert blank.startswith("Column 2 has no name")
    assert other.startswith("Column 6 has no name")
    assert "names the column student_id 3 times" in double
    assert [message.split(". ")[0].split()[-1] for message in missing] == [
        "charge_tracking_id",
        "billing_code",
    ]


@pytest.mark.parametrize("extra", ["", "x,"])
def test_a_broken_header_is_told_in_a_hundred_findings(extra: str) -> None:
    """Half a million labels fill no receipt."""
    findings = told(f"{HEADER},{extra}" + "," * 300 + "y", GOOD)
    assert len([finding for finding in findings if finding.verdict is Verdict.FILE]) == 100
    warnings = told(",".join([*COLUMNS, *(f"x{n}" for n in range(300))]))
    assert [finding.code for finding in warnings] == [Code.EXTRA_LABEL] * 100
    assert [finding.column for finding in warnings] == [f"x{n}" for n in range(100)]


def test_a_column_of_nobody_s_is_named_as_it_is_written() -> None:
    """A label of a sentence is shown by its beginning."""
    label = f" Home-Room {'x' * 200}\t"
    [finding] = told(f"{HEADER},{label}", f"{GOOD},x")
    assert place(finding) == (Code.EXTRA_LABEL, 1, 1, shorten(label.strip(" \t")), None)
    assert finding.verdict is Verdict.WARNING


@pytest.mark.parametrize("above", ["", "\n", "\n\n\n"])
@pytest.mark.parametrize("last", ["transaction_occurred_tim", "x"])
def test_a_file_that_ends_within_its_header_is_cut_off(above: str, last: str) -> None:
    """The rest of the label, and all the rows, are still to come."""
    labels = [*COLUMNS[:-1], last]
    *_blank, finding = told(above + ",".join(labels), end="")
    line = 1 + len(above)
    assert place(finding) == (Code.TRUNCATED, line, line, None, last)
    assert finding.verdict is Verdict.FILE


def test_a_file_that_ends_with_its_header_has_no_rows() -> None:
    """A day without charges is a file, and is told to be one."""
    [finding] = told(HEADER, end="")
    assert place(finding)[:3] == (Code.LAST_ROW_UNTERMINATED, 1, 1)
    assert finding.verdict is Verdict.WARNING
    batches = judged(HEADER, last_row_without_newline=LastRow.ACCEPT)
    assert findings_of(batches) == []


@pytest.mark.parametrize("line_ends", [("\n", "\r\n"), ("\r\n", "\n"), ("\r", "\n")])
def test_line_ends_that_change_are_told_once(line_ends: Sequence[str]) -> None:
    """The place where they do is where two exports were joined."""
    one, other = line_ends
    rows = [",".join(good_fields(f"T-{n}")) for n in range(12_000)]
    text = f"{HEADER}{one}{rows[0]}{one}" + other.join(rows[1:]) + other
    batches = judged(text)
    [finding] = findings_of(batches)
    assert len(batches) > 1
    assert place(finding) == (Code.LINE_ENDS_MIXED, 3, 3, None, None)
    assert finding.verdict is Verdict.WARNING
    assert len(rows_of(batches)) == 12_000


@pytest.mark.parametrize("text", ["", "\n\n", " , ,\n", "\ufeff"])
def test_a_file_without_a_record_is_empty(text: str) -> None:
    """It is told to be empty, and no column of it to be missing."""
    [finding] = findings_of(judged(text))
    assert place(finding) == (Code.FILE_EMPTY, None, None, None, None)
    assert finding.verdict is Verdict.FILE


def test_a_refund_file_named_for_charges_is_told_which_it_looks_like() -> None:
    """Charges under a refund's name would all be taken back."""
    blocks = [charge_file([good_fields("T-1")])]
    [finding] = [f for batch in check_refund_file(blocks, RULES) for f in batch.findings]
    assert place(finding)[:3] == (Code.FORMAT_UNEXPECTED, 1, 1)
    assert finding.verdict is Verdict.FILE
    assert finding.value == shorten(HEADER)
    assert "name says student_refunds, but the rows look like those of student_billing. Send" in (
        finding.message
    )
