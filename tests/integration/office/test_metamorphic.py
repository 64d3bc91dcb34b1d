"""Two ways to the same end: what must not make a difference to what anybody owes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.database.engine import Database
from ingestd.values.money import format_amount
from tests.chaos import TIMES
from tests.integration.office.bookkeeping import LotKey, audit
from tests.integration.office.conftest import Office
from tests.integration.office.histories import FileRow, amounts, file_rows, open_account, payers
from tests.integration.office.histories import types as account_types

pytestmark = pytest.mark.chaos

few = settings(
    max_examples=6 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
files = st.lists(file_rows, min_size=1, max_size=6, unique_by=lambda row: row.key)
payments = st.lists(st.tuples(payers, amounts, account_types), min_size=1, max_size=3)

Payments = list[tuple[str, int, str]]


@pytest.fixture
def database(make_database: object) -> Database:
    """SQLite; that PostgreSQL answers alike is tested elsewhere."""
    assert callable(make_database)
    made = make_database("sqlite")
    assert isinstance(made, Database)
    return made


def upload(office: Office, rows: list[FileRow]) -> None:
    if rows:
        office.charge(*map(str, rows))


def pay(office: Office, given_by: Payments) -> None:
    for number, (payer, cents, to) in enumerate(given_by):
        office.pay(f"P{number}", payer, format_amount(cents), to=to, on="2026-03-09")
        office.settle(f"P{number}", on="2026-03-20")


def state(office: Office) -> tuple[object, ...]:
    """Return what everybody has and owes, and what of each charge is open."""
    seen = audit(office.books)
    seen.check()
    lots: dict[LotKey, int] = dict(+seen.lots())
    return balances(office), office.statuses(), lots, dict(+seen.balances())


def balances(office: Office) -> dict[tuple[str, str], str]:
    """Return the balances that are not nothing; a party that was settled with has a row still."""
    return {key: left for key, left in office.books.balances().items() if left != "0.00"}


@few
@given(rows=files, given_by=payments, data=st.data())
def test_split_or_shuffled_a_file_that_is_paid_comes_to_the_same(
    database: Database, tmp_path: Path, rows: list[FileRow], given_by: Payments, data: st.DataObject
) -> None:
    """An export may write its rows in any order and in any number of files.

    Charges of one moment and one product rank are paid in the order in which they arrive, so
    that only the balances are the same where such a tie is shuffled.
    """
    whole = open_account(database, tmp_path)
    upload(whole, rows)
    split = open_account(database, tmp_path)
    at = data.draw(st.integers(0, len(rows)))
    upload(split, rows[:at])
    upload(split, rows[at:])
    shuffled = open_account(database, tmp_path)
    upload(shuffled, data.draw(st.permutations(rows)))
    for office in (whole, split, shuffled):
        pay(office, given_by)
    assert state(whole) == state(split)
    assert balances(whole) == balances(shuffled) or _has_ties(rows)


def _has_ties(rows: list[FileRow]) -> bool:
    return len({row.day for row in rows}) < len(rows)


@few
@given(rows=files, given_by=payments)
def test_credit_before_or_after_its_charges_comes_to_the_same(
    database: Database, tmp_path: Path, rows: list[FileRow], given_by: Payments
) -> None:
    """Whether a family pays in advance or late, it owes the same in the end."""
    late = open_account(database, tmp_path)
    upload(late, rows)
    pay(late, given_by)
    early = open_account(database, tmp_path)
    pay(early, given_by)
    upload(early, rows)
    assert state(late) == state(early)


@few
@given(rows=files, given_by=payments, bounced=st.tuples(payers, amounts, account_types))
def test_a_payment_that_settles_and_bounces_leaves_everything_as_it_was(
    database: Database,
    tmp_path: Path,
    rows: list[FileRow],
    given_by: Payments,
    bounced: tuple[str, int, str],
) -> None:
    """A bounced eCheck costs a family nothing but its penalty."""
    office = open_account(database, tmp_path)
    upload(office, rows)
    pay(office, given_by)
    before = state(office)
    payer, cents, to = bounced
    office.pay("BOUNCED", payer, format_amount(cents), to=to)
    office.settle("BOUNCED")
    office.bounce("BOUNCED")
    assert state(office) == before


@few
@given(rows=files, cents=amounts, is_wallet=st.booleans())
def test_a_return_and_a_refund_in_either_order_come_to_the_same(
    database: Database, tmp_path: Path, rows: list[FileRow], cents: int, is_wallet: bool
) -> None:
    """It does not matter whether the bank or the office was quicker."""
    ends = []
    for is_return_first in (True, False):
        office = open_account(database, tmp_path)
        upload(office, rows)
        to = "WALLET" if is_wallet else "LIABILITY"
        office.pay("P", "S1", format_amount(cents), to=to, method="cash")
        if is_return_first:
            office.bounce("P")
        office.refund(rows[0].key)
        if not is_return_first:
            office.bounce("P")
        ends.append(state(office))
    assert ends[0] == ends[1]


@few
@given(rows=files, given_by=payments)
def test_uploading_again_changes_nothing_whatever_happened_since(
    database: Database, tmp_path: Path, rows: list[FileRow], given_by: Payments
) -> None:
    """A nightly export that holds last week's charges bills, pays and reopens nothing."""
    office = open_account(database, tmp_path)
    upload(office, rows)
    pay(office, given_by)
    office.refund(rows[0].key)
    office.bounce("P0")
    before, facts = state(office), office.books.dump("charge", "posting", "allocation", "refund")
    upload(office, rows)
    office.refund(rows[0].key)
    assert state(office) == before
    assert office.books.dump(*facts) == facts
