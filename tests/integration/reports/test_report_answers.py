"""Items and balances, as of a day and as known at an instant, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from ingestd.access.accounts import StudentPolicy
from ingestd.ledger.books.batches import open_batch
from ingestd.ledger.books.head import lock_head
from ingestd.ledger.evidence.seals import seal
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from tests.integration.ledger.conftest import HEADER, SPRINGFIELD, Books

TIMED = f"{HEADER},transaction_occurred_time"
LATER = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def first_known(books: Books) -> datetime:
    """Post two files; return an instant at which only the first was known."""
    books.post(
        "LIABILITY,T1,S1,LOST_BOOK,,,2025-05-03T14:38:02Z",
        "LIABILITY,T2,S2,FEE,,,2025-09-12",
        "WALLET,T3,S1,MEAL,,0.00,2026-03-01",
        header=TIMED,
    )
    known = books.clock.now()
    books.post("WALLET,T4,S1,MEAL,,,2026-03-02T05:59:59Z", header=TIMED)
    return known


def test_items_tell_of_every_charge_what_is_owed_and_where_it_came_from(
    books: Books, first_known: datetime
) -> None:
    """The office follows every figure back to a file and a row."""
    items = {item["tracking_id"]: item for item in books.items()}
    assert list(items) == ["T1", "T2", "T3", "T4"]
    upload_id = items["T1"]["upload_id"]
    assert items["T1"] == {
        "tracking_id": "T1",
        "student_id": "S1",
        "account_type": "LIABILITY",
        "billing_code": "LOST_BOOK",
        "occurred_on": "2025-05-03",
        "amount": "18.50",
        "tax": "0.00",
        "paid": "0.00",
        "voided": "0.00",
        "written_off": "0.00",
        "open": "18.50",
        "status": "unpaid",
        "upload_id": upload_id,
        "row": 2,
    }
    assert (items["T3"]["status"], items["T3"]["open"]) == ("paid", "0.00")


def test_the_day_of_a_charge_is_the_accounts_day(books: Books, first_known: datetime) -> None:
    """Just before midnight in Chicago is still yesterday, whatever the day in UTC."""
    days = {item["tracking_id"]: item["occurred_on"] for item in books.items()}
    assert days["T4"] == "2026-03-01"
    as_of = date(2026, 3, 1)
    assert {item["tracking_id"] for item in books.items(as_of=as_of)} == set(days)
    before = books.items(as_of=as_of - timedelta(days=1))
    assert {item["tracking_id"] for item in before} == {"T1", "T2"}


def test_balances_count_up_to_a_day(books: Books, first_known: datetime) -> None:
    """What a family owed at the end of the school year can be asked at any time."""
    assert books.balances(as_of=date(2025, 5, 2)) == {}
    assert books.balances(as_of=date(2025, 5, 3)) == {("S1", "LIABILITY"): "-18.50"}
    assert books.balances() == {
        ("S1", "LIABILITY"): "-18.50",
        ("S2", "LIABILITY"): "-5.00",
        ("S1", "WALLET"): "-3.25",
    }


def test_an_answer_as_known_then_does_not_change_with_later_files(
    books: Books, first_known: datetime
) -> None:
    """A report that was handed in can be made again, the same to the byte."""
    before = books.report(report_items, as_known=first_known)
    books.post("WALLET,T5,S5,MEAL,,,2025-01-01", header=TIMED)
    assert books.report(report_items, as_known=first_known) == before
    nothing = dict.fromkeys(("tax", "paid", "voided", "written_off"), "0.00")
    assert before["totals"] == nothing | {"items": 3, "amount": "23.50", "open": "23.50"}
    assert books.report(report_items, as_known=LATER)["ledger_head"] != before["ledger_head"]
    assert books.items(as_known=datetime(2026, 1, 1, tzinfo=UTC)) == []


def test_items_can_be_narrowed_to_days_both_ends_included(
    books: Books, first_known: datetime
) -> None:
    """A term's charges, from its first day to its last."""
    chosen = books.items(since=date(2025, 5, 3), until=date(2025, 9, 12))
    assert [item["tracking_id"] for item in chosen] == ["T1", "T2"]
    assert books.items(since=date(2025, 5, 4), until=date(2025, 9, 11)) == []


