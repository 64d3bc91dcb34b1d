"""Pledges: what donors promised, held against what came, as of any day and as known at any time."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.reports.figures.pledges import report_pledges
from tests.integration.ledger.conftest import CatalogEntry
from tests.integration.payments.conftest import SUNDRY, PaymentOffice, sundry_row

Told = dict[tuple[str, str], tuple[str | None, str, str, str]]


@pytest.fixture
def giving(office: PaymentOffice) -> PaymentOffice:
    """An office whose donor 7 promised 100.00, 40.00 and something, and donor 8 nothing."""
    donors: list[CatalogEntry] = [
        {"donor_number": "7", "pledges": "70=10000;100=4000;101"},
        {"donor_number": "8", "pledges": None},
    ]
    office.books.load(CatalogKind.DONORS, donors)
    return office


def gift(receipt: str, amount: str, pledge: str = "70", **more: str) -> str:
    return sundry_row(receipt, amount, "0.00", donor="7", pledge=pledge, **more)


def key(receipt: str) -> str:
    return f"sundry_payments:ABCDE371:{receipt}"


def pledges(office: PaymentOffice, **asked: object) -> Told:
    rows = office.books.report(report_pledges, **asked)["rows"]
    assert isinstance(rows, list)
    names = ("promised", "received", "pending", "status")
    return {
        (row["donor_number"], row["pledge_number"]): tuple(row[name] for name in names)
        for row in rows
    }


def test_what_nobody_gave_for_is_told_as_well(giving: PaymentOffice) -> None:
    """Whoever writes reminders begins with those who gave nothing."""
    assert pledges(giving) == {
        ("7", "70"): ("100.00", "0.00", "0.00", "none"),
        ("7", "100"): ("40.00", "0.00", "0.00", "none"),
        ("7", "101"): (None, "0.00", "0.00", "none"),
    }
    # Numbers come in their order as numbers.
    assert list(pledges(giving)) == [("7", "70"), ("7", "100"), ("7", "101")]


def test_a_gift_counts_once_it_settled(giving: PaymentOffice) -> None:
    """A donor is thanked for money that came, not for a cheque on its way."""
    giving.send(SUNDRY, gift("R1", "60.00"), gift("R2", "40.00", "100"), gift("R3", "1.00", "101"))
    assert pledges(giving)["7", "70"] == ("100.00", "0.00", "60.00", "none")
    giving.settle_batch()
    assert pledges(giving) == {
        ("7", "70"): ("100.00", "60.00", "0.00", "partial"),
        ("7", "100"): ("40.00", "40.00", "0.00", "paid"),
        ("7", "101"): (None, "1.00", "0.00", "paid"),
    }
    giving.send(SUNDRY, gift("R4", "50.00", batch="8"))
    giving.settle_batch("8")
    assert pledges(giving)["7", "70"] == ("100.00", "110.00", "0.00", "paid")
    totals = giving.books.report(report_pledges)["totals"]
    assert totals == {
        "pledges": 3,
        "promised": "140.00",
        "received": "151.00",
        "pending": "0.00",
    }


def test_tax_is_given_too(giving: PaymentOffice) -> None:
    """Whoever pays 55.00 gave 55.00, whatever the state takes of it."""
    giving.send(SUNDRY, sundry_row("R1", "50.00", "5.00", donor="7", pledge="70"))
    giving.settle_batch()
    assert pledges(giving)["7", "70"] == ("100.00", "55.00", "0.00", "partial")


def test_a_gift_that_bounced_or_was_refunded_is_none(giving: PaymentOffice) -> None:
    """What went back fulfils nothing."""
    giving.send(SUNDRY, gift("R1", "60.00"), gift("R2", "30.00"), gift("R3", "5.00"))
    giving.take_back(key("R3"))
    assert pledges(giving)["7", "70"] == ("100.00", "0.00", "90.00", "none")
    giving.settle(key("R1"))
    giving.settle(key("R2"))
    giving.bounce(key("R1"))
    assert pledges(giving)["7", "70"] == ("100.00", "30.00", "0.00", "partial")
    giving.void(key("R2"))
    assert pledges(giving)["7", "70"] == ("100.00", "0.00", "0.00", "none")


def test_a_gift_without_a_pledge_fulfils_none(giving: PaymentOffice) -> None:
    """Nobody decides for a donor what a gift was for."""
    giving.send(SUNDRY, sundry_row("R1", donor="7"))
    giving.settle_batch()
    assert pledges(giving)["7", "70"] == ("100.00", "0.00", "0.00", "none")


def test_a_pledge_that_no_list_names_any_more_is_told_as_long_as_money_came(
    giving: PaymentOffice,
) -> None:
    """A pledge that is fulfilled leaves the donors' list, and what came for it stays."""
    giving.send(SUNDRY, gift("R1", "60.00"))
    giving.settle_batch()
    giving.books.load(CatalogKind.DONORS, [{"donor_number": "7", "pledges": "101"}])
    assert pledges(giving) == {
        ("7", "70"): (None, "60.00", "0.00", "paid"),
        ("7", "101"): (None, "0.00", "0.00", "none"),
    }


def test_pledges_are_told_as_of_a_day_and_as_known(giving: PaymentOffice) -> None:
    """The answer that a board was given in spring can be given again."""
    giving.send(SUNDRY, gift("R1", "60.00"))  # of 5 March
    known = giving.books.clock.now()
    giving.settle(key("R1"), on="2026-03-09")
    giving.bounce(key("R1"), on="2026-03-20")
    told = {
        day: pledges(giving, as_of=date.fromisoformat(day))["7", "70"][1:3]
        for day in ("2026-03-04", "2026-03-05", "2026-03-09", "2026-03-19", "2026-03-20")
    }
    assert told == {
        "2026-03-04": ("0.00", "0.00"),
        "2026-03-05": ("0.00", "60.00"),
        "2026-03-09": ("60.00", "0.00"),
        "2026-03-19": ("60.00", "0.00"),
        "2026-03-20": ("0.00", "0.00"),
    }
    assert pledges(giving, as_known=known)["7", "70"][1:3] == ("0.00", "60.00")
    april = {"since": date(2026, 4, 1), "until": date(2026, 4, 30)}
    assert pledges(giving, as_of=date(2026, 3, 19), **april)["7", "70"][1] == "0.00"
    assert pledges(giving, as_known=datetime(2020, 1, 1, tzinfo=UTC))["7", "70"][1:3] == (
        "0.00",
        "0.00",
    )


def test_a_new_list_leaves_answers_as_known_alone(giving: PaymentOffice) -> None:
    """What a donor had promised by then stands, whatever the next list says."""
    known = giving.books.clock.now()
    before = pledges(giving, as_known=known)
    later: list[CatalogEntry] = [{"donor_number": "7", "pledges": "70=25000"}]
    giving.books.load(CatalogKind.DONORS, later, at=giving.books.clock.now())
    assert pledges(giving)["7", "70"][0] == "250.00"
    assert pledges(giving, as_known=known) == before
