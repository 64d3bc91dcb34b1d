"""What the ledger is handed of a good payment: every value in its place, and the payment's key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from ingestd.formats.findings.codes import Code, Finding
from ingestd.formats.names import FormatName
from ingestd.formats.rows.payments import PaymentRow
from tests.judging import PAYMENT_FORMATS, check_payment_file
from tests.verdicts import RULES

FEE = FormatName.FEE_PAYMENTS
SUNDRY = FormatName.SUNDRY_PAYMENTS
ENROLMENT = FormatName.ENROLMENT_PAYMENTS

_FIRST_18 = {
    "payment_time": "2011-07-15 15:45:00",
    "payment_amt": "110.00",
    "merchant_id": "ABCDE371",
    "batch_num": "0042",
    "receipt_num": "657575",
    "received_from": "Gil Guest",
    "address_line_1": "1 Elm St",
    "address_line_2": "Flat 2",
    "address_line_3": "c/o Ann",
    "town": "Springfield",
    "state": "IL",
    "postcode": "62701",
    "country": "USA",
    "comment": "Hall hire",
    "gl_account": "HIRE",
    "nett_amt": "100.01",
    "tax_amt": "9.99",
    "tax_code": "GST",
}
ROWS: Mapping[FormatName, Mapping[str, str]] = {
    FEE: {
        "submit_time": "2007-07-11 08:10:10",
        "trans_amt": "14.50",
        "merchant_id": "M1",
        "batch_num": "5",
        "receipt_num": "R-7",
        "par_code": "COLL001",
        "fee_amt": "12.00",
        "build_amt": "2.50",
        "other_amt": "0.75",
        "discount_amt": "0.75",
    },
    SUNDRY: {**_FIRST_18, "donor_number": "007", "appeal_code": "ROOF", "pledge_number": "70"},
    ENROLMENT: {**_FIRST_18, "receipt_type": "D", "par_code": "COLL001", "student_code": "S1"},
}
LINES = {
    "address_1": "1 Elm St",
    "address_2": "Flat 2",
    "address_3": "c/o Ann",
    "town": "Springfield",
    "state": "IL",
    "postcode": "62701",
    "country": "USA",
}
ADDRESS = "1 Elm St\nFlat 2\nc/o Ann\nSpringfield\nIL\n62701\nUSA"


def read(kind: FormatName, **changes: str) -> tuple[list[PaymentRow], list[Finding]]:
    """Return the rows and findings of a file of one payment."""
    assert not changes.keys() - ROWS[kind].keys()
    line = ",".join((dict(ROWS[kind]) | changes).values())
    batches = list(check_payment_file(kind, [f"{line}\n".encode()], RULES))
    rows = [row for batch in batches for row in batch.rows]
    return rows, [finding for batch in batches for finding in batch.findings]


def one(kind: FormatName, **changes: str) -> PaymentRow:
    [row], findings = read(kind, **changes)
    assert {finding.code for finding in findings} <= {Code.IDENTIFIER_TRIMMED, Code.VALUE_TRIMMED}
    return row


def codes(kind: FormatName, **changes: str) -> list[tuple[Code, str | None]]:
    rows, findings = read(kind, **changes)
    assert len(rows) == (0 if findings else 1)
    return [(finding.code, finding.column) for finding in findings]


def microseconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    instant = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    return int(instant.timestamp()) * 1_000_000


@pytest.mark.parametrize("kind", ROWS)
def test_the_examples_have_a_value_for_every_column(kind: FormatName) -> None:
    """What the tests here say of rows they say of all of them."""
    assert tuple(ROWS[kind]) == PAYMENT_FORMATS[kind].column_names


def test_a_fee_payment_comes_out_whole() -> None:
    """Each amount is booked where it belongs."""
    assert one(FEE)._replace(content_hash=b"") == PaymentRow(
        row=1,
        line=1,
        row_key="fee_payments:M1:R-7",
        content_hash=b"",
        has_receipt=1,
        submitted_at=microseconds(2007, 7, 11, 13, 10, 10),
        amount=1450,
        merchant_id="M1",
        batch_num="5",
        receipt_num="R-7",
        parent_code="COLL001",
        student_id=None,
        payer_name=None,
        address=None,
        address_1=None,
        address_2=None,
        address_3=None,
        town=None,
        state=None,
        postcode=None,
        country=None,
        comment=None,
        gl_account=None,
        tax_code=None,
        receipt_type=None,
        donor_number=None,
        appeal_code=None,
        pledge_number=None,
        fee=1200,
        building=250,
        other=75,
        discount=75,
        tax=0,
    )


def test_a_sundry_payment_comes_out_whole() -> None:
    """A donor's gift is never anybody else's."""
    assert one(SUNDRY)._replace(content_hash=b"") == PaymentRow(
        row=1,
        line=1,
        row_key="sundry_payments:ABCDE371:657575",
        content_hash=b"",
        has_receipt=1,
        submitted_at=microseconds(2011, 7, 15, 20, 45, 0),
        amount=11000,
        merchant_id="ABCDE371",
        batch_num="42",
        receipt_num="657575",
        parent_code=None,
        student_id=None,
        payer_name="Gil Guest",
        address=ADDRESS,
        **LINES,
        comment="Hall hire",
        gl_account="HIRE",
        tax_code="GST",
        receipt_type=None,
        donor_number="7",
        appeal_code="ROOF",
        pledge_number="70",
        fee=10001,
        building=0,
        other=0,
        discount=0,
        tax=999,
    )


def test_an_enrolment_payment_comes_out_whole() -> None:
    """A deposit is the student's, and paid back to the parent."""
    assert one(ENROLMENT)._replace(content_hash=b"") == PaymentRow(
        row=1,
        line=1,
        row_key="enrolment_payments:ABCDE371:657575",
        content_hash=b"",
        has_receipt=1,
        submitted_at=microseconds(2011, 7, 15, 20, 45, 0),
        amount=11000,
        merchant_id="ABCDE371",
        batch_num="42",
        receipt_num="657575",
        parent_code="COLL001",
        student_id="S1",
        payer_name="Gil Guest",
        address=ADDRESS,
        **LINES,
        comment="Hall hire",
        gl_account="HIRE",
        tax_code="GST",
        receipt_type="D",
        donor_number=None,
        appeal_code=None,
        pledge_number=None,
        fee=10001,
        building=0,
        other=0,
        discount=0,
        tax=999,
    )


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        (
            {"address_line_2": "", "address_line_3": "null"},
            ADDRESS.replace("Flat 2\nc/o Ann\n", ""),
        ),
        (dict.fromkeys(list(_FIRST_18)[6:13], ""), None),
        (dict.fromkeys(list(_FIRST_18)[6:13], "") | {"state": "IL"}, "IL"),
    ],
)
def test_an_address_has_the_lines_that_are_filled(
    changes: Mapping[str, str], address: str | None
) -> None:
    """A letter goes to the payer without holes in the address."""
    for kind in (SUNDRY, ENROLMENT):
        row = one(kind, **changes)
        assert row.address == address
        kept = [getattr(row, name) for name in LINES]
        assert "\n".join(line for line in kept if line is not None) == (address or "")


