"""Catalog files: which rows are taken, and what is said of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ingestd.formats.findings.codes import Code, Finding
from ingestd.formats.kinds.catalog import CATALOG_FORMATS, CatalogKind
from ingestd.formats.rows.checking import Value
from ingestd.formats.rules import FileRules, LastRow
from tests.judging import check_catalog_file

RULES = FileRules(
    timezone=ZoneInfo("America/Chicago"), decimals=2, now=datetime(2026, 9, 15, 12, tzinfo=UTC)
)


@dataclass
class Reading:
    """All batches of a file in one; each row has the columns that the file has."""

    rows: list[dict[str, Value]]
    findings: list[Finding]
    records: int
    rejected: list[tuple[int, int]]
    rejected_keys: list[str]
    is_refused: bool


def read(kind: CatalogKind, text: str, rules: FileRules = RULES) -> Reading:
    batches = list(check_catalog_file(kind, [text.encode()], rules))
    names = CATALOG_FORMATS[kind].file.column_names
    return Reading(
        rows=[
            {
                name: value
                for name, value in zip(names, row.values, strict=True)
                if name in row.given
            }
            for batch in batches
            for row in batch.rows
        ],
        findings=[finding for batch in batches for finding in batch.findings],
        records=sum(batch.records for batch in batches),
        rejected=[place for batch in batches for place in batch.rejected],
        rejected_keys=[key for batch in batches for key in batch.rejected_keys],
        is_refused=any(batch.is_refused for batch in batches),
    )


def codes(reading: Reading) -> list[tuple[Code, int | None, str | None]]:
    return [(finding.code, finding.row, finding.column) for finding in reading.findings]


def test_products_are_read_into_minor_units_and_flags() -> None:
    """A price is money: it must never pass through a float."""
    reading = read(
        CatalogKind.PRODUCTS,
        "billing_code,name,price,valid_from,repayment,sort,installments,gl_account,vendor,"
        "first_instalment\nPROM,Prom,80.5,2026-01-01,Direct,3,YES,4-100,Hall & Co,20\n",
    )

    assert reading.findings == []
    assert reading.rows == [
        {
            "billing_code": "PROM",
            "name": "Prom",
            "price": 8050,
            "valid_from": "2026-01-01",
            "repayment": "direct",
            "sort": 3,
            "installments": 1,
            "gl_account": "4-100",
            "vendor": "Hall & Co",
            "first_instalment": 2000,
        }
    ]


def test_only_the_key_is_mandatory() -> None:
    """A student information system may export no more than identifiers."""
    reading = read(CatalogKind.STUDENTS, "Student ID\n000123\n")

    assert reading.rows == [{"student_id": "000123"}]


def test_empty_fields_are_absent() -> None:
    """An empty price means "no price", not zero."""
    reading = read(CatalogKind.PRODUCTS, "billing_code,price,valid_from\nBOOK,,\n")

    assert reading.rows == [{"billing_code": "BOOK", "price": None, "valid_from": None}]


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("price", "1,50", Code.AMOUNT_INVALID),
        ("price", "-1.00", Code.AMOUNT_NEGATIVE),
        ("valid_from", "1/9/2026", Code.DATE_INVALID),
        ("valid_from", "2026-02-30", Code.DATE_INVALID),
        ("valid_from", "20260901", Code.DATE_INVALID),
        ("repayment", "sometimes", Code.CHOICE_INVALID),
        ("sort", "1.5", Code.NUMBER_INVALID),
        ("sort", "٣", Code.NUMBER_INVALID),
        ("installments", "true", Code.CHOICE_INVALID),
        ("gl_account", "1.23457E+15", Code.CHANGED_BY_SPREADSHEET),
        ("vendor", "x" * 65, Code.VALUE_TOO_LONG),
        ("first_instalment", "1,50", Code.AMOUNT_INVALID),
        ("first_instalment", "-1.00", Code.AMOUNT_NEGATIVE),
    ],
)
def test_a_bad_field_rejects_its_row_alone(column: str, value: str, code: Code) -> None:
    """One bad price must not keep the other products out."""
    reading = read(CatalogKind.PRODUCTS, f'billing_code,{column}\nBAD,"{value}"\nGOOD,\n')

    assert codes(reading) == [(code, 2, column)]
    assert [row["billing_code"] for row in reading.rows] == ["GOOD"]
    assert (reading.records, reading.rejected) == (2, [(2, 2)])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.FILE_EMPTY),
        ("name,price\nBook,1.00\n", Code.MISSING_LABEL),
        ("billing_code;name;price\nA;Book;1.00\n", Code.DELIMITER_UNEXPECTED),
        ('billing_code,name\nA,"Book\n', Code.QUOTE_UNCLOSED),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(text: str, code: Code) -> None:
    """Half a catalog would reject the other half's charges."""
    reading = read(CatalogKind.PRODUCTS, text)

    assert reading.is_refused
    assert reading.rows == []
    assert code in {finding.code for finding in reading.findings}


