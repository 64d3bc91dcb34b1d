"""Fee payments: the specification's own file, from its rows to the families' paid charges."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.values.errors import LedgerRefusal
from tests.integration.database.conftest import MakeDatabase
from tests.integration.payments.conftest import (
    FEES,
    SAMPLE,
    PaymentOffice,
    counts,
    fee_row,
    open_payment_office,
)

_TABLES = ("payment", "payment_part", "payment_event", "posting", "party", "charge_state", "seal")
CHARGES = (
    "LIABILITY,C1,S1,CHROMEBOOK,1000.00,2006-05-03",
    "LIABILITY,C2,S2,CHROMEBOOK,500.00,2006-09-10",
    "LIABILITY,C3,S3,CHROMEBOOK,2500.00,2006-09-12",
    "LIABILITY,C4,S4,CHROMEBOOK,1800.00,2006-09-12",
    "LIABILITY,C5,S5,CHROMEBOOK,100.00,2006-09-12",
)


@pytest.fixture
def billed(office: PaymentOffice) -> PaymentOffice:
    """The same office, after each family was charged something."""
    assert counts(office.charge(*CHARGES)) == (5, 0, 0, 0)
    return office


def test_the_sample_of_the_specification_is_received_with_its_control_totals(
    billed: PaymentOffice,
) -> None:
    """The office holds the receipt against the bank's statement, batch by batch."""
    outcome = billed.send(FEES, *SAMPLE)
    receipt = billed.receipt(outcome)
    assert (receipt["format"], receipt["status"], receipt["findings"]) == (FEES, "processed", [])
    assert counts(outcome) == (4, 0, 0, 0)
    assert receipt["applied_amount"] == "5930.00"
    assert receipt["batches"] == [
        {"merchant_id": "ABCDE371", "batch_num": "20070711", "rows": 2, "amount": "3500.00"},
        {"merchant_id": "ABCDE371", "batch_num": "20070712", "rows": 2, "amount": "2430.00"},
    ]
    totals = billed.totals()
    assert (totals["CLEARING"], totals["PENDING_RECEIPTS"]) == (593000, -593000)
    assert billed.statuses()["C1"] == ("unpaid", "1000.00")
    billed.assert_in_balance()


def test_a_settled_batch_pays_each_family_s_oldest_charges(billed: PaymentOffice) -> None:
    """What the bank confirmed pays what was owed longest, family by family."""
    billed.send(FEES, *SAMPLE)
    answer = billed.settle_batch("20070711", "3500.00")
    assert (answer["payments"], answer["amount"], answer["status"]) == (2, "3500.00", "settled")
    assert billed.statuses() == {
        "C1": ("paid", "0.00"),
        "C2": ("partial", "288.00"),
        "C3": ("partial", "500.00"),
        "C4": ("unpaid", "1800.00"),
        "C5": ("unpaid", "100.00"),
    }
    billed.assert_in_balance()
    billed.settle_batch("20070712", "2430.00")
    assert billed.statuses()["C4"] == ("paid", "0.00")
    assert billed.statuses()["C5"] == ("paid", "0.00")
    assert billed.books.balances()["DAVE002", "LIABILITY"] == "300.00"
    billed.assert_in_balance()


def test_discount_building_and_other_amounts_go_to_their_accounts(billed: PaymentOffice) -> None:
    """A discount is no cash, and money for the building fund pays no fee."""
    billed.send(FEES, *SAMPLE)
    billed.settle_batch("20070711")
    billed.settle_batch("20070712")
    totals = billed.totals()
    assert totals["BANK"] == 593000
    assert totals["DISCOUNTS"] == 1200
    assert totals["BUILDING_FUND"] == -28000
    assert totals["OTHER_GL"] == -25000
    assert totals["REALISED_REVENUE"] == -(121200 + 200000 + 180000 + 10000)
    assert totals["UNAPPLIED_FEES"] == -30000
    others = billed.rows("SELECT gl_account, amount FROM payment_part WHERE kind = 'other'")
    assert sorted(others) == [("OTHER-1", 5000), ("OTHER-1", 20000)]


def test_a_batch_with_another_total_settles_nothing(billed: PaymentOffice) -> None:
    """A cent too much at the bank is looked into before anything is booked."""
    billed.send(FEES, *SAMPLE)
    before = billed.books.dump(*_TABLES)
    with pytest.raises(LedgerRefusal, match=r"come to 3500\.00, not to 3500\.01"):
        billed.settle_batch("20070711", "3500.01")
    assert billed.books.dump(*_TABLES) == before


def test_a_batch_settles_once(billed: PaymentOffice) -> None:
    """Somebody who is not sure confirms again, and the money is not counted twice."""
    billed.send(FEES, *SAMPLE)
    told = billed.settle_batch("20070711")
    before = billed.books.dump(*_TABLES)
    assert billed.settle_batch("20070711") == told
    with pytest.raises(LedgerRefusal, match=r"come to 3500\.00, not to 3400\.00"):
        billed.settle_batch("20070711", "3400.00")
    assert billed.books.dump(*_TABLES) == before


