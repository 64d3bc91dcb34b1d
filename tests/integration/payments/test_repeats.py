"""Payment files that come again: the same, in another order, after settling, with other content."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.access.accounts import FilePolicy
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.intake.answering.dry_run import check_file
from ingestd.values.errors import LedgerRefusal, UsageError
from tests.integration.payments.conftest import (
    ENROLMENT,
    FEES,
    SAMPLE,
    SUNDRY,
    PaymentOffice,
    counts,
    enrolment_row,
    fee_row,
    sundry_row,
)

WITHOUT_RECEIPT = (
    fee_row(),
    fee_row(),
    fee_row(fee="1.00"),
    fee_row(merchant="null", fee="2.00"),
    fee_row(batch="8"),
)
_TABLES = ("payment", "payment_part", "payment_event", "posting", "charge", "allocation", "party")
_DIFFERS = ("upload_id", "received_at", "finished_at")


def test_a_file_that_comes_again_posts_nothing(office: PaymentOffice) -> None:
    """A provider that lost the reply sends again, in whatever order, before or after settling."""
    families = {"COLL001", "COTT001", "DAVE001", "DAVE002"}
    assert counts(office.send(FEES, *SAMPLE)) == (4, 0, 0, 0)
    assert {row[0] for row in office.rows("SELECT party_code FROM party")} == families
    before = office.books.dump(*_TABLES)
    assert counts(office.send(FEES, *SAMPLE)) == (0, 4, 0, 0)
    assert counts(office.send(FEES, "a,b,c,d,e,f,g,h,i,j", *reversed(SAMPLE))) == (0, 4, 0, 0)
    assert office.books.dump(*_TABLES) == before
    office.settle_batch("20070711", "3500.00")
    before = office.books.dump(*_TABLES)
    again = office.send(FEES, *SAMPLE)
    assert counts(again) == (0, 4, 0, 0)
    assert office.books.dump(*_TABLES) == before
    receipt = office.receipt(again)
    assert (receipt["status"], receipt["findings"], receipt["batches"]) == ("processed", [], [])


@pytest.mark.parametrize("policy", list(FilePolicy))
def test_what_was_applied_stays_a_duplicate_whatever_the_catalog_says_later(
    office: PaymentOffice, policy: FilePolicy
) -> None:
    """An account that is closed by now does not make a provider's second copy a bad file."""
    office.books = office.books.under(file=policy)
    sundry = (sundry_row("R1"), sundry_row("R2", donor="7", pledge="70"))
    enrolled = enrolment_row("E1", student="S1")
    assert counts(office.send(SUNDRY, *sundry)) == (2, 0, 0, 0)
    assert counts(office.send(ENROLMENT, enrolled)) == (1, 0, 0, 0)
    office.books.load(CatalogKind.GL_ACCOUNTS, [{"gl_account": "HIRE", "status": "closed"}])
    office.books.load(CatalogKind.STUDENTS, [{"student_id": "S1", "status": "cancelled"}])
    donor = {"donor_number": "7", "name": "Dora", "pledges": None, "appeals": None}
    office.books.load(CatalogKind.DONORS, [donor])
    assert counts(office.send(SUNDRY, *sundry)) == (0, 2, 0, 0)
    assert counts(office.send(ENROLMENT, enrolled)) == (0, 1, 0, 0)
    assert counts(office.send(SUNDRY, sundry_row("R3"))) == (0, 0, 0, 1)


def test_rows_without_a_receipt_number_are_known_by_their_batch_and_count(
    office: PaymentOffice,
) -> None:
    """Two children's lunches of one minute cost the same, and are two payments all the same."""
    assert counts(office.send(FEES, *WITHOUT_RECEIPT)) == (5, 0, 0, 0)
    assert counts(office.send(FEES, *reversed(WITHOUT_RECEIPT))) == (0, 5, 0, 0)
    third = (fee_row(), *WITHOUT_RECEIPT, fee_row(at="2026-03-05 10:00:01"))
    assert counts(office.send(FEES, *third)) == (2, 5, 0, 0)
    office.settle_batch("7")
    assert counts(office.send(FEES, *WITHOUT_RECEIPT)) == (0, 5, 0, 0)


def test_a_zero_or_null_stands_for_no_receipt_number(office: PaymentOffice) -> None:
    """A provider that fills its placeholders with zeros does not give all payments one key."""
    rows = [fee_row(receipt) for receipt in ("0", "0000", "null", "NULL", "")]
    assert counts(office.send(FEES, *rows)) == (5, 0, 0, 0)
    assert {row[0] for row in office.rows("SELECT receipt_num FROM payment")} == {None}


def test_the_same_receipt_number_with_other_content_is_a_conflict(office: PaymentOffice) -> None:
    """What was booked stays; the provider is told which upload and row came first."""
    first = office.send(FEES, fee_row("R1"), fee_row("R2"))
    again = office.send(FEES, fee_row("R1", fee="90.00"), fee_row("R3"), fee_row("R3", fee="1.00"))
    assert counts(again) == (1, 0, 2, 0)
    assert office.codes(again) == [(1, "conflict", "receipt_num"), (3, "conflict", "receipt_num")]
    findings = office.receipt(again)["findings"]
    assert f"(upload {first.upload_id}, row 1)" in findings[0]["message"]
    assert "Row 2 of this file" in findings[1]["message"]
    assert [finding["value"] for finding in findings] == ["R1", "R3"]
    # The same number of another merchant, or in another format, is another payment.
    assert counts(office.send(FEES, fee_row("R1", merchant="NOW"))) == (1, 0, 0, 0)
    assert counts(office.send(SUNDRY, sundry_row("R1"))) == (1, 0, 0, 0)


