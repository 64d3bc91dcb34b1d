"""Who did by hand what was done so and why, and what a payment's file said, are told everywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from beancount.core.data import Transaction

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.reports.exports.programs import ExportFormat
from ingestd.service.office import charges, payments, refunds
from ingestd.service.office.bookkeeper import Bookkeeper
from tests.integration.export.district import (
    District,
    hledger,
    read_with_beancount,
    read_with_hledger,
)

GIFT = (
    "2026-03-05,50.00,ABCDE371,7,R1,Dora Gibson,1 Elm St,null,c/o Ann,Springfield,IL,62701,USA,"
    "For the roof,GIFTS,45.00,5.00,GST,7,ROOF,70\n"
)
DETAIL = {
    "received_from": "Dora Gibson",
    "address_1": "1 Elm St",
    "address_3": "c/o Ann",
    "town": "Springfield",
    "state": "IL",
    "postcode": "62701",
    "country": "USA",
    "comment": "For the roof",
    "gl_account": "GIFTS",
    "tax_code": "GST",
    "nett": "45.00",
    "tax": "5.00",
    "donor_number": "7",
    "appeal_code": "ROOF",
    "pledge_number": "70",
}
KEY = "sundry_payments:ABCDE371:R1"


def by(district: District, name: str, reason: str | None = None) -> Bookkeeper:
    return replace(district.keeper, entered_by=name, reason=reason)


@pytest.fixture
def giving(district: District) -> District:
    """A district that got a gift by file, settled and returned it by hand, and sold a meal."""
    district.today("2026-03-05")
    load = district.books.load
    load(CatalogKind.MERCHANTS, [{"merchant_id": "ABCDE371"}])
    load(CatalogKind.GL_ACCOUNTS, [{"gl_account": "GIFTS"}])
    load(CatalogKind.TAX_CODES, [{"tax_code": "GST"}])
    load(CatalogKind.DONORS, [{"donor_number": "7", "pledges": "70", "appeals": "ROOF"}])
    district.books.post_bytes(GIFT.encode(), "sundry_payments_web.csv")
    payments.settle_payment(by(district, "Ada"), KEY)
    payments.return_payment(by(district, "Bo", "NSF, twice"), KEY)
    meal = charges.Sale(party="S1", billing_code="MEAL", tracking_id="T1", source="canteen")
    charges.add_sale(by(district, "Cy"), meal)
    refunds.void_charge(by(district, "Di", "not eaten"), "T1")
    return district


def test_a_payment_tells_its_payer_and_who_returned_it(giving: District) -> None:
    """A parent who asks hears a name and a reason, and a donor finds the pledge."""
    answer = giving.explain(KEY)
    payment = answer["payment"]
    assert payment["detail"] == DETAIL
    assert (payment["by"], payment["reason"]) == ("Bo", "NSF, twice")
    assert payment["origin"]["location"] == "web"
    told = [(entry["command"], entry["by"], entry["reason"]) for entry in answer["entries"]]
    assert told == [("payments settle", "Ada", None), ("payments return", "Bo", "NSF, twice")]


def test_a_payment_by_hand_has_no_detail(giving: District) -> None:
    """What no file said is not made up; who reported it is told."""
    giving.pay("P1", "COLL001", "5.00")
    answer = giving.explain("P1")["payment"]
    assert (answer["detail"], answer["by"], answer["reason"]) == (None, "clerk", None)


def test_a_charge_tells_who_sold_it_where_and_who_took_it_back(giving: District) -> None:
    """Whoever asks why a sale is gone hears who took it back, and why."""
    answer = giving.trace("T1")
    charge, refund = answer["charge"], answer["refund"]
    assert (charge["by"], charge["reason"], charge["location"]) == ("Cy", None, "canteen")
    assert (refund["by"], refund["reason"]) == ("Di", "not eaten")
    assert [posting["by"] for posting in answer["postings"]] == ["Cy", "Di"]


def test_a_charge_by_file_tells_its_place_and_the_detail_of_its_payment(giving: District) -> None:
    """A gift is followed from the sale to the donor."""
    answer = giving.trace(KEY)
    assert (answer["charge"]["by"], answer["charge"]["location"]) == (None, "web")
    [payment] = answer["payments"]
    assert (payment["by"], payment["detail"]) == (None, DETAIL)


def test_what_was_not_known_yet_is_not_told(giving: District) -> None:
    """An answer as known then names nobody who acted later."""
    known = giving.books.clock.now()
    before = giving.explain(KEY, as_known=known), giving.trace("T1", as_known=known)
    giving.pay("P1", "S1", "3.25", method="cash")
    giving.void(KEY)
    assert (giving.explain(KEY, as_known=known), giving.trace("T1", as_known=known)) == before


def test_beancount_is_told_who_and_what(giving: District) -> None:
    """An auditor reads who and why in the other program, too."""
    entries = read_with_beancount(giving.export(ExportFormat.BEANCOUNT))
    told = {
        (entry.meta["event"], entry.meta.get("tracking_id")): entry.meta
        for entry in entries
        if isinstance(entry, Transaction)
    }
    received = told["payment", None]
    assert {name: received[name] for name in DETAIL} == DETAIL
    assert ("by" in received, received["location"]) == (False, "web")
    returned = told["returned", None]
    assert (returned["by"], returned["reason"]) == ("Bo", "NSF, twice")
    assert returned["command"] == "payments return"
    assert "donor_number" not in returned
    sold = told["sale", "T1"]
    assert (sold["by"], sold["location"], "reason" in sold) == ("Cy", "canteen", False)


def test_hledger_is_told_who_and_what(giving: District, tmp_path: Path) -> None:
    """Its tags are asked for like any other; what would end one is escaped."""
    path = tmp_path / "book.journal"
    read_with_hledger(path, giving.export(ExportFormat.HLEDGER))
    assert hledger(path, "tags", "by", "--values").split() == ["Ada", "Bo", "Cy", "Di"]
    assert "NSF\\u002c twice" in hledger(path, "tags", "reason", "--values")
    assert hledger(path, "tags", "donor_number", "--values").split() == ["7"]