@pytest.mark.parametrize(
    ("merchant", "receipt", "key"),
    [
        ("M1", "R7", "fee_payments:M1:R7"),
        ("M 1", "R 7", "fee_payments:M 1:R 7"),
        ("M:1", "R:7", "fee_payments:M%3A1:R%3A7"),
        ("M/1", "R%7", "fee_payments:M%2F1:R%257"),
        ("é", "é", "fee_payments:%C3%A9:%C3%A9"),
        ("", "R7", "fee_payments::R7"),
        ("null", "R7", "fee_payments::R7"),
    ],
)
def test_a_receipt_number_is_the_whole_key(merchant: str, receipt: str, key: str) -> None:
    """A payment with a receipt is known for ever, whatever else of it changes."""
    row = one(FEE, merchant_id=merchant, receipt_num=receipt)
    assert (row.row_key, row.has_receipt) == (key, 1)
    other = one(FEE, merchant_id=merchant, receipt_num=receipt, batch_num="6", par_code="P2")
    assert (other.row_key == key, other.content_hash == row.content_hash) == (True, False)


@pytest.mark.parametrize("receipt", ["", "null", "0", "0.00"])
def test_without_a_receipt_the_content_is_the_key(receipt: str) -> None:
    """Two payments that differ in a cent are two, and the same one twice is counted."""
    row = one(FEE, receipt_num=receipt)
    assert (row.receipt_num, row.has_receipt) == (None, 0)
    assert row.row_key == f"fee_payments:M1::5:{row.content_hash.hex()}:1"
    other = one(FEE, receipt_num=receipt, batch_num="6")
    assert other.row_key == f"fee_payments:M1::6:{other.content_hash.hex()}:1"
    assert other.content_hash != row.content_hash


