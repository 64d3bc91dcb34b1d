"""SQLite and PostgreSQL give the same answers, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from tests.integration.ledger.conftest import HEADER, Books, charges

SAMPLES = Path(__file__).parents[2] / "samples" / "student_billing"

FILES = {
    "every verdict": charges(
        *("WALLET,b,S2,MEAL,,", "WALLET,B,S1,MEAL,,1", "LIABILITY,_,S3,FEE,x,"),
        "WALLET,a,S1,MEAL,,",
        *("WALLET,a,S1,MEAL,,", "WALLET,a,S1,MEAL,y,", "WALLET,c,S9,NOPE,=1+1,x"),
        "WALLET,é,S1,MEAL,,",
    ),
    "findings with and without a column in one row": charges(
        *("WALLET, t1 ,S1,MEAL,Ã©,1\r", "WALLET,t2 ,S9,NOPE,\u202e,1", ",,,,,", "WALLET,t3,S1"),
        *("WALLET,t4,S1,MEAL,,1,2", "WALLET,t5,S1,MEAL,5\" pipe,-1"),
    ),
    "NUL and other ends": b"account_type,charge_tracking_id,student_id,billing_code,zz,aa\r\n"
    b"WALLET,t1,S1,MEAL,,\n\nWALLET,t\x002,S1,MEAL,\x00,\rWALLET,t3,S1,MEAL,x,y",
    "refused": b"student_id\n",
    "empty": b"",
    "header alone": charges(),
}  # fmt: skip


def answers(books: Books) -> tuple[object, ...]:
    """Return all that anybody gets to see of the books."""
    return (
        books.receipts(),
        books.report(report_items),
        books.report(report_balances),
        books.dump("seal", "seal_head", "finding", "row_outcome", "charge", "posting", "party"),
    )


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
def test_both_databases_give_the_same_answers(
    both_books: tuple[Books, Books], content: bytes
) -> None:
    """A district that moves to PostgreSQL finds every receipt, report and seal unchanged."""
    seen = []
    for books in both_books:
        for file in (content, charges("WALLET,a,S1,MEAL,first,1"), content):
            outcome = books.post_bytes(file)
            books.deliver(outcome.upload_id)
        seen.append(answers(books))
    assert seen[0] == seen[1]


def test_every_sample_file_gets_the_same_receipt_from_both(
    both_books: tuple[Books, Books],
) -> None:
    """No file is so strange that one of the databases cannot hold what was found in it."""
    paths = sorted(SAMPLES.glob("*.csv"))
    assert paths
    seen = []
    for books in both_books:
        for path in paths:
            outcome = books.post_bytes(path.read_bytes())
            books.deliver(outcome.upload_id)
        seen.append(answers(books))
    for mine, theirs in zip(*seen, strict=True):
        assert mine == theirs


def test_the_header_in_any_order_is_the_same_content(both_books: tuple[Books, Books]) -> None:
    """A spreadsheet that moves a column does not bill anybody twice."""
    other = "note,amount,billing_code,student_id,charge_tracking_id,account_type"
    for books in both_books:
        books.post("WALLET,T1,S1,MEAL,x,1.00", header=HEADER)
        rows = books.post("x,1.00,MEAL,S1,T1,WALLET", header=other).rows
        assert rows is not None
        assert (rows.applied, rows.duplicate) == (0, 1)
