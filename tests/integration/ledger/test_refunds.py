"""Refund files: a charge is taken back once, and its verdicts are as exact as a charge's."""

from __future__ import annotations

import json

import pytest

from ingestd.access.accounts import FilePolicy
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, FileStatus
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.service.office.refunds import write_off_charge
from tests.integration.ledger.conftest import Books

HEADER = "charge_tracking_id,tx_item_rowid,note"
CHARGES = (
    "LIABILITY,T1,S1,MEAL,,5.00",
    "WALLET,T2,S2,MEAL,,2.00",
    "WALLET,T3,S1,MEAL,,0.00",
)


def refund(books: Books, *rows: str, header: str = HEADER) -> FileOutcome:
    content = "".join(f"{line}\n" for line in (header, *rows)).encode()
    return books.post_bytes(content, "student_refunds.csv")


def counts(outcome: FileOutcome) -> tuple[int, int, int, int]:
    rows = outcome.rows
    assert rows is not None
    return rows.applied, rows.duplicate, rows.conflict, rows.rejected


def codes(books: Books) -> list[object]:
    return [row[3] for row in books.dump("finding")["finding"]]


def test_an_unpaid_charge_that_is_refunded_is_owed_no_more(books: Books) -> None:
    """A book that was found again is taken off the family's bill, and the books still balance."""
    books.post(*CHARGES)
    outcome = refund(books, "T1,item-7,found again")
    assert counts(outcome) == (1, 0, 0, 0)
    assert outcome.applied_amount == 500
    items = {item["tracking_id"]: item for item in books.items()}
    assert (items["T1"]["status"], items["T1"]["open"]) == ("void", "0.00")
    assert items["T2"]["status"] == "unpaid"
    assert books.balances()["S1", "LIABILITY"] == "0.00"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("T1,,",), (1, 0, 0, 0)),
        (("T1,,", "T1,,"), (1, 1, 0, 0)),
        (("T1,,", "T1,,other note"), (1, 0, 1, 0)),
        (("T1,1,", "T1,2,"), (1, 0, 1, 0)),
        (("T9,,",), (0, 0, 0, 1)),
        (("T9,,", "T1,,"), (1, 0, 0, 1)),
        (("t1,,",), (0, 0, 0, 1)),
        ((",,",), (0, 0, 0, 0)),
        ((",x,",), (0, 0, 0, 1)),
        (("T1,,", "T2,,", "T3,,"), (3, 0, 0, 0)),
    ],
)
def test_every_refund_row_gets_one_verdict(
    books: Books, rows: tuple[str, ...], expected: tuple[int, int, int, int]
) -> None:
    """A charge is refunded once at most, however often the row comes."""
    books.post(*CHARGES)
    assert counts(refund(books, *rows)) == expected


def test_a_refund_sent_again_is_a_duplicate_and_one_with_other_content_a_conflict(
    books: Books,
) -> None:
    """A client that lost the reply sends again, and nothing is taken back twice."""
    books.post(*CHARGES)
    refund(books, "T1,,returned")
    assert counts(refund(books, "T1,,returned")) == (0, 1, 0, 0)
    again = refund(books, "T1,,another reason")
    assert counts(again) == (0, 0, 1, 0)
    books.deliver(again.upload_id)
    receipt = json.loads(books.receipts()[f"student_refunds.{again.upload_id}.json"])
    assert receipt["format"] == "student_refunds"
    [finding] = receipt["findings"]
    assert (finding["code"], finding["column"]) == ("conflict", "charge_tracking_id")
    assert f"{2:026}, row 2" in finding["message"]


def test_the_csv_receipt_says_where_a_refund_was_applied_first(books: Books) -> None:
    """Not where its charge came from: the office looks for the refund."""
    books.post(*CHARGES)
    refund(books, "T2,,", "T1,,")
    again = refund(books, "T1,,")
    books.deliver(again.upload_id)
    name = next(name for name in books.receipts() if name.endswith(".csv"))
    assert (
        f"upload {2:026} (student_refunds.csv) had applied: 1." in books.receipts()[name].decode()
    )


def test_a_rejected_refund_does_not_use_up_its_key(books: Books) -> None:
    """The charge arrives a day late; the refund is sent again and works."""
    assert counts(refund(books, "T1,,")) == (0, 0, 0, 1)
    assert codes(books) == ["charge_unknown"]
    books.post(*CHARGES)
    assert counts(refund(books, "T1,,")) == (1, 0, 0, 0)


def test_all_or_nothing_holds_for_refunds(books: Books) -> None:
    """An account that takes files whole gets no half of a refund file either."""
    books.post(*CHARGES)
    strict = books.under(file=FilePolicy.ALL_OR_NOTHING)
    outcome = refund(strict, "T1,,", "T9,,")
    assert counts(outcome) == (0, 0, 0, 2)
    assert outcome.status.value == "rejected"
    assert books.balances()["S1", "LIABILITY"] == "-5.00"


def test_a_refund_file_needs_only_its_key_column(books: Books) -> None:
    """The smallest export that any system can make works."""
    books.post(*CHARGES)
    assert counts(refund(books, "T1", header="Charge Tracking ID")) == (1, 0, 0, 0)


def test_the_charge_itself_stays_a_duplicate_after_its_refund(books: Books) -> None:
    """A nightly export that still holds a refunded charge does not bill it anew."""
    books.post(*CHARGES)
    refund(books, "T1,,")
    outcome = books.post(*CHARGES)
    assert counts(outcome) == (0, 3, 0, 0)
    assert books.balances()["S1", "LIABILITY"] == "0.00"


def test_a_charge_file_under_a_refunds_name_takes_nothing_back(books: Books) -> None:
    """A slip in a job's file name must not give a year's fees back."""
    books.post(*CHARGES)
    header = "account_type,charge_tracking_id,Student ID,billing_code,note,amount"
    outcome = refund(books, *CHARGES, header=header)
    assert (outcome.status, outcome.rows) == (FileStatus.REJECTED, None)
    assert codes(books) == ["format_unexpected"]
    assert {item["status"] for item in books.items()} == {"unpaid", "paid"}


def test_a_refund_file_may_have_columns_of_its_own(books: Books) -> None:
    """What an export holds beside the key is ignored, and told."""
    books.post(*CHARGES)
    outcome = refund(books, "T1,S1,MEAL", header="charge_tracking_id,student_id,billing_code")
    assert counts(outcome) == (1, 0, 0, 0)
    assert codes(books) == ["extra_label", "extra_label"]


def test_what_was_written_off_is_not_taken_back(books: Books) -> None:
    """A district that refunds what its office gave up learns that nothing is owed any more."""
    books.post(*CHARGES)
    keeper = Bookkeeper(
        database=books.database, clock=books.clock, account=books.account, entered_by="op"
    )
    write_off_charge(keeper, "T1", key="W1")
    write_off_charge(keeper, "T2", amount="0.50", key="W2")
    before = books.balances()
    outcome = refund(books, "T1,,", "T2,,")
    assert counts(outcome) == (1, 0, 0, 1)
    assert outcome.applied_amount == 150
    assert codes(books) == ["already_written_off"]
    assert books.balances()["S1", "LIABILITY"] == before["S1", "LIABILITY"] == "0.00"
    assert counts(refund(books, "T1,,", "T2,,")) == (0, 1, 0, 1)
