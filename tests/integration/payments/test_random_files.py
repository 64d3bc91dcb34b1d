"""Random payment files, settled, returned and sent again: the receipts and the books agree."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount
from tests.chaos import TIMES
from tests.integration.office.conftest import STUDENTS as FAMILY
from tests.integration.payments.conftest import (
    ENROLMENT,
    FEES,
    REFERENCE,
    STUDENTS,
    SUNDRY,
    PaymentOffice,
    counts,
    enrolment_row,
    fee_row,
    sundry_row,
)

pytestmark = pytest.mark.chaos

receipts = st.sampled_from(["", "", "R1", "R2"])
batches = st.sampled_from(["1", "2"])
merchants = st.sampled_from(["ABCDE371", "ABCDE371", "NOW", "null"])
amounts = st.sampled_from(["5.00", "12.50", "100.00"])
fees = st.builds(
    fee_row,
    receipts,
    parent=st.sampled_from(["COLL001", "COTT001", "NOBODY"]),
    fee=amounts,
    build=st.sampled_from(["0", "3.00"]),
    other=st.sampled_from(["0", "2.00"]),
    discount=st.sampled_from(["0", "1.00", "5.00"]),
    batch=batches,
    merchant=merchants,
)
sundries = st.builds(
    sundry_row,
    receipts,
    amounts,
    st.sampled_from(["0.00", "1.00"]),
    account=st.sampled_from(["HIRE", "HIRE", "OLD"]),
    batch=batches,
    merchant=merchants,
)
enrolments = st.builds(
    enrolment_row,
    receipts,
    st.sampled_from(["D", "A", "G"]),
    amounts,
    student=st.sampled_from(["S1", "S2", "S3"]),
    batch=batches,
    merchant=merchants,
)
files = st.one_of(
    [
        st.tuples(st.just(kind), st.lists(rows, min_size=1, max_size=6))
        for kind, rows in ((FEES, fees), (SUNDRY, sundries), (ENROLMENT, enrolments))
    ]
)
settlements = st.tuples(st.sampled_from(["ABCDE371", ""]), batches)
_CHARGES = ("LIABILITY,C1,S1,MEAL,30.00,2026-01-05", "LIABILITY,C2,S3,MEAL,300.00,2026-01-05")
_examples = itertools.count()


def account_of_its_own(office: PaymentOffice) -> PaymentOffice:
    """Open another account's books, which is as good as a database of its own."""
    name = AccountId(f"A{next(_examples)}")
    books = replace(office.books, account=replace(office.books.account, account_id=name))
    books.folders.create_for(name)
    own = PaymentOffice(books)
    books.load(CatalogKind.STUDENTS, [*FAMILY, *STUDENTS])
    books.load(CatalogKind.PRODUCTS, [{"billing_code": "MEAL", "price": 325}])
    for table, rows in REFERENCE.items():
        own.refer(table, *rows)
    own.charge(*_CHARGES)
    return own


@settings(
    max_examples=8 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(files, min_size=1, max_size=3), st.lists(settlements, max_size=2), st.booleans())
def test_receipts_and_books_agree_whatever_comes(
    office: PaymentOffice,
    sent: list[tuple[str, list[str]]],
    settled: list[tuple[str, str]],
    bounces: bool,
) -> None:
    """What receipts say was taken is what the ledger holds, to the cent, and it balances."""
    own = account_of_its_own(office)
    received: Counter[tuple[str | None, str]] = Counter()
    for kind, rows in sent:
        outcome = own.send(kind, *rows)
        assert sum(counts(outcome)) == len(rows)
        receipt = own.receipt(outcome)
        assert sum(batch["rows"] for batch in receipt["batches"]) == counts(outcome)[0]
        cents = 0
        for batch in receipt["batches"]:
            amount = int(batch["amount"].replace(".", ""))
            received[batch["merchant_id"], batch["batch_num"]] += amount
            cents += amount
        assert receipt["applied_amount"] == format_amount(cents)
        own.assert_in_balance()
    for merchant, batch_num in dict.fromkeys(settled):
        expected = received[merchant or None, batch_num]
        if expected:
            own.settle_batch(batch_num, format_amount(expected), merchant=merchant)
            own.assert_in_balance()
    if bounces and own.totals().get("BANK"):
        own.bounce(own.keys("settled")[0])
        own.assert_in_balance()
    held = own.totals()
    assert held.get("CLEARING", 0) + held.get("BANK", 0) + own.returned() == received.total()
    before = own.totals()
    for kind, rows in sent:
        applied = counts(own.send(kind, *rows))[0]
        assert applied == 0
    assert own.totals() == before
