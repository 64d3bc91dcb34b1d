"""Catalog files: which rows are taken, and what is said of the others."""

from __future__ import annotations

import pytest

from ingestd.formats.catalog import CatalogKind, CatalogReading, CatalogRules, check_catalog_file
from ingestd.formats.findings import Code

RULES = CatalogRules(decimals=2, reserved=frozenset({"ANONYMOUS"}))


def read(kind: CatalogKind, text: str) -> CatalogReading:
    return check_catalog_file(kind, [text.encode()], RULES)


def codes(reading: CatalogReading) -> list[tuple[Code, int | None, str | None]]:
    return [(finding.code, finding.row, finding.column) for finding in reading.findings]


def test_products_are_read_into_minor_units_and_flags() -> None:
    """A price is money: it must never pass through a float."""
    reading = read(
        CatalogKind.PRODUCTS,
        "billing_code,name,price,valid_from,repayment,sort,installments,gl_account\n"
        "PROM,Prom,80.5,2026-01-01,Direct,3,YES,4-100\n",
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
        }
    ]


def test_only_the_key_is_mandatory() -> None:
    """A student information system may export no more than identifiers."""
    reading = read(CatalogKind.STUDENTS, "Student ID\n000123\n")

    assert reading.rows == [{"student_id": "000123"}]
    assert reading.present == {"student_id"}


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
    ],
)
def test_a_bad_field_rejects_its_row_alone(column: str, value: str, code: Code) -> None:
    """One bad price must not keep the other products out."""
    reading = read(CatalogKind.PRODUCTS, f'billing_code,{column}\nBAD,"{value}"\nGOOD,\n')

    assert codes(reading) == [(code, 2, column)]
    assert [row["billing_code"] for row in reading.rows] == ["GOOD"]
    assert (reading.records, reading.rejected) == (2, [(2, 2)])


def test_a_repeated_key_is_told_with_the_row_that_has_it_first() -> None:
    """Two prices for one day: nobody but the district knows which is meant."""
    reading = read(
        CatalogKind.PRODUCTS,
        "billing_code,price,valid_from\nA,1.00,2026-01-01\nA,2.00,2026-01-01\nA,3.00,2026-06-01\n",
    )

    assert codes(reading) == [(Code.KEY_REPEATED, 3, "billing_code")]
    assert "Row 2" in reading.findings[0].message
    assert [row["price"] for row in reading.rows] == [100, 300]


def test_the_reserved_student_is_refused() -> None:
    """ANONYMOUS is the party of cash sales; a pupil of that name would get them all."""
    reading = read(CatalogKind.STUDENTS, "student_id,name\nANONYMOUS,Nobody\n")

    assert codes(reading) == [(Code.KEY_RESERVED, 2, "student_id")]


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