def test_a_merchant_that_settles_on_import_needs_no_confirmation(billed: PaymentOffice) -> None:
    """Card money that is guaranteed pays at once."""
    rows = (fee_row("R1", merchant="NOW"), fee_row("R2", parent="COTT001"))
    assert counts(billed.send(FEES, *rows)) == (2, 0, 0, 0)
    assert billed.statuses()["C1"] == ("partial", "900.00")
    assert billed.statuses()["C3"] == ("unpaid", "2500.00")
    assert billed.totals()["CLEARING"] == 10000
    billed.assert_in_balance()


def test_a_discounted_payment_that_returns_takes_its_discount_along(billed: PaymentOffice) -> None:
    """A family whose payment bounced keeps no discount for it."""
    before = billed.totals()
    billed.send(FEES, fee_row("R1", fee="100.00", build="20.00", discount="100.00"))
    billed.settle_batch("7", "20.00")
    assert billed.statuses()["C1"] == ("partial", "900.00")
    assert billed.totals()["DISCOUNTS"] == 10000
    billed.assert_in_balance()
    billed.bounce(billed.keys()[0])
    assert billed.totals() == before
    assert billed.statuses()["C1"] == ("unpaid", "1000.00")


def test_a_file_that_names_an_unknown_merchant_is_refused_whole(billed: PaymentOffice) -> None:
    """Nobody knows how that merchant's money settles, so no row of its file is booked."""
    before = billed.books.dump(*_TABLES)
    outcome = billed.send(FEES, fee_row("R1"), fee_row("R2", merchant="NOBODY"), "x")
    receipt = billed.receipt(outcome)
    assert (receipt["status"], receipt["rows"]) == ("rejected", None)
    assert "batches" not in receipt
    [finding] = receipt["findings"]
    assert (finding["row"], finding["code"], finding["value"]) == (2, "merchant_unknown", "NOBODY")
    after = billed.books.dump(*_TABLES)
    assert {table: rows for table, rows in after.items() if table != "seal"} == {
        table: rows for table, rows in before.items() if table != "seal"
    }


def test_an_amount_without_an_account_waits_with_a_warning(billed: PaymentOffice) -> None:
    """The money came and is booked; who imports the account is told."""
    outcome = billed.send(FEES, fee_row("R1", other="5.00", merchant="NOW"))
    assert billed.codes(outcome) == [(1, "other_gl_account_missing", "other_amt")]
    assert counts(outcome) == (1, 0, 0, 0)
    assert billed.totals()["OTHER_GL"] == -500


def test_an_unknown_parent_costs_the_row(billed: PaymentOffice) -> None:
    """Money of nobody is not booked on somebody."""
    outcome = billed.send(FEES, fee_row("R1", parent="NOBODY"), fee_row("R2"))
    assert counts(outcome) == (1, 0, 0, 1)
    assert billed.codes(outcome) == [(1, "parent_unknown", "par_code")]
    assert counts(billed.send(FEES, fee_row("R1"))) == (1, 0, 0, 0)


def test_a_payment_of_a_closed_month_is_posted_in_the_first_open_one(
    billed: PaymentOffice,
) -> None:
    """March stays as it was reported, and the payment keeps the time when it was made."""
    billed.close("2026-03")
    march = billed.totals(as_of="2026-03-31")
    billed.send(FEES, fee_row("R1", merchant="NOW"), fee_row("R2"))
    billed.settle_batch()
    assert billed.totals(as_of="2026-03-31") == march
    [first, second] = billed.rows("SELECT received_on, submitted_at FROM payment")
    assert first == second == (20260401, 1772726400000000)
    assert billed.statuses()["C1"] == ("partial", "800.00")
    billed.assert_in_balance()


def test_settling_grows_with_its_payments_and_not_with_their_square(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """A provider's whole term settles in the time that four of its quarters take."""
    office = open_payment_office(make_database("sqlite"), tmp_path / "data")
    families = [{"student_id": f"F{n}", "parent_code": f"P{n}"} for n in range(1600)]
    office.books.load(CatalogKind.STUDENTS, families)
    steps: Counter[int] = Counter()
    rows: list[str] = []

    def count_steps(connection: sqlite3.Connection, *_: object) -> None:
        # A number that the work alone decides: thousands of steps of SQLite's machine.
        connection.set_progress_handler(lambda: steps.update([len(rows)]), 1000)

    sa.event.listen(office.books.database.engine, "checkout", count_steps)
    for start, end in ((0, 320), (320, 1600)):
        batch = str(start)
        rows = [
            fee_row(f"R{n}", parent=f"P{n}", merchant="NOW", batch=batch) for n in range(start, end)
        ]
        assert counts(office.send(FEES, *rows)) == (end - start, 0, 0, 0)
    assert steps[1280] < 6 * steps[320]
