"""Sundry and enrolment payments: sales with their own money, deposits, advances, rules."""

from __future__ import annotations

import pytest

from ingestd.service.office.invoices import invoice_of
from tests.integration.payments.conftest import (
    ENROLMENT,
    SUNDRY,
    PaymentOffice,
    counts,
    enrolment_row,
    fee_row,
    sundry_row,
)


def test_a_sundry_payment_is_a_sale_that_its_own_money_pays(office: PaymentOffice) -> None:
    """Whoever hires the hall owes its price until the money is there, and never owes twice."""
    outcome = office.send(SUNDRY, sundry_row("R1"), sundry_row("R2", "50.00", "0.00"))
    assert counts(outcome) == (2, 0, 0, 0)
    assert office.receipt(outcome)["applied_amount"] == "160.00"
    kinds = office.rows("SELECT kind, party_code FROM party ORDER BY party_no")
    assert [kind for kind, _ in kinds] == ["guest", "guest"]
    guest = f"GUEST-{outcome.upload_id}-1"
    assert kinds[0][1] == guest
    assert office.rows("SELECT DISTINCT name, address FROM guest") == [
        ("Gil Guest", "1 Elm St\nSpringfield\nIL\n62701\nUSA")
    ]
    assert office.books.balances()[guest, "LIABILITY"] == "-110.00"
    assert office.totals()["CLEARING"] == 16000
    office.assert_in_balance()
    office.settle_batch("7", "160.00")
    totals = office.totals()
    assert (totals["BANK"], totals["TAX"]) == (16000, -1000)
    assert totals["REALISED_REVENUE"] == -15000
    assert office.rows("SELECT DISTINCT rule FROM allocation") == [("sundry",)]
    assert set(office.statuses().values()) == {("paid", "0.00")}
    assert office.books.balances()[guest, "LIABILITY"] == "0.00"
    office.assert_in_balance()


def test_a_sundry_payment_that_returns_opens_its_sale_again(office: PaymentOffice) -> None:
    """The hall was hired, the cheque bounced: the guest owes, and the tax is not held any more."""
    office.send(SUNDRY, sundry_row("R1"), sundry_row("R2", "50.00", "0.00"))
    office.settle_batch()
    office.bounce("sundry_payments:ABCDE371:R1")
    assert office.statuses() == {
        "sundry_payments:ABCDE371:R1": ("unpaid", "110.00"),
        "sundry_payments:ABCDE371:R2": ("paid", "0.00"),
    }
    totals = office.totals()
    assert (totals["BANK"], totals["REALISED_REVENUE"]) == (5000, -5000)
    assert "TAX" not in totals
    office.assert_in_balance()


def test_a_payment_of_tax_alone_is_held(office: PaymentOffice) -> None:
    """Nothing was sold, so nothing is owed."""
    assert counts(office.send(SUNDRY, sundry_row("R1", "0.00", "4.00", merchant="NOW"))) == (
        *(1, 0, 0),
        0,
    )
    assert (office.totals()["BANK"], office.totals()["TAX"]) == (400, -400)
    office.assert_in_balance()


def test_sundry_rows_are_held_to_the_reference_data(office: PaymentOffice) -> None:
    """Money goes to accounts that exist and are open, under tax codes and donors that exist."""
    rows = {
        sundry_row("1", account="NONE"): ("gl_account_unknown", "gl_account"),
        sundry_row("2", account="OLD"): ("gl_account_closed", "gl_account"),
        sundry_row("3", tax_code="XXX"): ("tax_code_unknown", "tax_code"),
        sundry_row("4", donor="9"): ("donor_unknown", "donor_number"),
        sundry_row("5", account="GIFTS"): ("donor_missing", "donor_number"),
        sundry_row("6", appeal="NONE"): ("appeal_unknown", "appeal_code"),
        sundry_row("7", account="APPEALS"): ("appeal_missing", "appeal_code"),
        sundry_row("8", donor="8", pledge="70"): ("pledge_unknown", "pledge_number"),
        sundry_row("9", pledge="70"): ("pledge_without_donor", "pledge_number"),
    }
    outcome = office.send(SUNDRY, *rows)
    assert counts(outcome) == (0, 0, 0, 9)
    expected = [(row, *told) for row, told in enumerate(rows.values(), start=1)]
    assert office.codes(outcome) == expected
    assert not office.rows("SELECT 1 FROM party")
    good = (
        sundry_row("4", donor="7"),
        sundry_row("5", account="GIFTS", donor="007"),
        sundry_row("6", appeal="ROOF"),
        sundry_row("7", account="APPEALS", appeal="ROOF"),
        sundry_row("8", donor="7", pledge="70"),
    )
    assert counts(office.send(SUNDRY, *good)) == (5, 0, 0, 0)