@pytest.mark.parametrize("kind", ROWS)
def test_the_content_of_a_payment_is_the_same_in_every_release(kind: FormatName) -> None:
    """Payments without a receipt that are sent again would else be booked again."""
    known = {
        FEE: "4055f7c621d8865282399dd95d4ae17c",
        SUNDRY: "ff81724229367201fd85f6e96ba8521f",
        ENROLMENT: "b9076f5514b5cc99b46a95cf9e073279",
    }
    assert one(kind).content_hash.hex() == known[kind]


def test_the_content_of_a_payment_with_gaps_is_the_same_in_every_file() -> None:
    """What is absent from one row stands in the next, and neither changes the other."""
    gaps = one(FEE, merchant_id="", receipt_num="")
    assert gaps.row_key == "fee_payments:::5:b759ede07f8cc1fdb165321efe186bbc:1"
    lines = [",".join((dict(ROWS[FEE]) | {"merchant_id": m}).values()) for m in ("", "M1")]
    lines.append(",".join((dict(ROWS[FEE]) | {"merchant_id": "", "receipt_num": ""}).values()))
    [batch] = check_payment_file(FEE, ["\n".join([*lines, ""]).encode()], RULES)
    assert [row.content_hash for row in batch.rows] == [
        one(FEE, merchant_id="").content_hash,
        one(FEE).content_hash,
        gaps.content_hash,
    ]


@pytest.mark.parametrize("kind", ROWS)
def test_every_column_is_part_of_the_content(kind: FormatName) -> None:
    """What a provider corrects is seen to be another payment."""
    changes = {
        "trans_amt": {"trans_amt": "15.50", "fee_amt": "13.00"},
        "fee_amt": {"fee_amt": "13.00", "build_amt": "1.50"},
        "build_amt": {"build_amt": "2.75", "other_amt": "0.50"},
        "other_amt": {"other_amt": "0.80", "discount_amt": "0.80"},
        "discount_amt": {"discount_amt": "0.70", "trans_amt": "14.55"},
        "payment_amt": {"payment_amt": "111.00", "nett_amt": "101.01"},
        "nett_amt": {"nett_amt": "100.00", "tax_amt": "10.00"},
        "tax_amt": {"tax_amt": "8.99", "payment_amt": "109.00"},
        "submit_time": {"submit_time": "2007-07-11 08:10:11"},
        "payment_time": {"payment_time": "2011-07-15"},
        "receipt_type": {"receipt_type": "A"},
    }
    hashes = {one(kind).content_hash}
    for name in ROWS[kind]:
        hashes.add(one(kind, **changes.get(name, {name: "8"})).content_hash)
    assert len(hashes) == 1 + len(ROWS[kind])