def test_the_heading_says_what_was_asked(books: Books, first_known: datetime) -> None:
    """An answer on paper says for whom, up to when, and by which state of the books."""
    answer = books.report(report_balances, as_of=date(2026, 3, 1), as_known=first_known)
    assert list(answer) == [
        "report",
        "account",
        "as_of",
        "as_known",
        "ledger_head",
        "rows",
        "totals",
        "identities",
    ]
    assert answer["report"] == "balances"
    assert answer["as_of"] == "2026-03-01"
    assert str(answer["as_known"]).endswith("Z")
    assert answer["totals"] == {"balance": "-23.50", "deposits": "0.00", "advances": "0.00"}


def test_amounts_beyond_64_bits_of_cents_together_are_summed_exactly(books: Books) -> None:
    """Totals are whole numbers of cents, never floats."""
    books.post(*(f"WALLET,T{number},S1,MEAL,,9999999999.99" for number in range(200)))
    assert books.balances() == {("S1", "WALLET"): "-1999999999998.00"}
    answer = books.report(report_items)
    nothing = dict.fromkeys(("tax", "paid", "voided", "written_off"), "0.00")
    assert answer["totals"] == nothing | {
        "items": 200,
        "amount": "1999999999998.00",
        "open": "1999999999998.00",
    }


def test_currencies_without_decimals_are_written_without(books: Books) -> None:
    """1850 yen are 1850, not 18.50."""
    books.post("WALLET,T1,S1,LOST_BOOK,,")
    assert [item["amount"] for item in books.items(decimals=0)] == ["1850"]
    assert books.balances(decimals=3) == {("S1", "WALLET"): "-1.850"}


@pytest.mark.parametrize(
    ("debit", "credit", "amount", "paid", "still_open", "status"),
    [
        (2010, 1100, 850, "8.50", "10.00", "partial"),
        (2010, 1100, 1850, "18.50", "0.00", "paid"),
        (2100, 1100, 1850, "0.00", "0.00", "void"),
        (2100, 1100, 850, "0.00", "10.00", "unpaid"),
    ],
)
def test_what_left_a_charge_decides_whether_it_is_paid_or_void(
    books: Books, debit: int, credit: int, amount: int, paid: str, still_open: str, status: str
) -> None:
    """Money that came in pays, a voided charge is owed by nobody, and not a day before."""
    books.post("LIABILITY,T1,S1,LOST_BOOK,,")
    with books.database.writing() as connection:
        head = lock_head(connection, SPRINGFIELD)
        batch = open_batch(head, event="by_hand", now=0)
        values = {"debit": debit, "credit": credit, "amount": amount, "batch": batch.batch_no}
        for statement in (
            (
                "INSERT INTO posting (account, posting_no, batch_no, event, effective_on,"
                " debit_account, credit_account, amount, charge_no)"
                " VALUES ('SPRINGFIELD', 2, :batch, 'by hand', 20260305, :debit, :credit,"
                " :amount, 1)"
            ),
            (
                "INSERT INTO charge_state (account, charge_no, amount, allocated, voided)"
                " VALUES ('SPRINGFIELD', 1, 1850, CASE WHEN :debit = 2010 THEN :amount ELSE 0 END,"
                " CASE WHEN :debit = 2100 THEN :amount ELSE 0 END)"
            ),
        ):
            text = sa.text(statement)
            connection.execute(text, {name: values[name] for name in text.compile().params})
        head.postings += 1
        seal(connection, head, batch)
    (item,) = books.items()
    assert (item["paid"], item["open"], item["status"]) == (paid, still_open, status)
    (before,) = books.items(as_of=date(2026, 3, 4))
    assert (before["paid"], before["status"]) == ("0.00", "unpaid")


def test_rows_come_in_order_of_party_bytes(books: Books) -> None:
    """Two answers can be compared line by line, on either database."""
    names = ["b", "B", "a", "é", "_", "10", "9", "😀", "Z"]
    books = books.under(students=StudentPolicy.REGISTER)
    books.post(*(f"WALLET,T{number},{name},MEAL,," for number, name in enumerate(names)))
    assert [party for party, _ in books.balances()] == sorted(names, key=str.encode)