def test_the_csv_receipt_says_where_a_payment_was_applied_first(office: PaymentOffice) -> None:
    """Whoever asks about a payment finds the upload that brought it."""
    first = office.send(FEES, fee_row("R1"), fee_row("R2"))
    again = office.send(FEES, fee_row("R2"), fee_row("R2"), fee_row("R4"), fee_row("R4"))
    assert counts(again) == (1, 3, 0, 0)
    header, *lines = office.table_of(again).splitlines()
    assert header.startswith("row,line,receipt_num,par_code,outcome,column,code")
    assert [line.split(",")[:7] for line in lines] == [
        ["4", "4", "R4", "COLL001", "duplicate", "receipt_num", "duplicate_in_file"],
        ["", "", "", "", "duplicate", "", "duplicate"],
    ]
    assert f"upload {first.upload_id} (fee_payments.csv) had applied: 2." in lines[1]


def test_a_new_row_for_a_settled_batch_is_rejected(office: PaymentOffice) -> None:
    """What the bank confirmed does not grow afterwards; what it held stays known."""
    office.send(FEES, fee_row("R1"), fee_row("R9", batch="9"), fee_row("R8", merchant="NOW"))
    office.settle_batch("7")
    late = office.send(FEES, fee_row("R1"), fee_row("R2"), fee_row("R1", fee="1.00"))
    assert counts(late) == (0, 1, 1, 1)
    assert office.codes(late) == [
        (2, "batch_settled", "batch_num"),
        (3, "conflict", "receipt_num"),
    ]
    # Batches are the merchant's own, and the same in all of its files.
    assert counts(office.send(FEES, fee_row("R2", batch="9"))) == (1, 0, 0, 0)
    assert counts(office.send(FEES, fee_row("R2", merchant="NOW", batch="9"))) == (1, 0, 0, 0)
    assert counts(office.send(FEES, fee_row("R5", merchant="null"))) == (1, 0, 0, 0)
    assert counts(office.send(SUNDRY, sundry_row("R2"))) == (0, 0, 0, 1)


def test_a_batch_of_no_merchant_settles_by_its_number(office: PaymentOffice) -> None:
    """A provider that names no merchant has batches like any other."""
    office.send(FEES, fee_row("R1", merchant="0"), fee_row("R2", merchant="null"), fee_row("R3"))
    with pytest.raises(LedgerRefusal, match=r"come to 200\.00"):
        office.settle_batch("7", "300.00", merchant="")
    assert office.settle_batch("7", "200.00", merchant="")["payments"] == 2
    assert office.totals()["BANK"] == 20000
    office.assert_in_balance()


def test_a_batch_settles_by_its_number_however_many_zeros_are_written(
    office: PaymentOffice,
) -> None:
    """Whoever copies the number from a provider's file finds its batch."""
    office.send(FEES, fee_row("R1", batch="0042"), fee_row("R2", batch="000"))
    with pytest.raises(UsageError, match="no batch"):
        office.settle_batch("")
    assert office.settle_batch("042")["batch_num"] == "42"
    assert office.settle_batch("00")["batch_num"] == "0"


@pytest.mark.parametrize("bad", [fee_row("R9", parent="NOBODY"), fee_row("R1", fee="5.00"), "x,y"])
def test_all_or_nothing_never_gives_half_a_batch(office: PaymentOffice, bad: str) -> None:
    """A batch of which a row is missing would never come to the bank's total."""
    strict = PaymentOffice(office.books.under(file=FilePolicy.ALL_OR_NOTHING))
    outcome = strict.send(FEES, fee_row("R1"), fee_row("R2"), bad)
    assert counts(outcome) == (0, 0, 0, 3)
    receipt = strict.receipt(outcome)
    assert (receipt["status"], receipt["batches"]) == ("rejected", [])
    assert not strict.rows("SELECT 1 FROM payment")
    assert counts(strict.send(FEES, fee_row("R1"), fee_row("R2"))) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (FEES, (*SAMPLE, fee_row("R1", merchant="NOW"), fee_row("R9", parent="X"), "x")),
        (FEES, (fee_row("R1", merchant="NOBODY"),)),
        (SUNDRY, (sundry_row("R1"), sundry_row("R1", "1.00"), sundry_row(account="OLD"))),
        (ENROLMENT, (enrolment_row("R1", "G"), enrolment_row("R1", "G"), enrolment_row("R2", "X"))),
    ],
)
def test_a_dry_run_gives_the_receipt_of_the_upload_and_stores_nothing(
    office: PaymentOffice, tmp_path: Path, kind: str, rows: tuple[str, ...]
) -> None:
    """A provider tries a file before the first real one, control totals and all."""
    path = tmp_path / f"{kind}.csv"
    path.write_text("".join(f"{row}\n" for row in rows))
    before = office.books.dump(*_TABLES, "seal", "guest")
    _, dry = check_file(office.books.works, office.books.account, path)
    assert office.books.dump(*_TABLES, "seal", "guest") == before
    receipt = office.receipt(office.send(kind, *rows))
    for key in _DIFFERS:
        del dry[key], receipt[key]
    assert dry == receipt
