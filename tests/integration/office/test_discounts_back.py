"""A discount that a payout gave back waits again once the payout is void, unless cash is out."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.database.engine import Database
from ingestd.ledger.money.choices import CreditSource, CreditTarget, PayoutMethod
from ingestd.service.office import payouts, transfers
from tests.integration.office.bookkeeping import audit
from tests.integration.office.test_projections import assert_verified
from tests.integration.payments.conftest import FEES, PaymentOffice, fee_row, open_payment_office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> PaymentOffice:
    """An office at which 95.00 of a payment waits for COLL001's fees, and 5.00 of discount."""
    office = open_payment_office(database, tmp_path / "data")
    office.send(FEES, fee_row("R1", fee="100.00", discount="5.00", merchant="NOW"))
    return office


def pay_out(office: PaymentOffice, key: str, amount: str) -> None:
    payout = payouts.Payout(
        party="COLL001",
        source=CreditSource.LIABILITY,
        method=PayoutMethod.CHECK,
        amount=amount,
        key=key,
    )
    payouts.add_payout(office.keeper, payout)


def void(office: PaymentOffice, key: str) -> None:
    payouts.void(office.keeper, key)
    audit(office.books).check()
    assert_verified(office)


def discounts(office: PaymentOffice) -> tuple[int, int]:
    """Return what is given in discounts, and what of it waits."""
    totals = office.totals()
    return totals.get("DISCOUNTS", 0), -totals.get("UNAPPLIED_DISCOUNTS", 0)


@pytest.mark.parametrize("clears", [True, False])
def test_a_void_payout_leaves_everything_as_it_was(office: PaymentOffice, clears: bool) -> None:
    """A check that was lost in the mail costs a family no discount."""
    before = audit(office.books).lots(), office.totals()
    pay_out(office, "O1", "20.00")
    assert discounts(office) == (0, 0)
    if clears:
        payouts.clear(office.keeper, "O1")
    void(office, "O1")
    assert (audit(office.books).lots(), office.totals()) == before
    office.charge("LIABILITY,C1,S1,LOST_BOOK,100.00,2026-03-02")
    assert office.statuses()["C1"] == ("paid", "0.00")


@pytest.mark.parametrize(("first", "last"), [("O1", "O2"), ("O2", "O1")])
def test_a_discount_waits_again_once_all_cash_is_back(
    office: PaymentOffice, first: str, last: str
) -> None:
    """No discount is left to a family that took a part of its money out."""
    pay_out(office, "O1", "20.00")
    pay_out(office, "O2", "10.00")
    void(office, first)
    assert discounts(office) == (0, 0)
    void(office, last)
    assert discounts(office) == (500, 500)


def test_a_discount_whose_cash_was_moved_stays_given_back(office: PaymentOffice) -> None:
    """What left for a wallet buys meals, which no discount is for."""
    pay_out(office, "O1", "20.00")
    moved = transfers.Transfer(
        from_party="COLL001",
        source=CreditSource.LIABILITY,
        to_party="S1",
        target=CreditTarget.WALLET,
        amount="1.00",
        key="X1",
    )
    transfers.add_transfer(office.keeper, moved)
    void(office, "O1")
    assert discounts(office) == (0, 0)


def test_a_discount_that_bounced_with_its_payment_stays_away(office: PaymentOffice) -> None:
    """Nothing waits of a payment that the bank took back, whatever becomes of its payout."""
    pay_out(office, "O1", "20.00")
    office.bounce(office.keys()[0])
    void(office, "O1")
    assert discounts(office) == (0, 0)
    assert not +audit(office.books).lots()


def test_a_discount_that_waits_again_pays_what_is_open(office: PaymentOffice) -> None:
    """What the family came to owe meanwhile is paid by it, the cash first."""
    pay_out(office, "O1", "95.00")
    office.charge("LIABILITY,C1,S1,LOST_BOOK,97.00,2026-03-02")
    void(office, "O1")
    assert office.statuses()["C1"] == ("paid", "0.00")
    assert discounts(office) == (500, 300)
