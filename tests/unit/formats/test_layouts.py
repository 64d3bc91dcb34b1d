"""Headers and columns in a fixed order, as they are told from rows and from each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingestd.formats.findings.codes import Code, Finding
from ingestd.formats.kinds.student_billing import STUDENT_BILLING
from ingestd.formats.layout.header import (
    Layout,
    blank_last_label,
    is_header_like,
    normalise_label,
    read_header,
)
from ingestd.formats.layout.headerless import fixed_layout, names_columns
from ingestd.formats.names import FormatName
from ingestd.formats.reading.lines import Record
from tests.judging import PAYMENT_FORMATS, check_payment_file, check_refund_file
from tests.verdicts import COLUMNS, RULES, checked, findings_of, good_fields

HEADER = ",".join(COLUMNS)
GOOD = ",".join(good_fields("T-1"))
FEES = PAYMENT_FORMATS[FormatName.FEE_PAYMENTS]
FEE = "2007-07-11 08:10:10,14.50,M1,5,R-7,COLL001,12.00,2.50,0.75,0.75"
FIRST_18 = "2011-07-15 15:45:00,110.00,M1,42,657575,Gil Guest,,,,,,,,Hall hire,HIRE,100.01,9.99,GST"


def record(*fields: str) -> Record:
    return Record(1, 1, list(fields))


def layout_of(header: Sequence[str], delimiter: str = ",") -> Layout:
    return read_header(record(*header), STUDENT_BILLING, delimiter=delimiter, top="")[0]


def told(*lines: str) -> list[Finding]:
    return findings_of(checked("".join(f"{line}\n" for line in lines).encode()))


def told_of_payments(kind: FormatName, *lines: str) -> list[Finding]:
    content = "".join(f"{line}\n" for line in lines).encode()
    return [
        found for batch in check_payment_file(kind, [content], RULES) for found in batch.findings
    ]


def test_a_label_is_known_by_its_letters() -> None:
    """Spaces, tabs and hyphens are how a label is written; a letter more makes another label."""
    assert normalise_label(" \tStudent-ID \t") == "student_id"
    assert normalise_label("X-axis X") == "x_axis_x"
    assert normalise_label("\u00a0amount") == "\u00a0amount"


def test_a_row_names_columns_when_half_of_what_it_says_are_names() -> None:
    """Two charges for a note and an amount are no header, whatever stands beside them."""
    for header in ("note amount x y", '"note" "amount"', "note amount"):
        assert is_header_like([*header.split(), ""], STUDENT_BILLING)
    for row in ("note amount x y z", "Xnote Xamount", "note x"):
        assert not is_header_like([*row.split(), ""], STUDENT_BILLING)


def test_columns_of_nobody_s_keep_their_names() -> None:
    """The account lists what it ignores as it stands in the file."""
    layout = layout_of([*COLUMNS, " X-ray X\u00a0\t", " "], ";")
    assert layout.labels == (*COLUMNS, "X-ray X\u00a0")
    assert layout.delimiter == ";"
    assert fixed_layout(FEES, [record(*FEE.split(","))], delimiter=";").delimiter == ";"


def test_a_header_of_one_label_may_end_with_a_delimiter() -> None:
    """The shortest refund file there is, as a spreadsheet saves it."""
    (batch,) = check_refund_file([b"charge_tracking_id,\nT-1,\n"], RULES)
    assert [row.tracking_id for row in batch.rows] == ["T-1"]
    assert [found.code for found in batch.findings] == [Code.TRAILING_DELIMITER]


def test_a_last_label_that_is_blank_is_counted() -> None:
    """Whoever looks for it counts the columns."""
    [finding] = told(f"{HEADER},", f"{GOOD},x")
    assert finding == blank_last_label(record(*HEADER.split(","), ""))
    assert finding.message.startswith("Column 8 has no name")


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolon"), ("\t", "tab")])
def test_a_header_by_another_delimiter_is_told_before_all_else(delimiter: str, name: str) -> None:
    """A second header below it, with ours, is no reason to cut off what stands above."""
    other = HEADER.replace(",", delimiter)
    [finding] = told(other, HEADER, GOOD)
    assert (finding.code, finding.row, finding.value) == (Code.DELIMITER_UNEXPECTED, 1, delimiter)
    assert f"by a {name}, and this account's files by a comma. " in finding.message
    [further_down] = told("A title", other, GOOD)
    assert further_down.code is Code.HEADER_NOT_FIRST


def test_rows_by_another_delimiter_are_told_of_with_both() -> None:
    """Somebody has to choose one of them in a menu."""
    [charges] = told("a;b;c", "d;e;f")
    [fees] = told_of_payments(FormatName.FEE_PAYMENTS, FEE.replace(",", ";"))
    for finding in (charges, fees):
        assert finding.code is Code.DELIMITER_UNEXPECTED
        assert "by a semicolon, and this account's files by a comma. " in finding.message


@pytest.mark.parametrize(
    ("first", "is_missing"), [(" wallet ", True), ("WALLETX", False), ("\u00a0WALLET", False)]
)
def test_a_file_that_begins_with_values_has_no_header(first: str, is_missing: bool) -> None:
    """Values are known by a word that only one column has, with spaces around it at most."""
    found = told(f"{first},T-1,00042,MEAL,soup,5.00,")
    assert (found[0].code is Code.HEADER_MISSING) == is_missing


def test_what_stands_far_below_blank_lines_is_judged_like_any_first_row() -> None:
    """A look at the top of the file sees nothing of it."""
    *_blank, finding = told(*[""] * 70_000, GOOD)
    assert (finding.code, finding.row, finding.value) == (Code.HEADER_MISSING, 70_001, "")


def test_one_delimiter_too_many_is_told_from_the_rows_alone() -> None:
    """A header of payments, where there is one, is written as its program pleases."""
    header, row = record(*FEES.column_names), record(*FEE.split(","))
    trailing = record(*FEE.split(","), "")
    for records, is_trailing in (
        ((header, trailing), True),
        ((header, row), False),
        ((header, trailing, row), False),
        ((row, trailing, trailing), False),
        ((trailing,), True),
        ((header,), False),
    ):
        assert fixed_layout(FEES, records, delimiter=",").is_trailing is is_trailing


@pytest.mark.parametrize(
    ("changes", "are_names"),
    [
        ({}, True),
        ({2: "M1", 5: "COLL001"}, True),
        ({1: "Paid2"}, False),
        ({1: "--"}, False),
        ({1: "When"}, False),
    ],
)
def test_words_in_place_of_times_and_amounts_are_labels(
    changes: dict[int, str], are_names: bool
) -> None:
    """Codes may look like anything, times and amounts never like words that all differ."""
    labels = "When,Paid,Merchant,Batch,Receipt,Parent,Fee,Building,Other,Discount".split(",")
    for place, label in changes.items():
        labels[place] = label
    assert names_columns(record(*labels), FEES) is are_names


def test_a_charge_file_without_optional_columns_is_no_refund_file() -> None:
    """Under a refund's name it would take back each charge that it means to make."""
    labels = ",".join(STUDENT_BILLING.mandatory_names)
    (batch,) = check_refund_file([f"{labels}\nWALLET,T-1,1,MEAL\n".encode()], RULES)
    assert [found.code for found in batch.findings] == [Code.FORMAT_UNEXPECTED]


