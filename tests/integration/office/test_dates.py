"""Days in the past: what is dated back changes no day on which the books said otherwise."""

from __future__ import annotations

import pytest

from ingestd.ledger.money.choices import CreditSource, PayoutMethod, RefundTo
from ingestd.service.office import payouts, refunds
from ingestd.values.errors import LedgerRefusal
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import Office, day


def check_every_day(office: Office) -> None:
    seen = audit(office.books)
    seen.check()
    for each in seen.days:
        seen.check(each)


def pay_out(office: Office, key: str, method: PayoutMethod, *, on: str) -> None:
    payout = payouts.Payout(party="S1", source=CreditSource.LIABILITY, method=method, key=key)
    payouts.add_payout(office.keeper, payout, on=day(on))


def test_nothing_becomes_of_a_payment_before_it_was_received(office: Office) -> None:
    """No day shows money in the bank that nobody had paid yet."""
    office.pay("P1", "S1", "5.00", on="2026-03-10")
    before = office.books.dump("seal", "payment_event", "posting")
    for change in (office.settle, office.take_back):
        with pytest.raises(LedgerRefusal, match="received on 2026-03-10"):
            change("P1", on="2026-03-09")
    assert office.books.dump(*before) == before
    office.settle("P1", on="2026-03-10")
    check_every_day(office)


def test_a_payment_is_not_returned_before_the_refund_of_what_it_paid(office: Office) -> None:
    """On no day does a wallet hold less than nothing because the bank was told of too early."""
    office.charge("LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-01")
    office.pay("P1", "S1", "5.00", on="2026-03-05")
    office.settle("P1", on="2026-03-09")
    office.void("C1", on="2026-03-25")
    office.charge("WALLET,W1,S1,MEAL,5.00,2026-03-10")
    before = office.books.dump("seal", "payment_event", "posting", "allocation")
    with pytest.raises(LedgerRefusal, match="Until 2026-03-25 payment P1"):
        office.bounce("P1", on="2026-03-15")
    assert office.books.dump(*before) == before
    office.bounce("P1", on="2026-03-25")
    assert office.statuses() == {"C1": ("void", "0.00"), "W1": ("unpaid", "5.00")}
    check_every_day(office)


def test_a_charge_is_not_taken_back_before_its_payment_bounced(office: Office) -> None:
    """On no day is a charge paid and taken back, both, and owed less than nothing."""
    office.charge("LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-01")
    office.pay("P1", "S1", "5.00", on="2026-03-05")
    office.settle("P1", on="2026-03-09")
    office.bounce("P1", on="2026-03-20")
    before = office.books.dump("seal", "refund", "posting")
    with pytest.raises(LedgerRefusal, match="Until 2026-03-20 C1"):
        office.void("C1", on="2026-03-10")
    assert office.books.dump(*before) == before
    office.void("C1", on="2026-03-20")
    check_every_day(office)


def test_refunded_money_is_in_the_wallet_since_it_left_the_charge(office: Office) -> None:
    """What paid tomorrow's charge pays nothing out of the wallet today."""
    office.charge("WALLET,W1,S1,MEAL,5.00,2026-11-20")
    office.pay("P1", "S1", "5.00", on="2026-11-01", method="cash")
    office.charge("LIABILITY,C1,S1,LATE_FEE,5.00,2026-11-23")
    assert office.statuses()["C1"] == ("paid", "0.00")
    office.refund("C1")
    assert office.statuses()["W1"] == ("paid", "0.00")
    check_every_day(office)
    office.bounce("P1", on="2026-11-22")
    assert office.statuses()["W1"] == ("unpaid", "5.00")
    check_every_day(office)


def test_an_earlier_refund_does_not_date_back_what_a_later_one_left(office: Office) -> None:
    """Two refunds of one payment, entered in any order of their days, leave a wallet in order."""
    office.charge(
        "LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-01",
        "LIABILITY,C2,S1,LATE_FEE,5.00,2026-03-02",
        "WALLET,W1,S1,MEAL,5.00,2026-03-12",
    )
    office.pay("P1", "S1", "10.00", on="2026-03-05", method="cash")
    office.void("C1", on="2026-03-10")
    assert office.statuses()["W1"] == ("paid", "0.00")
    office.void("W1", on="2026-03-28")
    office.void("C2", on="2026-03-10")
    office.charge("WALLET,W2,S1,MEAL,10.00,2026-03-13")
    assert office.statuses()["W2"] == ("paid", "0.00")
    check_every_day(office)


def test_a_payout_is_not_voided_before_its_payment_bounced(office: Office) -> None:
    """On no day is a payout paid and taken back, both, and owed less than nothing."""
    office.pay("P1", "S1", "20.00", on="2026-03-01")
    office.settle("P1", on="2026-03-01")
    pay_out(office, "O1", PayoutMethod.CHECK, on="2026-03-03")
    office.bounce("P1", on="2026-03-07")
    before = office.books.dump("seal", "payout_event", "posting")
    with pytest.raises(LedgerRefusal, match="Until 2026-03-07 payout O1"):
        payouts.void(office.keeper, "O1", on=day("2026-03-05"))
    assert office.books.dump(*before) == before
    payouts.void(office.keeper, "O1", on=day("2026-03-07"))
    check_every_day(office)


def test_what_a_refund_pays_out_goes_not_before_it_was_paid(office: Office) -> None:
    """On no day is money owed back that had not come yet, and did not bounce."""
    office.charge("LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-01")
    office.pay("P0", "S2", "5.00", method="cash", to="WALLET", on="2026-03-01")
    office.charge("LIABILITY,C2,S1,LATE_FEE,5.00,2026-03-01")
    office.pay("P1", "S1", "10.00", method="cash", on="2026-03-10")
    for key, to in (("C1", RefundTo.CHECK), ("C2", RefundTo.CASH)):
        refunds.refund_charge(office.keeper, key, to=to, on=day("2026-03-02"))
    check_every_day(office)
    assert "PAID_OUT_WALLET" not in office.totals(as_of="2026-03-02")
    assert office.totals(as_of="2026-03-09") == {"CASH": 500, "WALLET_CREDIT": -500}
    with pytest.raises(LedgerRefusal, match="was made on 2026-03-10"):
        payouts.clear(office.keeper, "PAYOUT-C1", on=day("2026-03-09"))
