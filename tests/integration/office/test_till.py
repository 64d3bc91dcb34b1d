"""The till: what is given back or brought to the bank was in it."""

from __future__ import annotations

from datetime import date

import pytest

from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.money.choices import CreditSource, Paid, PayoutMethod, RefundTo
from ingestd.service.office import payouts, refunds
from ingestd.service.office.charges import Sale
from ingestd.values.errors import LedgerRefusal
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import Office, day


def pay_out(office: Office, key: str, amount: str) -> None:
    payout = payouts.Payout(
        party="S1",
        source=CreditSource.LIABILITY,
        method=PayoutMethod.CASH,
        amount=amount,
        key=key,
    )
    payouts.add_payout(office.keeper, payout)


def refuse_return(office: Office, key: str) -> None:
    before = office.books.dump("seal", "posting", "payment_event")
    with pytest.raises(LedgerRefusal, match=r"in cash, and 20\.00 would go out") as refused:
        office.bounce(key)
    assert refused.value.refusal == "cash_short"
    assert office.books.dump(*before) == before


def test_cash_that_was_paid_out_is_not_returned_once_more(office: Office) -> None:
    """The till never holds less than nothing: who kept the money owes it no second time."""
    office.pay("P1", "S1", "20.00", method="cash")
    pay_out(office, "O1", "15.00")
    refuse_return(office, "P1")
    assert office.totals()["CASH"] == 500


def test_cash_that_is_at_the_bank_is_not_returned_from_the_till(office: Office) -> None:
    """Whoever corrects yesterday's payment writes down the right one first."""
    office.pay("P1", "S1", "20.00", method="cash")
    payouts.bring_cash(office.keeper, "20.00")
    refuse_return(office, "P1")
    office.pay("P2", "S2", "20.00", method="cash")
    assert office.bounce("P1")["status"] == "returned"
    assert office.bounce("P1")["status"] == "returned"
    assert office.totals() == {"BANK": 2000, "UNAPPLIED_FEES": -2000}
    audit(office.books).check()


def test_cash_is_not_brought_to_the_bank_before_it_came(office: Office) -> None:
    """On no day does the till hold less than nothing, whatever day a slip is dated."""
    office.pay("P1", "S1", "20.00", method="cash", on="2026-03-10")
    before = office.books.dump("seal", "posting", "cash_deposit")
    with pytest.raises(LedgerRefusal, match=r"From 2026-03-09 on there are 0\.00 in cash"):
        payouts.bring_cash(office.keeper, "20.00", on=date(2026, 3, 9))
    assert office.books.dump(*before) == before
    payouts.bring_cash(office.keeper, "15.00", key="D1", on=date(2026, 3, 12))
    with pytest.raises(LedgerRefusal, match=r"From 2026-03-11 on there are 5\.00 in cash"):
        payouts.bring_cash(office.keeper, "6.00", on=date(2026, 3, 11))
    payouts.bring_cash(office.keeper, "5.00", on=date(2026, 3, 11))
    assert office.totals(as_of="2026-03-11")["CASH"] == 1500
    assert office.totals(as_of="2026-03-12").get("CASH", 0) == 0


def test_a_cash_sale_that_was_voided_is_not_returned_as_well(office: Office) -> None:
    """Nobody in particular got the money back already, and owes nothing."""
    meal = Sale(
        party="ANONYMOUS", billing_code="MEAL", amount="20.00", paid=Paid.CASH, tracking_id="T1"
    )
    office.sell(meal)
    refunds.refund_charge(office.keeper, "T1", to=RefundTo.CASH)
    refuse_return(office, "CASH-T1")
    assert office.totals() == {}


def test_cash_is_given_back_on_no_day_before_it_came(office: Office) -> None:
    """The till was as full as any day's report says, however late the office types."""
    office.pay("P1", "S1", "20.00", method="cash", on="2026-03-10")
    office.pay("P2", "S1", "5.00", method="cash", on="2026-03-20")
    for amount, on in (("0.01", "2026-03-09"), ("20.01", "2026-03-10"), ("25.01", "2026-03-20")):
        with pytest.raises(LedgerRefusal) as refused:
            payouts.bring_cash(office.keeper, amount, on=day(on))
        assert refused.value.refusal == "cash_short"
    payouts.bring_cash(office.keeper, "21.00", on=day("2026-03-21"))
    with pytest.raises(LedgerRefusal) as refused:
        payouts.bring_cash(office.keeper, "4.01", on=day("2026-03-10"))
    assert refused.value.refusal == "cash_short"
    payouts.bring_cash(office.keeper, "4.00", on=day("2026-03-10"))
    seen = audit(office.books)
    for each in seen.days:
        seen.check(each)
        assert seen.balances(each)[LedgerAccount.CASH] >= 0
