"""One family's spring: the worked example of the ledger, event by event."""

from __future__ import annotations

from tests.integration.ledger.conftest import Books
from tests.integration.reports.history import WALLET, History


def tell_the_worked_example(books: Books) -> History:
    """Write the story of one family, from its first charge to the last payment that came back."""
    tell = History(books)
    _until_the_first_return(tell)
    _until_the_end_of_march(tell)
    _april(tell)
    return tell


def _until_the_first_return(tell: History) -> None:
    with tell.batch("upload", "2026-03-02"):
        family = tell.party("COLL001", "parent")
        s1, s2 = tell.party("S1"), tell.party("S2")
        tell.charge("C1", s1, "LOST_BOOK", 1850, on="2025-05-03")
        tell.charge("C2", s1, "CHROMEBOOK", 25000, on="2025-09-10")
        tell.charge("C3", s2, "LATE_FEE", 500, on="2025-09-12")
        tell.charge("C4", s1, "PROM", 8000, on="2026-03-01")
        tell.charge("C5", s1, "MEAL", 325, credit=WALLET, on="2026-03-02")
    parts = {"fee": 10000, "building": 2500, "other": 1000, "discount": 500}
    with tell.batch("payment", "2026-03-05"):
        tell.pay("P1", family, "echeck", **parts)
    with tell.batch("settled", "2026-03-09"):
        tell.settle("P1", family, **parts)
        tell.allocate("P1", family, "C1", 1850)
        tell.allocate("P1", family, "C2", 8150, discount=500)
    with tell.batch("payment", "2026-03-10"):
        tell.pay("P2", family, fee=8000)
        tell.pay("P3", family, wallet=2000)
    with tell.batch("settled", "2026-03-11"):
        tell.settle("P3", s1, wallet=2000)
        tell.allocate("P3", s1, "C5", 325)
    with tell.batch("settled", "2026-03-13"):
        tell.settle("P2", family, fee=8000)
        tell.allocate("P2", family, "C4", 8000)


def _until_the_end_of_march(tell: History) -> None:
    family = tell.party("COLL001", "parent")
    with tell.batch("returned", "2026-03-20"):
        tell.give_back("P1")
        tell.charge("C6", family, "NSF_FEE", 2500, event="penalty")
    with tell.batch("refund", "2026-03-22"):
        tell.refund("C3")
    with tell.batch("refund", "2026-03-25"):
        tell.refund("C4")
    with tell.batch("sale", "2026-03-26"):
        nobody = tell.party("ANONYMOUS", "anonymous")
        tell.charge("M1", nobody, "MEAL", 350, credit=WALLET, event="sale")
        tell.pay("CASH1", nobody, "cash", wallet=350)
        tell.settle("CASH1", nobody, wallet=350)
        tell.allocate("CASH1", nobody, "M1", 350)
    with tell.batch("sale", "2026-03-27"):
        guest = tell.party("G1", "guest")
        tell.insert("guest", party_no=guest, name="A guest")
        tell.charge("G1-1", guest, "SUMMER", 12000, event="sale")
        tell.pay("P4", guest, fee=12000)
    with tell.batch("settled", "2026-03-30"):
        tell.settle("P4", guest, fee=12000)
        tell.allocate("P4", guest, "G1-1", 12000)


def _april(tell: History) -> None:
    s1, guest = tell.party("S1"), tell.party("G1", "guest")
    with tell.batch("returned", "2026-04-02"):
        tell.give_back("P4")
        tell.charge("N2", guest, "NSF_FEE", 2500, event="penalty")
    with tell.batch("sale", "2026-04-03"):
        tell.charge("M2", s1, "MEAL", 2000, credit=WALLET, event="sale")
        # The wallet's oldest credit pays first: what is left of P3, then of P2.
        tell.allocate("P3", s1, "M2", 1675)
        tell.allocate("P2", s1, "M2", 325)
    with tell.batch("returned", "2026-04-06"):
        tell.give_back("P2")