def test_a_row_of_another_shape_is_rejected_and_counted() -> None:
    """A name with a comma and no quotes moves every field behind it."""
    reading = read(
        CatalogKind.PARENTS, "parent_code,name,email\nP1,Ann, Lee,a@example.org\nP2,Bo,\n"
    )

    assert codes(reading) == [(Code.EXTRA_CELL, 2, None)]
    assert (reading.records, len(reading.rows), reading.rejected) == (2, 1, [(2, 2)])


def test_a_last_row_without_a_line_end_is_rejected_unless_the_account_accepts_it() -> None:
    """A family code that was cut off on its way would bill another family."""
    text = "student_id,parent_code\n1,P12\n2,P1"
    assert codes(read(CatalogKind.STUDENTS, text)) == [(Code.LAST_ROW_UNTERMINATED, 3, None)]

    rules = replace(RULES, last_row_without_newline=LastRow.ACCEPT)
    assert [row["student_id"] for row in read(CatalogKind.STUDENTS, text, rules).rows] == ["1", "2"]


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("1,Ann,P1,gone", ["1"]),
        (" 1 ,Ann,P1,gone", ["1"]),
        ("1,Ann, Lee,P1,enrolled", ["1"]),
        ("1,Ann", ["1"]),
        ("1,Ann,1.23457E+15,enrolled", ["1"]),
        ("1.23457E+15,Ann,P1,enrolled", []),
        (",Ann,P1,enrolled", []),
    ],
)
def test_a_rejected_row_tells_whom_it_is_about_where_it_can(row: str, named: list[str]) -> None:
    """A slip in a student's status must not make it look as if the student had left."""
    text = f"student_id,name,parent_code,status\n{row}\n2,Bo,,\n"
    reading = read(CatalogKind.STUDENTS, text)
    assert (reading.rejected, reading.rejected_keys) == ([(2, 2)], named)


@pytest.mark.parametrize(("row", "named"), [("Ann", []), ("Ann,1,x", ["1"])])
def test_a_row_of_another_shape_tells_whom_it_is_about_where_that_stands(
    row: str, named: list[str]
) -> None:
    """A row that ends before its key names nobody, and stops nothing."""
    reading = read(CatalogKind.STUDENTS, f"name,student_id\n{row}\nBo,2\n")
    assert (reading.rejected, reading.rejected_keys) == ([(2, 2)], named)
    assert [fields["student_id"] for fields in reading.rows] == ["2"]


def test_a_long_roster_comes_in_batches() -> None:
    """The memory that a file takes does not grow with the district."""
    text = "student_id\n" + "".join(f"{number}\n" for number in range(25_000))
    batches = list(check_catalog_file(CatalogKind.STUDENTS, [text.encode()], RULES))
    assert len(batches) > 1
    assert max(batch.records for batch in batches) < 25_000
    assert sum(len(batch.rows) for batch in batches) == 25_000


@pytest.mark.parametrize("header", ["student_id,name", '"Student ID",NAME', "student_id"])
def test_a_header_in_the_middle_is_no_student(header: str) -> None:
    """Two exports joined into one file do not enrol a child called "name"."""
    fields = ",x" if "," in header else ""
    rows = (f"S1{fields}", f"S2{fields}", header, f"S3{fields}")
    reading = read(CatalogKind.STUDENTS, "\n".join((header, *rows)) + "\n")
    assert [row["student_id"] for row in reading.rows] == ["S1", "S2", "S3"]
    assert codes(reading) == [(Code.HEADER_REPEATED, 4, None)]
    assert (reading.records, reading.rejected) == (4, [(4, 4)])


def test_a_file_with_two_headers_of_one_column_is_refused() -> None:
    """Of two headers one is a title, and which one only the sender knows."""
    reading = read(CatalogKind.STUDENTS, "student_id\nstudent_id\nS1\n")
    assert (reading.is_refused, codes(reading)) == (True, [(Code.HEADER_REPEATED, 2, None)])
