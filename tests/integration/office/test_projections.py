"""What is kept beside the facts: filled for books that are older, and in the right order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.audit.verify import verify_ledger
from tests.integration.office.conftest import Office


def assert_verified(office: Office) -> None:
    with office.books.database.reading() as connection:
        found = verify_ledger(connection, office.books.account.account_id, decimals=2)
    assert found.differences == ()


def test_a_products_new_sort_counts_for_what_is_open_already(office: Office) -> None:
    """A school that says what is to be paid first means what families owe now, too."""
    office.charge(
        "LIABILITY,A,S1,LATE_FEE,5.00,2026-03-02",
        "LIABILITY,B,S2,LOST_BOOK,5.00,2026-03-02",
        "LIABILITY,C,S1,NSF_FEE,5.00,2026-03-02",
    )
    office.books.load(
        CatalogKind.PRODUCTS,
        [{"billing_code": "LATE_FEE", "sort": 2}, {"billing_code": "LOST_BOOK", "sort": 1}],
    )
    assert_verified(office)
    for number, paid in enumerate(("C", "B", "A")):
        office.pay(f"P{number}", "COLL001", "5.00")
        office.settle(f"P{number}")
        assert office.statuses()[paid] == ("paid", "0.00")
    assert_verified(office)


@pytest.mark.parametrize("paid", [1, 7, 8, 9, 40, 63, 64])
def test_money_goes_as_far_as_it_reaches(office: Office, paid: int) -> None:
    """However many small charges a family has open, one payment pays the oldest of them all."""
    rows = [
        f"LIABILITY,K{99 - number},{'S1' if number % 3 else 'S2'},LATE_FEE,0.10,"
        f"2026-03-02T12:{number % 32:02}:00Z"
        for number in range(64)
    ]
    office.charge(*rows)
    office.pay("P1", "COLL001", f"{paid / 10:.2f}")
    office.settle("P1")
    # Of the same minute the earlier row comes first, whatever its key.
    by_age = sorted(range(64), key=lambda number: (number % 32, number))
    settled = {key for key, (status, _) in office.statuses().items() if status == "paid"}
    assert settled == {f"K{99 - number}" for number in by_age[:paid]}
    assert_verified(office)


def test_a_payment_that_paid_thousands_is_returned_in_one_go(office: Office) -> None:
    """What one payment did is looked up line by line, not all of it again for each line."""
    count = 4_000
    office.charge(*(f"LIABILITY,K{number},S1,LATE_FEE,0.01,2026-03-02" for number in range(count)))
    office.pay("P1", "COLL001", f"{count / 100:.2f}")
    office.settle("P1")
    with deadline(seconds=30):  # it takes a fifth of a second; the square of it takes minutes
        office.bounce("P1")
    assert {status for status, _ in office.statuses().values()} == {"unpaid"}
    assert_verified(office)


def test_paid_charges_stay_paid_when_their_product_is_sorted_anew(office: Office) -> None:
    """A new order is for what is open; what was paid is history."""
    rows = [f"LIABILITY,K{number},S1,LATE_FEE,1.00,2026-03-02" for number in range(2_000)]
    office.charge(*rows, "WALLET,W1,S1,MEAL,3.00,2026-03-02", "LIABILITY,X,S1,PROM,,2026-03-02")
    office.pay("P1", "COLL001", "1500.50")
    office.settle("P1")
    before = office.statuses()
    with deadline(seconds=30):
        office.books.load(CatalogKind.PRODUCTS, [{"billing_code": "LATE_FEE", "sort": 9}])
    assert office.statuses() == before
    assert_verified(office)
    office.pay("P2", "COLL001", "80.00")
    office.settle("P2")
    assert office.statuses()["X"] == ("paid", "0.00")


@contextmanager
def deadline(*, seconds: float) -> Iterator[None]:
    """Fail when the block took longer than a machine that is busy may take."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds
