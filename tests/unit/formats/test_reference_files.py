"""Catalog files that payment files refer to: general ledger, tax codes, merchants, donors."""

from __future__ import annotations

import pytest

from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.pledges import Pledge, read_pledge
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.names import format_of
from ingestd.formats.rows.checking import Value
from tests.unit.formats.test_catalog_files import codes, read

KIND_AND_KEY = [
    (CatalogKind.GL_ACCOUNTS, "gl_account"),
    (CatalogKind.TAX_CODES, "tax_code"),
    (CatalogKind.MERCHANTS, "merchant_id"),
    (CatalogKind.DONORS, "donor_number"),
]


def one(kind: CatalogKind, column: str, value: str) -> list[Value]:
    """Return what one column of the rows of a file with one value for it holds."""
    key = dict(KIND_AND_KEY)[kind]
    header, row = (key, value) if column == key else (f"{key},{column}", f'1,"{value}"')
    return [fields[column] for fields in read(kind, f"{header}\n{row}\n").rows]


@pytest.mark.parametrize(
    ("kind", "text", "row"),
    [
        (
            CatalogKind.GL_ACCOUNTS,
            "gl_account,name,status,requires_donor,requires_appeal\n4-80,Fund,Closed,YES,no\n",
            {
                "gl_account": "4-80",
                "name": "Fund",
                "status": "closed",
                "requires_donor": 1,
                "requires_appeal": 0,
            },
        ),
        (CatalogKind.TAX_CODES, "tax_code,name\nGST,Tax\n", {"tax_code": "GST", "name": "Tax"}),
        (
            CatalogKind.MERCHANTS,
            "merchant_id,description,settle,other_gl_account\nABCDE371,Shop,on_import,4-80\n",
            {
                "merchant_id": "ABCDE371",
                "description": "Shop",
                "settle": "on_import",
                "other_gl_account": "4-80",
            },
        ),
        (
            CatalogKind.DONORS,
            "donor_number,name,pledges,appeals\n0042,Dora,1007=200.5;0012,LIBR;GYM\n",
            {
                "donor_number": "42",
                "name": "Dora",
                "pledges": "1007=20050;12",
                "appeals": "LIBR;GYM",
            },
        ),
    ],
)
def test_every_column_is_read(kind: CatalogKind, text: str, row: dict[str, Value]) -> None:
    """A school sets up what its payment files will name, before the first of them comes."""
    reading = read(kind, text)
    assert (reading.findings, reading.rows) == ([], [row])


@pytest.mark.parametrize(("kind", "key"), KIND_AND_KEY)
def test_the_key_alone_makes_a_row(kind: CatalogKind, key: str) -> None:
    """A list of codes is enough to begin with."""
    assert read(kind, f"{key}\n7\n").rows == [{key: "7"}]


@pytest.mark.parametrize(
    ("kind", "column", "length_max"),
    [
        (CatalogKind.GL_ACCOUNTS, "gl_account", 18),
        (CatalogKind.TAX_CODES, "tax_code", 3),
        (CatalogKind.MERCHANTS, "merchant_id", 18),
        (CatalogKind.MERCHANTS, "other_gl_account", 18),
        (CatalogKind.DONORS, "appeals", 4),
    ],
)
def test_what_no_payment_file_could_name_is_refused(
    kind: CatalogKind, column: str, length_max: int
) -> None:
    """A code that does not fit into a payment's field would never be found."""
    longest = "é" * length_max
    assert one(kind, column, longest) == [longest]
    assert one(kind, column, longest + "x") == []


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("42", "42"),
        ("0042", "42"),
        (" 7 ", "7"),
        ("000", "0"),
        ("000123456789012345678", "123456789012345678"),
    ],
)
def test_numbers_are_the_same_with_and_without_leading_zeros(written: str, number: str) -> None:
    """One system exports donor 42 as 0042, and both mean the same person."""
    assert one(CatalogKind.DONORS, "donor_number", written) == [number]
    assert one(CatalogKind.DONORS, "pledges", written) == [number]


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("D42", Code.NUMBER_INVALID),
        ("-1", Code.NUMBER_INVALID),
        ("4.0", Code.NUMBER_INVALID),
        ("٤٢", Code.NUMBER_INVALID),
        ("\t42", Code.NUMBER_INVALID),
        ("X42X", Code.NUMBER_INVALID),
        ("²", Code.NUMBER_INVALID),
        ("1234567890123456789", Code.NUMBER_INVALID),
        ("1.23457E+15", Code.CHANGED_BY_SPREADSHEET),
        ("", Code.VALUE_MISSING),
    ],
)
def test_a_number_is_digits_alone(written: str, code: Code) -> None:
    """A number that is no number would be somebody else's, or nobody's."""
    reading = read(CatalogKind.DONORS, f"donor_number,name\n{written},Dora\n")
    assert codes(reading) == [(code, 2, "donor_number")]


@pytest.mark.parametrize(
    ("kind", "column", "value"),
    [
        (CatalogKind.MERCHANTS, "merchant_id", "null"),
        (CatalogKind.MERCHANTS, "merchant_id", "NULL"),
        (CatalogKind.MERCHANTS, "merchant_id", " Null "),
        (CatalogKind.MERCHANTS, "merchant_id", "0"),
        (CatalogKind.MERCHANTS, "merchant_id", "0000"),
        (CatalogKind.MERCHANTS, "merchant_id", "0.00"),
        (CatalogKind.MERCHANTS, "other_gl_account", "null"),
        (CatalogKind.GL_ACCOUNTS, "gl_account", "null"),
        (CatalogKind.DONORS, "appeals", "GYM;null"),
    ],
)
def test_what_payment_files_write_for_nothing_is_nobodys_key(
    kind: CatalogKind, column: str, value: str
) -> None:
    """A merchant called null would get every payment that names none."""
    key = dict(KIND_AND_KEY)[kind]
    header, row = (key, value) if column == key else (f"{key},{column}", f"1,{value}")
    found = codes(read(kind, f"{header}\n{row}\n"))
    trimmed = [(Code.IDENTIFIER_TRIMMED, 2, column)] if value != value.strip(" ") else []
    assert found == [*trimmed, (Code.KEY_RESERVED, 2, column)]


def test_a_tab_beside_a_word_for_nothing_is_told_as_the_tab() -> None:
    """Nobody sees it: who reads "null is reserved" would look for another mistake."""
    reading = read(CatalogKind.MERCHANTS, "merchant_id\n\tnull\n")
    assert codes(reading) == [(Code.IDENTIFIER_CHARACTER, 2, "merchant_id")]
    assert "U+0009 (a control character)" in reading.findings[0].message


def test_zero_is_a_code_like_any_other_where_no_payment_file_means_nothing_by_it() -> None:
    """Only fee payments write zeros as a place holder, and they name no such code."""
    assert one(CatalogKind.GL_ACCOUNTS, "gl_account", "0") == ["0"]
    assert one(CatalogKind.MERCHANTS, "merchant_id", "007") == ["007"]
    assert one(CatalogKind.MERCHANTS, "merchant_id", "null-1") == ["null-1"]
    assert one(CatalogKind.MERCHANTS, "merchant_id", "X0X") == ["X0X"]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("1007;1012", "1007;1012"),
        (" 1007 ; 1012 ;", "1007;1012"),
        ("1012;1007;01012", "1012;1007"),
        (";", ""),
        ("", None),
    ],
)
def test_a_list_holds_each_value_once(written: str, values: str | None) -> None:
    """Lists are joined by export scripts, which leave spaces and empty places."""
    assert one(CatalogKind.DONORS, "pledges", written) == [values]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("1007=200.00", "1007=20000"),
        (" 01007 = 0.01 ;1008", "1007=1;1008"),
        ("7=1;7=1.00", "7=100"),
        ("7=9999999999.99", "7=999999999999"),
    ],
)
def test_a_pledge_may_say_its_sum(written: str, values: str) -> None:
    """What was promised is held against what came."""
    assert one(CatalogKind.DONORS, "pledges", written) == [values]


def test_a_pledge_is_read_as_its_list_has_it() -> None:
    """A sum of none is not a sum of nothing."""
    assert read_pledge("1007=20000") == Pledge(number="1007", promised=20_000)
    assert read_pledge("1007") == Pledge(number="1007", promised=None)


@pytest.mark.parametrize(
    ("written", "code", "said"),
    [
        ("7=", Code.AMOUNT_INVALID, "Write the sum that was promised"),
        ("7=1,50", Code.AMOUNT_INVALID, "two decimals"),
        ("7=1.005", Code.AMOUNT_INVALID, "two decimals"),
        ("7=x", Code.AMOUNT_INVALID, "two decimals"),
        ("7=X5.00X", Code.AMOUNT_INVALID, "two decimals"),
        ("7=\t5.00", Code.AMOUNT_INVALID, "two decimals"),
        ("7=1=2", Code.AMOUNT_INVALID, "two decimals"),
        ("7=0.00", Code.AMOUNT_NOT_POSITIVE, "more than nothing"),
        ("7=-5.00", Code.AMOUNT_NOT_POSITIVE, "more than nothing"),
        ("7=10000000000.00", Code.AMOUNT_TOO_LARGE, "10 digits"),
        ("=5.00", Code.NUMBER_INVALID, "Write the number of the pledge before its sum"),
        ("X=5.00", Code.NUMBER_INVALID, "Write a whole number"),
        ("\t=5.00", Code.NUMBER_INVALID, "Write a whole number"),
        ("7;7=5.00", Code.KEY_REPEATED, "“7” stands here twice"),
        ("7=5.00;8;07=6.00", Code.KEY_REPEATED, "“7” stands here twice"),
    ],
)
def test_a_pledge_whose_sum_nobody_can_tell_is_refused(written: str, code: Code, said: str) -> None:
    """A donor is never told of a sum that was not promised, and a school what to write instead."""
    reading = read(CatalogKind.DONORS, f'donor_number,pledges\n42,"{written}"\n')
    assert codes(reading) == [(code, 2, "pledges")]
    assert said in reading.findings[0].message
    assert reading.rejected == [(2, 2)]


def test_a_bad_value_in_a_list_is_named() -> None:
    """In a list of forty, nobody wants to search for the one that is wrong."""
    reading = read(CatalogKind.DONORS, "donor_number,pledges\n42,1007;10I2;1013\n")
    assert codes(reading) == [(Code.NUMBER_INVALID, 2, "pledges")]
    assert reading.findings[0].message.startswith("“10I2”: ")
    assert reading.rejected == [(2, 2)]


@pytest.mark.parametrize("written", ["XGY;YGX", " XX ; X"])
def test_only_spaces_around_the_values_of_a_list_mean_nothing(written: str) -> None:
    """A letter that is cut off makes another appeal of it."""
    assert one(CatalogKind.DONORS, "appeals", written) == [written.replace(" ", "")]
    assert one(CatalogKind.DONORS, "appeals", "GYM;\tLIB") == []


def test_a_list_has_an_end() -> None:
    """A file of endless lists must not take all the memory there is."""
    assert one(CatalogKind.DONORS, "appeals", "A;" * 2000) == ["A"]
    reading = read(CatalogKind.DONORS, f"donor_number,appeals\n1,{'A;' * 2001}\n")
    assert codes(reading) == [(Code.VALUE_TOO_LONG, 2, "appeals")]
    assert "4000" in reading.findings[0].message


@pytest.mark.parametrize("column", ["requires_donor", "requires_appeal"])
def test_yes_and_no_are_the_words_as_in_every_catalog(column: str) -> None:
    """One word for one thing, in all files of a school."""
    assert one(CatalogKind.GL_ACCOUNTS, column, "yes") == [1]
    assert one(CatalogKind.GL_ACCOUNTS, column, "true") == []


@pytest.mark.parametrize(("kind", "_key"), KIND_AND_KEY)
def test_they_are_imported_by_hand_alone(kind: CatalogKind, _key: str) -> None:
    """Whoever may upload charges never says which merchant settles at once."""
    assert format_of(f"{kind}.csv", takes_catalogs=True) is None
