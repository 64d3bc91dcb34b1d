"""What is said to be done already was done: the same command twice, and one that only looks so."""

from __future__ import annotations

import pytest

from ingestd.ledger.money.choices import Paid
from ingestd.service.office.bookkeeper import Answer
from ingestd.service.office.charges import Sale, add_penalty
from ingestd.values.errors import LedgerRefusal
from tests.integration.office.conftest import Office


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
