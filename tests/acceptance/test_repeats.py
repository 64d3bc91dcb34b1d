"""The same rows again: whatever repeats them, nobody is billed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

NAME = "student_billing_destiny.csv"
OTHER_NAME = "Student_Billing_2025-03-02-again.CSV"
ROWS = (
    "LIABILITY,R-1,00042,LOST_BOOK,Atlas,18.50,2025-03-02T14:38:02Z",
    "WALLET,R-2,00043,LATE_FEE,,,",
)
ITEMS = {"R-1": "18.50", "R-2": "5.00"}
ALL_DUPLICATE = {"total": 2, "applied": 0, "duplicate": 2, "conflict": 0, "rejected": 0}


@pytest.fixture(scope="module")
def once(shared_school: School) -> School:
    """A school whose file was processed once."""
    shared_school.upload(shared_school.write(NAME, *ROWS))
    assert shared_school.wait_until_receipt(NAME)["rows"]["applied"] == 2
    return shared_school


def test_the_same_file_again_posts_nothing(once: School) -> None:
    """A client that retries after a lost reply is never billed twice."""
    once.upload(once.outbox / NAME)
    _, again = once.wait_until_receipts(NAME, 2)
    assert (again["status"], again["rows"], again["findings"]) == ("processed", ALL_DUPLICATE, [])
    assert again["applied_amount"] == "0.00"
    assert once.items("R-") == ITEMS


def test_the_same_rows_under_another_name_post_nothing(once: School) -> None:
    """A job that puts today's date into the name may still send yesterday's rows."""
    once.upload(once.write(OTHER_NAME, *ROWS))
    again = once.wait_until_receipt(OTHER_NAME)
    assert (again["status"], again["rows"]) == ("processed", ALL_DUPLICATE)
    assert once.items("R-") == ITEMS


def test_a_row_twice_in_one_file_is_applied_once(shared_school: School) -> None:
    """An export that joins a table wrongly bills nobody twice."""
    row = "LIABILITY,TWICE-1,00042,LOST_BOOK,,18.50,"
    shared_school.upload(shared_school.write("student_billing_twice.csv", row, row))
    rows = shared_school.wait_until_receipt("student_billing_twice.csv")["rows"]
    assert (rows["applied"], rows["duplicate"]) == (1, 1)
    assert shared_school.items("TWICE") == {"TWICE-1": "18.50"}


def test_the_same_file_after_a_restart_posts_nothing(open_school: School) -> None:
    """What was billed is remembered by the ledger, not by a process."""
    open_school.upload(open_school.write(NAME, *ROWS))
    open_school.wait_until_receipt(NAME)
    assert open_school.stop() == 0
    open_school.start()
    open_school.upload(open_school.outbox / NAME)
    _, again = open_school.wait_until_receipts(NAME, 2)
    assert again["rows"] == ALL_DUPLICATE
    assert open_school.items() == ITEMS


def test_one_bad_row_rejects_all_where_the_school_wants_all_or_nothing(school: School) -> None:
    """A district that balances whole files gets whole files, or none."""
    accounts = school.config / "accounts.toml"
    policy = f'\n[{school.account}.policy]\nfile = "all_or_nothing"\n'
    accounts.write_text(accounts.read_text() + policy)
    school.start()
    school.upload(school.write(NAME, *ROWS, "LIABILITY,R-3,99999,LOST_BOOK,,18.50,"))
    receipt = school.wait_until_receipt(NAME)
    assert (receipt["status"], receipt["applied_amount"]) == ("rejected", "0.00")
    counts = {name: count for name, count in receipt["rows"].items() if count}
    assert counts == {"total": 3, "rejected": 3}
    bad = [(finding["row"], finding["code"]) for finding in receipt["findings"]]
    assert bad == [(4, "student_unknown"), (None, "all_or_nothing")]
    assert "Rows that are good: 2." in receipt["findings"][1]["message"]
    assert school.items() == {}
    # Nothing was used up: mended, the same rows are taken.
    school.upload(school.write(NAME, *ROWS))
    assert school.wait_until_receipts(NAME, 2)[1]["rows"]["applied"] == 2
