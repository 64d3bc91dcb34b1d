"""Rows that a program wrote about the rows: one finding each, and never a row of anything."""

from __future__ import annotations

import time

import pytest

from ingestd.formats.findings.codes import Code
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.layout.noise import (
    COUNT,
    TOTAL,
    UNDERLINE,
    may_count,
    noise_in,
    noise_in_rejected,
)
from tests.judging import check_catalog_file, check_refund_file
from tests.verdicts import RULES, charge_file, checked, findings_of, good_fields, rows_of


def test_dashes_under_the_header_refund_nothing_and_enrol_nobody() -> None:
    """Where every text may be a key, dashes are still none."""
    refunds = b"charge_tracking_id,tx_item_rowid,note\n------,----,--\nT-1,,\n(1 rows affected)\n"
    [batch] = check_refund_file([refunds], RULES)
    assert [row.tracking_id for row in batch.rows] == ["T-1"]
    assert [(f.code, f.row) for f in batch.findings] == [
        (Code.NOISE_ROW, 2),
        (Code.NOISE_ROW, 4),
    ]
    students = b"student_id\n----------\nS-1\n(1 rows affected)\n"
    [of_students] = check_catalog_file(CatalogKind.STUDENTS, [students], RULES)
    assert [row.values[0] for row in of_students.rows] == ["S-1"]
    assert of_students.rejected == [(2, 2), (4, 4)]


def test_noise_far_below_the_header_is_told_alike_however_the_file_is_cut() -> None:
    """The last line of a long export is no student either."""
    students = b"student_id\n" + b"".join(b"S%d\n" % n for n in range(20_000))
    content = students + b"\n(20000 rows affected)\n"
    for size in (len(content), 1000):
        blocks = [content[at : at + size] for at in range(0, len(content), size)]
        batches = list(check_catalog_file(CatalogKind.STUDENTS, blocks, RULES))
        assert sum(len(batch.rows) for batch in batches) == 20_000
        assert [f.code for b in batches for f in b.findings] == [Code.BLANK_ROW, Code.NOISE_ROW]


def test_the_words_say_what_the_row_is() -> None:
    """Whoever reads the receipt knows at once that nothing is missing."""
    lines = charge_file([good_fields("T-1")]) + b"(1 rows affected)\n,,,,,5.00,\n"
    header, _, rest = lines.partition(b"\n")
    batches = checked(header + b"\n---,---,---,---,---,---,---\n" + rest)
    messages = [finding.message for finding in findings_of(batches)]
    assert len(rows_of(batches)) == 1
    for word, message in zip(("dashes", "how many rows", "total"), messages, strict=True):
        assert word in message


@pytest.mark.parametrize(
    "row",
    [
        ["T-1", "", ""],
        ["-", "", ""],
        ["Total loss", "", "18.50"],
        ["Row 7", "", ""],
        ["3 rowing boats", "1"],
        ["WALLET", "T-1", "5.00"],
        [""],
    ],
)
def test_a_row_of_values_is_no_noise(row: list[str]) -> None:
    """A missing field is told of as such, whatever the others hold."""
    assert noise_in(row, ",") is None
    assert noise_in_rejected(row, ",", {5}) is None


def test_a_field_of_dashes_of_any_length_is_told_at_once() -> None:
    """No row can be written that takes minutes to look at."""
    started = time.process_time()
    ends = "x" * 9
    for text in ("-" * 130_000, "9" * 130_000, "sum " * 20_000, "(" + "1 " * 60_000):
        assert noise_in([text + ends], ",") is None
        assert noise_in_rejected([text + ends, text + ends], ",", {0, 1}) is None
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "row",
    [
        ["----", "-----"],
        ["-----+------"],
        ["+----+----+"],
        ["====", "", "=="],
        ["-- --", " "],
        ["", "--"],
    ],
)
def test_dashes_of_every_sql_tool_are_an_underline(row: list[str]) -> None:
    """sqlcmd, psql and mysql draw their lines differently."""
    assert noise_in(row, ",") == UNDERLINE
    assert noise_in([*row, "x"], ",") is None


