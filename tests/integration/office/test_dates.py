"""Days in the past: what is dated back changes no day on which the books said otherwise."""

from __future__ import annotations

import pytest

from ingestd.values.errors import LedgerRefusal
from tests.integration.office.bookkeeping import audit
from tests.integration.office.conftest import Office


def check_every_day(office: Office) -> None:
    seen = audit(office.books)
    seen.check()
    for day in seen.days:
        seen.check(day)


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
