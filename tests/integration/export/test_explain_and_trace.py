"""A payment explained and a charge traced, on the worked example of one family's spring."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from ingestd.ledger.money.choices import Paid
from ingestd.values.errors import UsageError
from tests.integration.export.district import District, live_through_the_worked_example
from tests.integration.ledger.conftest import charges

TOTALS = (
    *("amount", "discount", "pending", "allocated", "waiting", "held", "paid_out", "returned"),
    "voided",
)


def totals(answer: dict[str, Any]) -> dict[str, str]:
    """Return the totals that are not nothing."""
    assert answer["reconciles"]
    assert tuple(answer["totals"]) == (*TOTALS, "unexplained")
    return {name: text for name, text in answer["totals"].items() if text != "0.00"}


def test_a_pending_payment_waits_for_the_bank(district: District) -> None:
    """A parent who asks hears that the money is on its way, and has paid nothing yet."""
    district.today("2026-03-05")
    district.pay("P1", "COLL001", "80.00")
    answer = district.explain("P1")
    assert totals(answer) == {"amount": "80.00", "pending": "80.00"}
    assert (answer["payment"]["status"], answer["allocations"]) == ("pending", [])


def test_a_settled_payment_tells_where_each_cent_went(district: District) -> None:
    """The office answers what a payment paid, by which rule, and what is left of it."""
    district.today("2026-03-02")
    district.books.post("LIABILITY,C1,S1,LOST_BOOK,,18.50", "LIABILITY,C2,S2,LATE_FEE,,5.00")
    district.pay_in_parts("P1", "COLL001", fee=9500, building=2500, other=1000, discount=500)
    district.settle("P1")
    answer = district.explain("P1")
    assert totals(answer) == {
        "amount": "130.00",
        "discount": "5.00",
        "allocated": "23.50",
        "waiting": "76.50",
        "held": "35.00",
    }
    paid = [(each["tracking_id"], each["amount"], each["rule"]) for each in answer["allocations"]]
    assert paid == [("C1", "18.50", "oldest_first"), ("C2", "5.00", "oldest_first")]
    # A discount waits apart from money: it can pay, and never be paid out.
    assert answer["waiting"] == [
        {"party": "COLL001", "account_type": "LIABILITY", "amount": "71.50"},
        {"party": "COLL001", "account_type": "DISCOUNT", "amount": "5.00"},
    ]
    held = [(each["account"], each["amount"]) for each in answer["held"]]
    assert held == [
        ("2300 Liabilities:BuildingFund", "25.00"),
        ("2330 Liabilities:OtherGL", "10.00"),
    ]
    parts = [(part["kind"], part["amount"]) for part in answer["parts"]]
    assert parts == [
        ("fee", "95.00"),
        ("building", "25.00"),
        ("other", "10.00"),
        ("discount", "5.00"),
    ]


def test_a_payment_that_was_refunded_and_bounced_tells_its_whole_story(district: District) -> None:
    """What was paid, taken back, moved to a wallet, spent and bounced is all there, in order."""
    live_through_the_worked_example(district)
    answer = district.explain("P2")
    assert totals(answer) == {"amount": "80.00", "returned": "80.00"}
    told = [
        (each["tracking_id"], each["amount"], each["rule"], each["undone_by"], each["undone_on"])
        for each in answer["allocations"]
    ]
    assert told == [
        ("C4", "80.00", "directed", "refund", "2026-03-25"),
        ("C9", "3.25", "oldest_first", "returned", "2026-04-06"),
    ]
    [moved] = answer["moved_to_wallets"]
    assert (moved["from_party"], moved["to_party"], moved["amount"]) == ("COLL001", "S1", "80.00")
    assert (moved["undone_by"], moved["undone_on"]) == ("returned", "2026-04-06")
    payment = answer["payment"]
    days = [payment[f"{name}_on"] for name in ("received", "settled", "returned", "voided")]
    assert days == ["2026-03-10", "2026-03-13", "2026-04-06", None]
    assert (payment["status"], payment["reason"]) == ("returned", "NSF")


def test_what_is_explained_as_known_then_does_not_change(district: District) -> None:
    """An answer that was given to a parent can be given again, whatever happened since."""
    district.today("2026-03-05")
    district.pay("P1", "COLL001", "80.00")
    known = district.books.clock.now()
    before = district.explain("P1", as_known=known)
    district.today("2026-03-09")
    district.settle("P1")
    assert district.explain("P1", as_known=known) == before
    assert district.explain("P1")["payment"]["status"] == "settled"


def test_a_payment_taken_back_pays_nothing(district: District) -> None:
    """Money that never came is told as such."""
    district.pay("P1", "COLL001", "80.00")
    district.take_back("P1")
    assert totals(district.explain("P1")) == {"amount": "80.00", "voided": "80.00"}


def test_a_charge_is_traced_to_its_row_and_to_the_file_that_took_it_back(
    district: District,
) -> None:
    """The office shows a parent the row that charged them, and the one that gave it back."""
    row = "LIABILITY,C1,S1,LOST_BOOK,Holes,18.50"
    district.books.post(row)
    district.pay("P1", "COLL001", "18.50", method="cash")
    district.refund_by_file("C1", note="found again")
    answer = district.trace("C1")
    charge, refund = answer["charge"], answer["refund"]
    assert (charge["status"], charge["paid"], charge["open"]) == ("void", "0.00", "0.00")
    assert charge["origin"]["row"] == 2
    assert charge["origin"]["sha256"] == hashlib.sha256(charges(row)).hexdigest()
    assert (charge["origin"]["source"], charge["origin"]["node"]) == ("folder", "node-a")
    assert (refund["origin"]["filename"], refund["note"]) == ("student_refunds.csv", "found again")
    assert [each["payment_id"] for each in answer["payments"]] == ["P1"]
    events = [(each["event"], each["debit"][:4], each["credit"][:4]) for each in answer["postings"]]
    assert events == [
        ("charge", "1100", "2100"),
        ("allocation", "2010", "1100"),
        ("allocation", "2100", "4000"),
        ("refund", "1100", "2010"),
        ("refund", "4000", "2100"),
        ("refund", "2100", "1100"),
        ("refund", "2010", "2000"),
    ]


def test_a_charge_by_command_has_no_file(district: District) -> None:
    """What no file brought does not pretend to come from one."""
    district.sell("ANONYMOUS", "MEAL", "3.50", key="C7", paid=Paid.CASH)
    charge = district.trace("C7")["charge"]
    assert (charge["origin"], charge["event"], charge["status"]) == (None, "sale", "paid")


def test_a_charge_of_nothing_is_paid_without_a_posting(district: District) -> None:
    """Nobody owes anything for it, and it still leads to its row."""
    district.books.post("WALLET,C1,S1,MEAL,,0.00")
    answer = district.trace("C1")
    assert (answer["charge"]["status"], answer["postings"]) == ("paid", [])


def test_who_is_not_there_is_named(district: District) -> None:
    """A mistyped key is no empty answer."""
    with pytest.raises(UsageError, match="SPRINGFIELD has no payment P0"):
        district.explain("P0")
    with pytest.raises(UsageError, match="SPRINGFIELD has no charge C0"):
        district.trace("C0")
