"""What is said to be done already was done: the same command twice, and one that only looks so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.service.office import payments, payouts, refunds, transfers
from ingestd.service.office.bookkeeper import Answer
from ingestd.service.office.charges import Sale, add_penalty
from ingestd.values.errors import LedgerRefusal, UsageError
from tests.integration.office.conftest import TODAY, Office


def test_a_return_whose_penalty_exists_is_not_answered_as_done(office: Office) -> None:
    """Whoever reads "returned" can rely on it: the bank has the money no more."""
    office.pay("P1", "S1", "5.00", method="cash")
    add_penalty(office.keeper, "S1", "NSF_FEE", tracking_id="PENALTY-P1")
    with pytest.raises(LedgerRefusal, match="PENALTY-P1") as refused:
        office.bounce("P1", penalty="NSF_FEE")
    assert refused.value.refusal == "other_content"
    assert office.totals()["CASH"] == 500
    assert office.bounce("P1")["status"] == "returned"


def test_cash_for_a_sale_that_was_owed_is_not_answered_as_taken(office: Office) -> None:
    """Money in the drawer that the books do not know of is told at once."""
    owed = Sale(party="S1", billing_code="MEAL", tracking_id="T1")
    office.sell(owed)
    with pytest.raises(LedgerRefusal, match="T1 exists with other content") as refused:
        office.sell(Sale(party="S1", billing_code="MEAL", tracking_id="T1", paid=Paid.CASH))
    assert refused.value.refusal == "other_content"
    assert office.sell(owed) == {"tracking_id": "T1", "party": "S1"}


@pytest.mark.parametrize("other", [{"name": "Gus"}, {"email": "g@b.org"}, {"phone": "2"}])
def test_a_guest_reached_otherwise_is_not_answered_as_kept(
    office: Office, other: dict[str, str]
) -> None:
    """Whoever corrects a guest's number is told that the books still hold the old one."""
    guest = {"name": "Gil", "email": "g@a.org", "phone": "1"}

    def buy(contact: dict[str, str]) -> Answer:
        return office.sell(
            Sale(party="guest", billing_code="SUMMER", tracking_id="T1", **contact)  # type: ignore[arg-type]
        )

    assert buy(guest) == buy(guest)
    with pytest.raises(LedgerRefusal, match="T1 exists with other content"):
        buy(guest | other)


def test_a_sale_is_not_mixed_up_with_a_payment_of_its_name(office: Office) -> None:
    """A clash of IDs is told as one, and the sale can be made under another."""
    office.pay("CASH-T1", "S1", "5.00")
    sale = Sale(party="S1", billing_code="MEAL", tracking_id="T1", paid=Paid.CASH)
    with pytest.raises(LedgerRefusal, match="CASH-T1") as refused:
        office.sell(sale)
    assert refused.value.refusal == "other_content"
    assert office.statuses() == {}


def test_a_refund_goes_out_though_its_payouts_name_is_taken(office: Office) -> None:
    """Whoever gave a payout such a name can take the charge back all the same."""
    office.charge(
        "LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-01", "LIABILITY,K1,S1,LATE_FEE,5.00,2026-03-01"
    )
    office.pay("P1", "S1", "30.00", method="cash")
    payout = payouts.Payout(
        party="S1",
        source=CreditSource.LIABILITY,
        method=PayoutMethod.CHECK,
        amount="1.00",
        key="PAYOUT-C1",
    )
    payouts.add_payout(office.keeper, payout)

    def refund(tracking_id: str, key: str | None = None) -> Answer:
        return refunds.refund_charge(office.keeper, tracking_id, to=RefundTo.CHECK, key=key)

    by_its_charge = refund("C1", "K1"), refund("K1")
    assert by_its_charge[0]["payout_id"] == "PAYOUT-K1"
    assert str(by_its_charge[1]["payout_id"]).startswith("PAYOUT-")
    assert by_its_charge[1] == refund("K1")
    assert by_its_charge[0] == refund("C1", "K1")
    assert -office.totals()["PAYOUTS_UNDER_WAY"] == 1100
    office.charge("LIABILITY,C2,S1,LATE_FEE,5.00,2026-03-01")
    payouts.add_payout(office.keeper, replace(payout, key="PAYOUT-C2"))
    assert refund("C2")["payout_id"] not in (None, "PAYOUT-C2")
    with office.books.database.reading() as connection:
        found = verify_ledger(connection, office.books.account.account_id, decimals=2)
    assert found.differences == ()


def test_a_payment_is_answered_again_though_its_family_is_another(office: Office) -> None:
    """A script that types a day again meets the roster of the night between, and no mistake."""
    office.charge("LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-01")
    fed = payments.Payment(
        payer="COLL001",
        amount="9.00",
        method="cash",
        to=AccountType.WALLET,
        for_party="S1",
        key="P1",
    )
    named = payments.Payment(payer="S2", amount="1.00", method="cash", for_charge="C1", key="P2")
    moved = transfers.Transfer(
        from_party="S1",
        source=CreditSource.WALLET,
        to_party="S2",
        target=CreditTarget.LIABILITY,
        amount="2.00",
        for_charge="C1",
        key="X1",
    )

    def type_all() -> tuple[Answer, ...]:
        keeper = office.keeper
        reported = (payments.add_payment(keeper, payment) for payment in (fed, named))
        return *reported, transfers.add_transfer(keeper, moved)

    first = type_all()
    office.books.load(
        CatalogKind.STUDENTS, [{"student_id": "S1", "parent_code": "LEE001"}], at=TODAY
    )
    before = office.books.dump("seal", "posting")
    assert type_all() == first
    assert office.books.dump(*before) == before
    for payment in (fed, named):
        with pytest.raises(UsageError, match="family"):
            payments.add_payment(office.keeper, replace(payment, key="NEW"))


def test_a_part_that_was_taken_back_is_no_answer_to_the_rest(office: Office) -> None:
    """Who takes back what was given up meanwhile is not told of an earlier refund instead."""
    office.charge(
        "LIABILITY,C1,S1,LATE_FEE,5.00,2026-03-02", "LIABILITY,C2,S1,LATE_FEE,,2026-03-02"
    )
    keeper = office.keeper
    refunds.refund_charge(keeper, "C1", amount="2.00", key="R1")
    refunds.write_off_charge(keeper, "C1", key="W1")
    with pytest.raises(LedgerRefusal) as refused:
        refunds.void_charge(keeper, "C1")
    assert refused.value.refusal == "refund_too_large"
    refunds.write_off_charge(keeper, "C2", amount="3.00", key="W2")
    taken = refunds.void_charge(keeper, "C2")
    assert taken["refunded"] == "2.00"
    assert refunds.void_charge(keeper, "C2") == taken