def test_one_payment_with_another_delimiter_refuses_no_others() -> None:
    """A single row that broke is told as such."""
    [finding] = told_of_payments(FormatName.FEE_PAYMENTS, FEE, FEE.replace(",", ";"))
    assert (finding.code, finding.row) == (Code.MISSING_CELL, 2)


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        # A header that lacks what its format must name is one of that format all the same.
        (["student_id,amount,note", "1,5.00,x"], "student_billing"),
        # Of the rows half are as wide as other payments: of the first that they could be, if any.
        ([f"{FIRST_18},7,ROOF,70"] * 2 + ["x"] * 2, "sundry_payments"),
        ([f"{FIRST_18},D,COLL001,S1"] * 2 + ["x"] * 2, "enrolment_payments"),
        ([f"{FIRST_18},nobody's,x,y"] * 2 + ["x"] * 2, "sundry_payments"),
        ([f"{FIRST_18},7,ROOF,70"] * 2 + ["x"] * 3, None),
    ],
)
def test_a_file_of_another_format_is_told_which_it_is(lines: list[str], named: str | None) -> None:
    """Whoever mixed up two exports renames one of them."""
    findings = told_of_payments(FormatName.FEE_PAYMENTS, *lines)
    unexpected = [found for found in findings if found.code is Code.FORMAT_UNEXPECTED]
    assert len(unexpected) == (named is not None)
    for found in unexpected:
        assert f"look like those of {named}. Send" in found.message


@pytest.mark.parametrize(
    ("last_three", "is_sundry"),
    [
        ("7,ROOF,70", True),
        ("null, Null ,NULL", True),
        (",ROOF,", True),
        (",ROOF,70", False),
        (",,70", False),
        ("x7,ROOF,70", False),
        ("7,ROOFS,70", False),
    ],
)
def test_payments_as_wide_as_others_are_told_by_their_last_fields(
    last_three: str, is_sundry: bool
) -> None:
    """Donors' payments under the name of enrolments are not posted as these."""
    found = told_of_payments(FormatName.ENROLMENT_PAYMENTS, f"{FIRST_18},{last_three}")
    assert (found[0].code is Code.FORMAT_UNEXPECTED) == is_sundry