@pytest.mark.parametrize("row", [["-"], ["-", "-"], ["+ +"], ["=", "-="], ["- -"], ["X--X"]])
def test_a_single_dash_underlines_nothing(row: list[str]) -> None:
    """People write one where they have no value."""
    assert noise_in(row, ",") is None


@pytest.mark.parametrize(
    "text",
    [
        "(3 rows affected)",
        "(3 row(s) affected)",
        "(1,234 rows)",
        "3 rows selected.",
        "3 rows in set (0.00 sec)",
        "Query OK, 3 rows affected",
        "no rows selected",
        "  1 RECORD  ",
        "12 records",
    ],
)
def test_how_many_rows_there_are_is_said_in_every_sql_tool_s_words(text: str) -> None:
    """With a comma inside it is two fields, and padded it has as many as any row."""
    fields = text.split(",")
    for row in (fields, [*fields, "", ""], ["", *fields], [*fields, *[""] * 9]):
        assert noise_in(row, ",") == COUNT
    assert may_count(text)
    assert noise_in([*fields, "x"], ",") is None
    assert noise_in([*fields, "", "", "", "x"], ",") is None
    assert noise_in(text.split(";"), ";") == COUNT


@pytest.mark.parametrize(
    "text", ["3", "rows", "three rows", "3 rowing boats", "X3 rowsX", "3 r ows"]
)
def test_other_words_count_no_rows(text: str) -> None:
    """A billing code may begin like a sentence."""
    assert noise_in([text], ",") is None


def test_a_look_at_all_first_fields_finds_what_may_count() -> None:
    """Ordinary files are not searched row by row."""
    for text in ("x3 ROWSy", "no Record"):
        assert may_count(text)
    for text in ("", "ro w", "recor d", "XXX"):
        assert not may_count(text)


@pytest.mark.parametrize(
    "words",
    ["Total", "Grand total:", "Sub-Totals", "*** Report total amount", "SUM", "Total of all fees"],
)
def test_a_word_for_a_total_and_numbers_are_a_total(words: str) -> None:
    """It stands below every class, and would be somebody's charge."""
    for row in ([words], [words, "", "18.50"], ["", f" {words} ", "$ 1,234.50", "3"]):
        assert noise_in(row, ",") == TOTAL
        assert noise_in_rejected(row, ",", ()) == TOTAL
    assert noise_in([words, "WALLET", "18.50"], ",") is None
    assert noise_in(["", "18.50"], ",") is None


def test_a_rejected_row_of_amounts_alone_is_a_total() -> None:
    """A sum needs no word where nothing else stands in its row."""
    assert noise_in_rejected(["", "", "18.50"], ",", {2}) == TOTAL
    assert noise_in_rejected(["", "1", "18.50"], ",", {1, 2}) == TOTAL
    assert noise_in_rejected(["", "1", "18.50"], ",", {2}) is None
    assert noise_in_rejected(["", "", "x"], ",", {2}) is None
    assert noise_in_rejected(["", "x", "18.50"], ",", {1, 2}) is None
    assert noise_in_rejected(["", " "], ",", {0, 1}) is None
    assert noise_in_rejected(["--", "--"], ",", {0, 1}) == UNDERLINE


def test_noise_is_shown_as_it_is_written_and_where_it_stands() -> None:
    """Row and line differ below a text with a line break."""
    good = ",".join(good_fields("T-1", note='"a\nb"'))
    header = charge_file([]).decode()
    rows = [good, "Total,,", good.replace("T-1", "T-2"), "3 rows,,,,,,"]
    batches = checked((header + "".join(f"{row}\n" for row in rows)).encode())
    assert [(f.code, f.row, f.line, f.value) for f in findings_of(batches)] == [
        (Code.NOISE_ROW, 3, 4, "Total,,"),
        (Code.NOISE_ROW, 5, 7, "3 rows,,,,,,"),
    ]