@pytest.mark.parametrize("name", [*list(_FIRST_18)[6:13], "merchant_id", "receipt_num"])
def test_what_is_absent_is_the_same_however_that_is_written(name: str) -> None:
    """A provider that begins to write null where it left a field empty changes nothing."""
    assert one(SUNDRY, **{name: ""}).content_hash == one(SUNDRY, **{name: "NULL"}).content_hash
    assert one(SUNDRY, **{name: ""}).content_hash != one(SUNDRY).content_hash


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"trans_amt": "14.51"}, [(Code.SUM_MISMATCH, "trans_amt")]),
        ({"other_amt": "0.76"}, [(Code.SUM_MISMATCH, "trans_amt")]),
        ({"build_amt": "2.51"}, [(Code.SUM_MISMATCH, "trans_amt")]),
        ({"discount_amt": "12.00", "trans_amt": "3.25"}, []),
        (
            {"discount_amt": "12.01", "trans_amt": "3.24"},
            [(Code.DISCOUNT_TOO_LARGE, "discount_amt")],
        ),
        (
            {"discount_amt": "12.01"},
            [(Code.SUM_MISMATCH, "trans_amt"), (Code.DISCOUNT_TOO_LARGE, "discount_amt")],
        ),
        (
            {"trans_amt": "0", "build_amt": "0", "other_amt": "0", "discount_amt": "12.00"},
            [(Code.AMOUNT_NOT_POSITIVE, "trans_amt")],
        ),
        ({"trans_amt": "0"}, [(Code.SUM_MISMATCH, "trans_amt")]),
        (
            {"trans_amt": "0.01", "build_amt": "0.01", "other_amt": "0", "discount_amt": "12.00"},
            [],
        ),
    ],
)
def test_the_amounts_of_a_fee_payment_add_up(
    changes: Mapping[str, str], wrong: list[tuple[Code, str]]
) -> None:
    """A sum that is wrong by a cent is somebody's cent."""
    assert codes(FEE, **changes) == wrong


@pytest.mark.parametrize("kind", [SUNDRY, ENROLMENT])
@pytest.mark.parametrize("changes", [{"payment_amt": "110.01"}, {"tax_amt": "10.00"}])
def test_the_amounts_of_other_payments_add_up(kind: FormatName, changes: Mapping[str, str]) -> None:
    """Tax is never taken for income."""
    assert codes(kind, **changes) == [(Code.SUM_MISMATCH, "payment_amt")]
    assert codes(kind, nett_amt="110.00", tax_amt="0") == []


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"donor_number": ""}, [(Code.PLEDGE_WITHOUT_DONOR, "pledge_number")]),
        ({"donor_number": "", "pledge_number": ""}, []),
        ({"donor_number": "", "appeal_code": "", "pledge_number": "null"}, []),
        ({"pledge_number": ""}, []),
        (
            {"donor_number": "", "tax_amt": "1"},
            [(Code.SUM_MISMATCH, "payment_amt"), (Code.PLEDGE_WITHOUT_DONOR, "pledge_number")],
        ),
    ],
)
def test_a_pledge_is_a_donor_s(changes: Mapping[str, str], wrong: list[tuple[Code, str]]) -> None:
    """What nobody promised cannot be fulfilled."""
    assert codes(SUNDRY, **changes) == wrong


def test_of_a_row_with_a_bad_field_no_sum_is_told() -> None:
    """Of two findings on one slip the second would only lead astray."""
    assert codes(FEE, fee_amt="x") == [(Code.AMOUNT_INVALID, "fee_amt")]
    assert codes(SUNDRY, donor_number="x") == [(Code.NUMBER_INVALID, "donor_number")]


def test_a_sum_is_judged_in_its_own_row() -> None:
    """One bad row among good ones is the one that is named."""
    good = ",".join(ROWS[FEE].values())
    lines = [good, good.replace("14.50", "14.51"), good.replace("M1", "\tM1"), good]
    [batch] = check_payment_file(FEE, ["".join(f"{line}\n" for line in lines).encode()], RULES)
    assert [row.row for row in batch.rows] == [1, 4]
    assert [(finding.code, finding.row) for finding in batch.findings] == [
        (Code.SUM_MISMATCH, 2),
        (Code.IDENTIFIER_CHARACTER, 3),
    ]
    assert batch.rejected == [(2, 2), (3, 3)]
