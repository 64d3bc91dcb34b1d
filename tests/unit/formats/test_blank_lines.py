"""Blank lines, and rows of delimiters and spaces: skipped, told of once a run, never a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.formats.findings.codes import Code, Finding
from ingestd.formats.names import FormatName
from ingestd.formats.reading.blanks import BlankLines
from ingestd.formats.reading.bytes_in import HEAD_BYTES
from ingestd.formats.reading.lines import Piece, PlainLines, Record, SplitLines, records_of
from tests.judging import check_charge_file, check_payment_file
from tests.verdicts import COLUMNS, RULES, charge_file, checked, findings_of, good_fields, rows_of

BLANKS = ("", "   ", "\t", ",,,,,,", ", , ,,", ",", '"",""', '" ",,,,,,', "," * 40)
FEE = "2007-07-11 08:10:10,15.00,M1,5,{n},COLL001,12.00,2.50,0.50,0\n"


def told(findings: Iterable[Finding]) -> list[tuple[Code, int | None, str]]:
    return [(finding.code, finding.row, finding.message) for finding in findings]


@pytest.mark.parametrize(
    ("blank", "line_end", "count"),
    [
        (",,,,,,", "\n", 100_000),
        ("", "\n", 100_000),
        ("  ,,", "\r\n", 100_000),
        (",,,,,,", "\r", 10_000),
        ('"","",', "\n", 10_000),
    ],
)
def test_any_number_of_blank_lines_is_one_warning(blank: str, line_end: str, count: int) -> None:
    """An emptied spreadsheet fills no receipt, and keeps no other school waiting."""
    lines = [",".join(COLUMNS), ",".join(good_fields("T-1")), *[blank] * count]
    lines += [",".join(good_fields("T-2")), *[blank] * count, ""]
    batches = checked(line_end.join(lines).encode())
    assert [row.row for row in rows_of(batches)] == [2, count + 3]
    assert sum(batch.records for batch in batches) == 2
    assert told(findings_of(batches)) == [(Code.BLANK_ROW, 3, f"{count} blank lines were skipped.")]


@pytest.mark.parametrize("at_end", [b"", b",,,,,,,,,", b" "])
def test_blank_rows_of_a_payment_file_are_told_of_once(at_end: bytes) -> None:
    """A provider's template of empty rows is no file of rejected payments."""
    rows = [FEE.format(n=number).encode() for number in (1, 2)]
    content = rows[0] + b",,,,,,,,,\n" * 50_000 + b" , \n\n" + rows[1] + b",,,,,,,,,\n" * 9 + at_end
    [batch] = check_payment_file(FormatName.FEE_PAYMENTS, [content], RULES)
    assert (len(batch.rows), batch.records) == (2, 2)
    assert told(batch.findings) == [(Code.BLANK_ROW, 2, "50002 blank lines were skipped.")]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(BLANKS), max_size=3), min_size=4, max_size=4),
    st.booleans(),
)
def test_blank_lines_change_no_row(runs: list[list[str]], quoted: bool) -> None:
    """Whatever stands between two charges, they are the charges that they are without it."""
    rows = [good_fields(f"T-{number}") for number in range(3)]
    header, *good = charge_file(rows, quoting=1 if quoted else 0).decode().splitlines()
    lines = [header]
    for run, row in zip(runs, [*good, None], strict=True):
        lines += run if row is None else [*run, row]
    batches = checked("".join(f"{line}\n" for line in lines).encode())
    assert [row.content_hash for row in rows_of(batches)] == [
        row.content_hash for row in rows_of(checked(charge_file(rows)))
    ]
    assert [row.row for row in rows_of(batches)] == [lines.index(line) + 1 for line in good]
    assert [f.code for f in findings_of(batches)] == [Code.BLANK_ROW] * sum(map(bool, runs[:3]))


def test_a_long_way_without_a_record_is_told_in_empty_batches() -> None:
    """A daemon that stops need not wait for the end of a gigabyte of line breaks."""
    batches = checked(charge_file([good_fields("T-1")] * 200) + b"\n" * 3_000_000)
    assert len(batches) > 2
    assert [batch.records for batch in batches if batch.records] == [200]