def test_deposits_advances_and_income_of_enrolment_go_their_ways(office: PaymentOffice) -> None:
    """A deposit can be given back, an advance is for later, and only G is income."""
    rows = (
        enrolment_row("R1", "D", "500.00"),
        enrolment_row("R2", "A", "200.00", "20.00"),
        enrolment_row("R3", "G", "70.00", "7.00", parent="COTT001", student="S3"),
    )
    assert counts(office.send(ENROLMENT, *rows)) == (3, 0, 0, 0)
    assert office.statuses() == {"enrolment_payments:ABCDE371:R3": ("unpaid", "77.00")}
    office.assert_in_balance()
    office.settle_batch("7", "797.00")
    assert office.totals() == {
        "BANK": 79700,
        "DEPOSITS": -50000,
        "ADVANCES": -22000,
        "TAX": -700,
        "REALISED_REVENUE": -7000,
    }
    assert office.statuses() == {"enrolment_payments:ABCDE371:R3": ("paid", "0.00")}
    assert office.books.balances()["S3", "LIABILITY"] == "0.00"
    office.assert_in_balance()
    books = office.books
    invoice = invoice_of(books.database, books.clock, books.account, "S1")
    assert (invoice.total_due, invoice.credits) == (0, ()), "neither waits for the next fees"


def test_income_of_enrolment_pays_its_own_sale_and_no_older_debt(office: PaymentOffice) -> None:
    """The application fee is paid by who applies, whatever the family owed before."""
    office.charge("LIABILITY,C1,S1,CHROMEBOOK,70.00,2020-01-01")
    office.send(ENROLMENT, enrolment_row("R1", "G", "70.00", merchant="NOW"))
    assert office.statuses()["C1"] == ("unpaid", "70.00")
    assert office.statuses()["enrolment_payments:NOW:R1"] == ("paid", "0.00")


def test_enrolment_rows_are_held_to_the_roster(office: PaymentOffice) -> None:
    """Parent and student are known, belong together, and the student is not cancelled."""
    rows = {
        enrolment_row("1", parent="NOBODY"): [("parent_unknown", "par_code")],
        enrolment_row("2", student="S9"): [("student_unknown", "student_code")],
        enrolment_row("3", parent="DAVE002", student="S5"): [("student_cancelled", "student_code")],
        enrolment_row("4", parent="COTT001"): [("parent_mismatch", "par_code")],
        enrolment_row("5", "X"): [("choice_invalid", "receipt_type")],
        enrolment_row("6", "g"): [("choice_invalid", "receipt_type")],
    }
    outcome = office.send(ENROLMENT, *rows)
    assert counts(outcome) == (0, 0, 0, 6)
    assert office.codes(outcome) == [
        (row, *told) for row, all_told in enumerate(rows.values(), start=1) for told in all_told
    ]


@pytest.mark.parametrize(("kind", "row"), [(SUNDRY, sundry_row()), (ENROLMENT, enrolment_row())])
def test_the_other_files_come_again_without_harm(
    office: PaymentOffice, kind: str, row: str
) -> None:
    """Nobody is sold a hall twice, with a receipt number or without."""
    assert counts(office.send(kind, row, row)) == (2, 0, 0, 0)
    assert counts(office.send(kind, row, row)) == (0, 2, 0, 0)
    office.settle_batch()
    assert counts(office.send(kind, row, row, row)) == (0, 2, 0, 1)
    assert counts(office.send("fee_payments", fee_row("R1"))) == (0, 0, 0, 1)
    office.assert_in_balance()
