"""The worked example of the ledger's documentation, every number of it."""

from __future__ import annotations

from ingestd.ledger.money.choices import Paid
from ingestd.service.office.charges import Sale
from tests.integration.office.conftest import Office

CHARGES = (
    "LIABILITY,C1,S1,LOST_BOOK,18.50,2025-05-03",
    "LIABILITY,C2,S1,CHROMEBOOK,,2025-09-10",
    "LIABILITY,C3,S2,LATE_FEE,5.00,2025-09-12",
    "LIABILITY,C4,S1,PROM,80.00,2026-03-01",
    "WALLET,C5,S1,MEAL,3.25,2026-03-02",
)


def test_a_family_pays_bounces_and_is_refunded(office: Office) -> None:  # noqa: PLR0915 - one story
    """Whoever reads the example and then the books finds the same figures in both."""
    office.charge(*CHARGES)
    office.pay("P1", "COLL001", "100.00", on="2026-03-05")
    assert office.statuses()["C1"] == ("unpaid", "18.50")
    assert office.totals()["CLEARING"] == 10000

    office.settle("P1", on="2026-03-09")
    assert office.statuses()["C1"] == ("paid", "0.00")
    assert office.statuses()["C2"] == ("partial", "168.50")
    assert office.totals()["REALISED_REVENUE"] == -10000

    office.pay("P2", "COLL001", "80.00", on="2026-03-10", for_charge="C4")
    office.pay("P3", "S1", "20.00", on="2026-03-10", to="WALLET")
    assert office.statuses()["C5"] == ("unpaid", "3.25")

    office.settle("P3", on="2026-03-11")
    assert office.statuses()["C5"] == ("paid", "0.00")
    assert office.books.balances()["S1", "WALLET"] == "16.75"

    office.settle("P2", on="2026-03-13")
    assert office.statuses()["C4"] == ("paid", "0.00")
    assert office.statuses()["C2"] == ("partial", "168.50")

    answer = office.bounce("P1", on="2026-03-20", penalty="NSF_FEE")
    assert answer["status"] == "returned"
    assert office.statuses()["C1"] == ("unpaid", "18.50")
    assert office.statuses()["C2"] == ("unpaid", "250.00")
    totals = office.totals()
    assert totals["BANK"] == 10000
    assert totals["RECEIVABLE_FEES"] == 29850
    assert totals["DEFERRED_REVENUE"] == -29850
    assert totals["REALISED_REVENUE"] == -8325

    office.void("C3", on="2026-03-22")
    assert office.totals()["RECEIVABLE_FEES"] == 29350

    office.void("C4", on="2026-03-25")
    assert office.books.balances()["S1", "WALLET"] == "96.75"
    assert office.totals()["REALISED_REVENUE"] == -325

    office.sell(
        Sale(party="ANONYMOUS", billing_code="MEAL", amount="3.50", paid=Paid.CASH), on="2026-03-26"
    )
    balances = office.books.balances()
    assert balances["ANONYMOUS", "WALLET"] == "0.00"
    assert office.totals()["REALISED_REVENUE"] == -675

    guest = office.sell(
        Sale(party="guest", billing_code="SUMMER", name="Gil Guest"), on="2026-03-27"
    )["party"]
    office.pay("P4", str(guest), "120.00", on="2026-03-27")
    office.settle("P4", on="2026-03-30")
    assert office.totals()["REALISED_REVENUE"] == -12675
    assert office.totals()["BANK"] == 22000

    office.bounce("P4", on="2026-04-02", penalty="NSF_FEE")
    assert office.books.balances()[str(guest), "LIABILITY"] == "-145.00"
    assert office.totals()["BANK"] == 10000

    office.charge("WALLET,C7,S1,MEAL,20.00,2026-04-03")
    assert office.books.balances()["S1", "WALLET"] == "76.75"

    office.bounce("P2", on="2026-04-06")
    assert office.statuses()["C7"] == ("partial", "3.25")
    assert office.books.balances()["S1", "WALLET"] == "-3.25"
    totals = office.totals()
    assert totals["BANK"] == 2000
    assert totals["REALISED_REVENUE"] == -2350

    march = office.totals(as_of="2026-03-31")
    assert march["BANK"] == 22000
    assert march["CASH"] == 350
    assert march["WALLET_CREDIT"] == -9675
    assert march["REALISED_REVENUE"] == -12675