@pytest.mark.parametrize(("count", "batches"), [(97, 1), (98, 2), (197, 2), (198, 3)])
def test_each_hundred_pieces_of_blank_lines_are_a_batch(count: int, batches: int) -> None:
    """Whoever waits for a sign waits as long for the first as for each other."""
    top = charge_file([good_fields("T-1")] * 200).ljust(HEAD_BYTES - 1) + b"\n"
    # The end of the file is two pieces more, without anything in them.
    content = top + b"\n" * count
    assert len(list(check_charge_file([content], RULES, chunk_bytes=1))) == batches


def pieces_of(rows: list[list[str]]) -> Iterator[tuple[Piece, list[int]]]:
    """Yield rows in each of the ways in which a reader hands them on, two lines to a row."""
    numbers = list(range(1, len(rows) + 1))
    lines = [2 * number for number in numbers]
    yield PlainLines(numbers, lines, [",".join(row) for row in rows]), lines
    yield SplitLines(numbers, lines, rows, {len(rows) - 1: (0,)}), lines
    yield [Record(*each) for each in zip(numbers, lines, rows, strict=True)], lines


@pytest.mark.parametrize(
    ("rows", "filled", "told_at"),
    [
        ([["  ", ""], ["a", ""]], [2], [(1, "A blank line was skipped.")]),
        ([["a"], ["", " \t"], ["\x1a"], ["b"]], [1, 4], [(2, "2 blank lines were skipped.")]),
        (
            [["a"], [""], ["b"], ["", ""], [" "], [" "], ["c"]],
            [1, 3, 7],
            [(2, "A blank line was skipped."), (4, "3 blank lines were skipped.")],
        ),
        ([["a"], [""], [""]], [1], []),
        ([[" \x0c"], [" \u00a0", ""]], [1, 2], []),
        ([[""], [" ;"], [""]], [2], [(1, "A blank line was skipped.")]),
        ([["\t"], [" "]], [], []),
    ],
)
def test_each_run_of_blank_lines_is_told_with_its_length_and_place(
    rows: list[list[str]], filled: list[int], told_at: list[tuple[int, str]]
) -> None:
    """Whoever looks for them in an editor finds the line, in a spreadsheet the row."""
    for piece, lines in pieces_of(rows):
        blanks = BlankLines(",")
        [left] = blanks.skip([piece])
        kept = records_of(left, ",")
        assert [record.row for record in kept] == filled
        assert [record.line for record in kept] == [lines[row - 1] for row in filled]
        findings = blanks.take_findings()
        assert [(finding.row, finding.message) for finding in findings] == told_at
        assert [finding.line for finding in findings] == [lines[row - 1] for row, _ in told_at]
        assert blanks.take_findings() == []
        if isinstance(left, SplitLines):
            assert left.stray_quotes == ({len(filled) - 1: (0,)} if len(rows) in filled else {})


def test_a_run_of_blank_lines_goes_on_from_piece_to_piece() -> None:
    """How much is read at a time changes no warning."""
    pieces: list[Piece] = [
        PlainLines([1], [1], ["a"]),
        PlainLines([2, 3], [2, 3], ["", ","]),
        [],
        [Record(4, 4, [" "])],
        SplitLines([5], [5], [["", ""]], {}),
        PlainLines([6, 7], [6, 7], ["", "b"]),
        PlainLines([8], [8], [""]),
        PlainLines([9], [9], ["c"]),
    ]
    blanks = BlankLines(",")
    left = [
        len(piece) if isinstance(piece, list) else len(piece[0]) for piece in blanks.skip(pieces)
    ]
    assert left == [1, 0, 0, 0, 0, 1, 0, 1]
    assert [(f.row, f.line, f.message) for f in blanks.take_findings()] == [
        (2, 2, "5 blank lines were skipped."),
        (8, 8, "A blank line was skipped."),
    ]
