"""Values of a row: which stand for nothing, which are told of, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingestd.formats.fields import Column, Kind
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.texts import ChoiceJudge
from ingestd.formats.rows.checking import Value, judge_of
from tests.verdicts import COLUMNS, RULES, charge_file, checked, findings_of, good_fields, rows_of

HEADER = ",".join(COLUMNS)


def judged(
    text: str,
    kind: Kind = Kind.IDENTIFIER,
    *,
    mandatory: bool = False,
    null_is_absent: bool = False,
    zero_is_absent: bool = False,
) -> Value | Code:
    """Return what a text of a column is, or the code of its problem."""
    column = Column(
        name="x",
        kind=kind,
        description="",
        length_max=20,
        mandatory=mandatory,
        null_is_absent=null_is_absent,
        zero_is_absent=zero_is_absent,
    )
    value = judge_of(column, RULES)(text)
    return value.code if isinstance(value, Problem) else value


def choice(text: str, *, is_exact: bool) -> str | Problem[str]:
    """Return what a text of a column of three words is."""
    column = Column(
        name="x",
        kind=Kind.CHOICE,
        description="",
        mandatory=True,
        choices=("D", "in", "I"),
        is_exact=is_exact,
    )
    return ChoiceJudge(column, Code.CHOICE_INVALID)(text)


def told(*lines: str) -> list[tuple[Code, Verdict, int | None, int | None, str | None, str | None]]:
    content = "".join(f"{line}\n" for line in lines).encode()
    return [place(finding) for finding in findings_of(checked(content))]


def place(
    finding: Finding,
) -> tuple[Code, Verdict, int | None, int | None, str | None, str | None]:
    return (
        finding.code,
        finding.verdict,
        finding.row,
        finding.line,
        finding.column,
        finding.value,
    )


@pytest.mark.parametrize(
    ("text", "plain", "null", "zero"),
    [
        ("", None, None, None),
        ("  ", None, None, None),
        ("null", "null", None, None),
        ("NULL", "NULL", None, None),
        (" Null ", "Null", None, None),
        ("nullx", "nullx", "nullx", "nullx"),
        ("XnullX", "XnullX", "XnullX", "XnullX"),
        ("0", "0", "0", None),
        ("000", "000", "000", None),
        (" 0.00 ", "0.00", "0.00", None),
        ("0.", "0.", "0.", "0."),
        ("00.1", "00.1", "00.1", "00.1"),
        ("X0X", "X0X", "X0X", "X0X"),
    ],
)
def test_what_stands_for_nothing_is_the_column_s_own(
    text: str, plain: Value, null: Value, zero: Value
) -> None:
    """A receipt number of zeros is none where a file writes zeros for nothing, and there alone."""
    assert judged(text) == plain
    assert judged(text, null_is_absent=True) == null
    assert judged(text, null_is_absent=True, zero_is_absent=True) == zero


@pytest.mark.parametrize("text", ["", " ", "null", "NULL", " null "])
def test_a_mandatory_value_that_stands_for_nothing_is_missing(text: str) -> None:
    """No student is called null."""
    assert judged(text, mandatory=True, null_is_absent=True) is Code.VALUE_MISSING
    assert judged(text, Kind.TEXT, mandatory=True, null_is_absent=True) is Code.VALUE_MISSING


def test_only_spaces_around_null_mean_nothing() -> None:
    """A tab is told of as a tab, and letters make another word of it."""
    for kind in (Kind.IDENTIFIER, Kind.TEXT):
        assert judged("XnullX", kind, mandatory=True, null_is_absent=True) == "XnullX"
    assert judged("\tnull", mandatory=True, null_is_absent=True) is Code.IDENTIFIER_CHARACTER


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-02", "2026-03-02"),
        (" 2026-03-02  ", "2026-03-02"),
        ("\t2026-03-02", Code.DATE_INVALID),
        ("2026-03-02\u00a0", Code.DATE_INVALID),
        ("X2026-03-02X", Code.DATE_INVALID),
        ("2026-02-29", Code.DATE_INVALID),
        ("2028-02-29", "2028-02-29"),
        ("2026-3-2", Code.DATE_INVALID),
        ("", None),
    ],
)
def test_a_day_is_written_in_one_way(text: str, day: Value | Code) -> None:
    """Of 3/2/2026 only the sender knows whether it is in March."""
    assert judged(text, Kind.DATE) == day


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        (" -7 ", -7),
        ("0042", 42),
        ("999999999", 999_999_999),
        ("1000000000", Code.NUMBER_INVALID),
        ("\t7", Code.NUMBER_INVALID),
        ("7\u00a0", Code.NUMBER_INVALID),
        ("X7X", Code.NUMBER_INVALID),
        ("7.0", Code.NUMBER_INVALID),
        ("--7", Code.NUMBER_INVALID),
        ("", None),
    ],
)
def test_a_number_to_count_with_is_whole(text: str, number: Value | Code) -> None:
    """Half a place in a list is none."""
    assert judged(text, Kind.WHOLE) == number


@pytest.mark.parametrize(
    ("kind", "example"), [(Kind.DATE, "YYYY-MM-DD"), (Kind.WHOLE, "up to nine digits")]
)
def test_how_it_is_written_is_told(kind: Kind, example: str) -> None:
    """Whoever does as told is taken."""
    column = Column(name="x", kind=kind, description="", mandatory=True)
    problem = judge_of(column, RULES)("x")
    assert isinstance(problem, Problem)
    assert example in problem.message


@pytest.mark.parametrize(
    ("text", "folded", "exact"),
    [
        ("D", "D", "D"),
        (" in ", "in", "in"),
        ("d", "D", Code.CHOICE_INVALID),
        ("IN", "in", Code.CHOICE_INVALID),
        ("\u0131", Code.CHOICE_INVALID, Code.CHOICE_INVALID),
        ("XDX", Code.CHOICE_INVALID, Code.CHOICE_INVALID),
        ("\tD", Code.CHOICE_INVALID, Code.CHOICE_INVALID),
        (" ", Code.VALUE_MISSING, Code.VALUE_MISSING),
    ],
)
def test_the_case_of_a_word_means_nothing_unless_its_column_is_exact(
    text: str, folded: str | Code, exact: str | Code
) -> None:
    """Where d may be another receipt than D, nobody decides for the sender."""
    for is_exact, wanted in ((False, folded), (True, exact)):
        value = choice(text, is_exact=is_exact)
        assert (value.code if isinstance(value, Problem) else value) == wanted


def test_the_words_that_are_taken_are_told() -> None:
    """Whoever wrote d where D is taken is told that it is not the same."""
    for is_exact, message in (
        (False, "Write D or in or I here."),
        (True, "Write D or in or I here, exactly so."),
    ):
        problem = choice("x", is_exact=is_exact)
        assert isinstance(problem, Problem)
        assert problem.message == message


@pytest.mark.parametrize("name", ["charge_tracking_id", "student_id", "billing_code"])
def test_a_quote_inside_an_identifier_rejects_its_row(name: str) -> None:
    """Nobody can tell where such a key ends."""
    field = f'{good_fields("T-2")[COLUMNS.index(name)]}"'
    row = ",".join(good_fields("T-2", **{name: field}))
    assert told(HEADER, ",".join(good_fields("T-1")), row) == [
        (Code.STRAY_QUOTE, Verdict.ROW, 3, 3, name, field)
    ]


def test_a_quote_inside_a_text_is_a_part_of_it() -> None:
    """Inches are measured in quotes, and pipes are charged for."""
    fields = good_fields("T-1", note='5" pipe')
    batches = checked(f"{HEADER}\n{','.join(fields)}\n".encode())
    assert [row.note for row in rows_of(batches)] == ['5" pipe']
    [finding] = findings_of(batches)
    assert place(finding) == (Code.STRAY_QUOTE, Verdict.WARNING, 2, 2, "note", '5" pipe')


def test_of_a_field_one_problem_is_told_and_of_a_row_one_for_each_field() -> None:
    """Whoever corrects a row corrects all of it, in the order of its columns."""
    row = 'X,T"1,,MEAL,so"up,5"0,'
    labels = dict(zip(COLUMNS, row.split(","), strict=True))
    assert told(HEADER, row, ",".join(good_fields("T-2"))) == [
        (code, verdict, 2, 2, name, labels[name])
        for code, verdict, name in (
            (Code.ACCOUNT_TYPE_INVALID, Verdict.ROW, "account_type"),
            (Code.STRAY_QUOTE, Verdict.ROW, "charge_tracking_id"),
            (Code.VALUE_MISSING, Verdict.ROW, "student_id"),
            (Code.STRAY_QUOTE, Verdict.WARNING, "note"),
            (Code.AMOUNT_INVALID, Verdict.ROW, "amount"),
        )
    ]


def test_a_value_is_shown_where_it_stands_and_as_it_begins() -> None:
    """Row and line differ below a field with line breaks; both are told."""
    long = "x" * 300
    first = charge_file([good_fields("T-1", note="a\nb\nc"), good_fields("T-2", note=long)])
    [finding] = findings_of(checked(first))
    assert place(finding) == (Code.VALUE_TOO_LONG, Verdict.ROW, 3, 5, "note", shorten(long))


def test_what_was_never_meant_to_be_a_row_is_told_in_one_finding_each() -> None:
    """A total below every class is no list of five mistakes, and hides no mistake below it."""
    total, header = ",,,,,18.50,", HEADER.upper()
    good = ",".join(good_fields("T-1", note='"a\nb"'))
    bad = ",".join(good_fields("T-2", amount="x"))
    assert told(HEADER, good, total, bad, header, "Total,,,,,x,", bad) == [
        (Code.NOISE_ROW, Verdict.ROW, 3, 4, None, total),
        (Code.AMOUNT_INVALID, Verdict.ROW, 4, 5, "amount", "x"),
        (Code.HEADER_REPEATED, Verdict.ROW, 5, 6, None, None),
        (Code.ACCOUNT_TYPE_INVALID, Verdict.ROW, 6, 7, "account_type", "Total"),
        (Code.VALUE_MISSING, Verdict.ROW, 6, 7, "charge_tracking_id", ""),
        (Code.VALUE_MISSING, Verdict.ROW, 6, 7, "student_id", ""),
        (Code.VALUE_MISSING, Verdict.ROW, 6, 7, "billing_code", ""),
        (Code.AMOUNT_INVALID, Verdict.ROW, 6, 7, "amount", "x"),
        (Code.AMOUNT_INVALID, Verdict.ROW, 7, 8, "amount", "x"),
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("student_id", Code.IDENTIFIER_TRIMMED),
        ("billing_code", Code.IDENTIFIER_TRIMMED),
        ("note", Code.VALUE_TRIMMED),
        ("amount", Code.VALUE_TRIMMED),
    ],
)
@pytest.mark.parametrize("pad", [" {}", "{} ", "  {} "])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_spaces_around_a_value_are_told_where_they_stand_first(
    name: str, code: Code, pad: str, at: int
) -> None:
    """One row is shown, whichever it is; the others are put right with the export."""
    rows = [good_fields(f"T-{number}") for number in range(3)]
    plain = rows[at][COLUMNS.index(name)]
    for row in rows[at:]:
        row[COLUMNS.index(name)] = pad.format(plain)
    batches = checked(charge_file(rows))
    [finding] = findings_of(batches)
    assert place(finding) == (code, Verdict.WARNING, at + 2, at + 2, name, pad.format(plain))
    assert len({row[4:9] for row in rows_of(batches)}) == 1


def test_nothing_but_spaces_is_taken_off() -> None:
    """A letter, or a space that is none, belongs to the value."""
    for note in ("XxX", "\u00a0x", "x\u2003"):
        for padded in (note, f" {note} "):
            [row] = rows_of(checked(charge_file([good_fields("T-1", note=padded)])))
            assert row.note == note


def test_a_refusal_that_is_logged_would_name_codes_alone() -> None:
    """A log is read by many; what stands in a file is its district's."""
    finding = Finding(
        code=Code.QUOTE_UNCLOSED, verdict=Verdict.FILE, message="Close it.", value="Ann Lee"
    )
    refusal = FileRefusedError(finding, replace(finding, code=Code.FILE_EMPTY))
    assert refusal.args == ("quote_unclosed", "file_empty")
    assert "Ann Lee" not in repr(refusal)
