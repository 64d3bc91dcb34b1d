"""One family's spring, with every figure that a business office would ask for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy.engine import Connection

from ingestd.ledger.audit.verify import verify_ledger
from ingestd.reports.families.arrears import report_arrears
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.report import Question, Report
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.reports.money.collections import report_collections
from ingestd.reports.money.held import report_held
from ingestd.reports.money.payouts import report_payouts
from ingestd.reports.money.tax import report_tax
from tests.integration.ledger.conftest import SPRINGFIELD, Books
from tests.integration.reports.history import History
from tests.integration.reports.story import tell_the_worked_example

MARCH = {"since": date(2026, 3, 1), "until": date(2026, 3, 31), "as_of": date(2026, 3, 31)}
REPORTS = (
    *(report_sales, report_payments, report_items),
    *(report_balances, report_revenue, report_aging),
    *(report_arrears, report_collections, report_payouts, report_held, report_tax),
)
# As of the end of each day of the story: receivable, bank and cash, realised net, clearing.
DAYS = {
    "2026-03-02": ("356.75", "0.00", "0.00"),
    "2026-03-05": ("356.75", "0.00", "130.00"),
    "2026-03-09": ("256.75", "130.00", "0.00"),
    "2026-03-10": ("256.75", "130.00", "100.00"),
    "2026-03-11": ("253.50", "150.00", "80.00"),
    "2026-03-13": ("173.50", "230.00", "0.00"),
    "2026-03-20": ("298.50", "100.00", "0.00"),
    "2026-03-22": ("293.50", "100.00", "0.00"),
    "2026-03-26": ("293.50", "103.50", "0.00"),
    "2026-03-27": ("413.50", "103.50", "120.00"),
    "2026-03-30": ("293.50", "223.50", "0.00"),
    "2026-04-02": ("438.50", "103.50", "0.00"),
    "2026-04-06": ("441.75", "23.50", "0.00"),
}


@pytest.fixture
def told(books: Books) -> Books:
    """Return books in which the whole story has happened."""
    tell_the_worked_example(books)
    return books


def rows(books: Books, ask: Callable[[Connection, Question], Report], **asked: object) -> object:
    return books.report(ask, **asked)["rows"]


def cells(
    books: Books, ask: Callable[[Connection, Question], Report], *columns: str, **asked: object
) -> list[tuple[object, ...]]:
    """Return some columns of a report's rows."""
    found = rows(books, ask, **asked)
    assert isinstance(found, list)
    return [tuple(row[column] for column in columns) for row in found]


def test_sales_of_a_month_are_what_was_charged_less_what_was_taken_back(told: Books) -> None:
    """The month's turnover by product, whatever was paid of it."""
    answer = told.report(report_sales, **MARCH)
    assert answer["rows"] == [
        {
            "billing_code": code,
            "charged": charged,
            "voided": voided,
            "net": net,
            "written_off": "0.00",
            "tax": "0.00",
        }
        for code, charged, voided, net in (
            ("LATE_FEE", "0.00", "5.00", "-5.00"),
            ("MEAL", "6.75", "0.00", "6.75"),
            ("NSF_FEE", "25.00", "0.00", "25.00"),
            ("PROM", "80.00", "80.00", "0.00"),
            ("SUMMER", "120.00", "0.00", "120.00"),
        )
    ]
    assert answer["totals"] == {
        "charged": "231.75",
        "voided": "85.00",
        "net": "146.75",
        "written_off": "0.00",
        "tax": "0.00",
    }


def test_sales_of_a_past_month_depend_on_what_was_known(told: Books) -> None:
    """A report that was handed in at the end of the year can be explained after it."""
    september = {"since": date(2025, 9, 1), "until": date(2025, 9, 30)}
    for known, charged in ((date(2025, 12, 31), "0.00"), (date(2026, 3, 3), "255.00")):
        instant = datetime.combine(known, time(), tzinfo=UTC)
        answer = told.report(report_sales, as_known=instant, **september)
        totals = answer["totals"]
        assert isinstance(totals, dict)
        assert totals["charged"] == charged


def test_payments_of_a_month_tell_what_became_of_each(told: Books) -> None:
    """Who paid, when it came in and whether it came back, as it was at the end of the month."""
    answer = told.report(report_payments, **MARCH)
    assert cells(told, report_payments, "payment_id", "status", "settled_on", **MARCH) == [
        ("P1", "returned", "2026-03-09"),
        ("P2", "settled", "2026-03-13"),
        ("P3", "settled", "2026-03-11"),
        ("CASH1", "settled", "2026-03-26"),
        ("P4", "settled", "2026-03-30"),
    ]
    assert answer["totals"] == {
        "payments": 5,
        "received": "353.50",
        "pending": "0.00",
        "settled": "353.50",
        "returned": "130.00",
        "voided": "0.00",
        "batches": [],
    }
    assert isinstance(answer["rows"], list)
    assert answer["rows"][0] == {
        "payment_id": "P1",
        "payer": "COLL001",
        "kind": "echeck",
        "merchant_id": None,
        "batch_num": None,
        "receipt_num": None,
        "received_on": "2026-03-05",
        "amount": "130.00",
        "status": "returned",
        "settled_on": "2026-03-09",
        "returned_on": "2026-03-20",
    }


def test_the_status_of_a_payment_is_the_one_it_had_then(told: Books) -> None:
    """What was pending on the tenth was pending on the tenth, also when asked in April."""
    statuses = {
        day: [
            status for (status,) in cells(told, report_payments, "status", as_of=date(2026, 3, day))
        ]
        for day in (4, 5, 10, 11, 20)
    }
    assert statuses == {
        4: [],
        5: ["pending"],
        10: ["settled", "pending", "pending"],
        11: ["settled", "pending", "settled"],
        20: ["returned", "settled", "settled"],
    }


def test_a_payment_that_was_voided_while_pending_says_so(books: Books) -> None:
    """It never settled, and nothing of it is counted as if it had."""
    tell = History(books)
    with tell.batch("payment", "2026-03-05"):
        tell.pay("P1", tell.party("S1"), fee=1000)
    with tell.batch("voided", "2026-03-06"):
        number = tell.payments["P1"]["payment_no"]
        tell.insert("payment_event", payment_no=number, event="voided", effective_on=tell.day)
        tell.mirror("voided", "p.payment_no = :payment_no", payment_no=number)
    answer = books.report(report_payments)
    assert cells(books, report_payments, "status", "settled_on") == [("voided", None)]
    totals = answer["totals"]
    assert isinstance(totals, dict)
    assert (totals["voided"], totals["settled"], totals["pending"]) == ("10.00", "0.00", "0.00")
    assert cells(books, report_payments, "status", as_of=date(2026, 3, 5)) == [("pending",)]


def test_revenue_is_what_settled_money_paid(told: Books) -> None:
    """What came back, or was given back, is earned no more; discounts are told apart."""
    answer = told.report(report_revenue, **MARCH)
    assert answer["rows"] == [
        {"billing_code": "MEAL", "realised": "6.75", "tax": "0.00"},
        {"billing_code": "SUMMER", "realised": "120.00", "tax": "0.00"},
    ]
    nothing = {"tax": "0.00", "bad_debts": "0.00"}
    assert answer["totals"] == nothing | {
        "realised": "126.75",
        "discounts": "0.00",
        "net": "126.75",
    }
    early = told.report(report_revenue, as_of=date(2026, 3, 9))
    assert early["totals"] == nothing | {
        "realised": "100.00",
        "discounts": "5.00",
        "net": "95.00",
    }


def test_aging_tells_how_long_money_has_been_owed(told: Books) -> None:
    """All four buckets are there, so that two months can be laid side by side."""
    assert cells(told, report_aging, "bucket", "open", as_of=date(2026, 3, 31)) == [
        ("0-30", "25.00"),
        ("31-60", "0.00"),
        ("61-90", "0.00"),
        ("91+", "268.50"),
    ]
    answer = told.report(report_aging, as_of=date(2026, 3, 31))
    assert answer["totals"] == {"open": "293.50"}


@pytest.mark.parametrize(
    ("occurred", "bucket"),
    [
        ("2026-03-31T23:59:59-05:00", "0-30"),
        ("2026-03-01T00:00:00-06:00", "0-30"),
        ("2026-02-28T23:59:59-06:00", "31-60"),
        ("2026-01-30T00:00:00-06:00", "31-60"),
        ("2026-01-29T23:59:59-06:00", "61-90"),
        ("2025-12-31T00:00:00-06:00", "61-90"),
        ("2025-12-30T23:59:59-06:00", "91+"),
    ],
)
def test_a_charge_grows_older_at_midnight_of_its_account(
    books: Books, occurred: str, bucket: str
) -> None:
    """The thirty-first day begins when the school's day does, also across a change of clocks."""
    books = books.under()
    books.clock.instant = datetime(2026, 4, 1, 12, tzinfo=UTC)
    header = "account_type,charge_tracking_id,student_id,billing_code,note,amount"
    books.post(f"WALLET,T1,S1,MEAL,,1.00,{occurred}", header=f"{header},transaction_occurred_time")
    found = cells(books, report_aging, "bucket", "open", as_of=date(2026, 3, 31))
    assert [name for name, amount in found if amount != "0.00"] == [bucket]


def test_balances_at_the_end_of_the_month(told: Books) -> None:
    """What each family would read on its statement."""
    assert told.balances(as_of=date(2026, 3, 31)) == {
        ("ANONYMOUS", "WALLET"): "0.00",
        ("G1", "LIABILITY"): "0.00",
        ("COLL001", "LIABILITY"): "-25.00",
        ("S1", "LIABILITY"): "-268.50",
        ("S1", "WALLET"): "96.75",
        ("S2", "LIABILITY"): "0.00",
    }
    assert told.balances()["S1", "WALLET"] == "-3.25"
    assert told.balances()["G1", "LIABILITY"] == "-145.00"


def test_balances_between_two_days_are_what_changed(told: Books) -> None:
    """A statement's movements, without what was owed before."""
    april = {"since": date(2026, 4, 1), "until": date(2026, 4, 30)}
    assert told.balances(**april) == {
        ("G1", "LIABILITY"): "-145.00",
        ("COLL001", "LIABILITY"): "0.00",
        ("S1", "WALLET"): "-100.00",
    }


def test_items_tell_what_is_paid_open_and_void(told: Books) -> None:
    """A refunded charge is void; one whose payment came back is unpaid again."""
    found = cells(told, report_items, "tracking_id", "paid", "open", "status", **MARCH)
    assert found == [
        ("C4", "0.00", "0.00", "void"),
        ("C5", "3.25", "0.00", "paid"),
        ("C6", "0.00", "25.00", "unpaid"),
        ("M1", "3.50", "0.00", "paid"),
        ("G1-1", "120.00", "0.00", "paid"),
    ]
    partial = cells(told, report_items, "tracking_id", "paid", "status", as_of=date(2026, 3, 9))
    assert partial[:2] == [("C1", "18.50", "paid"), ("C2", "81.50", "partial")]


def test_a_charge_of_nothing_that_was_taken_back_is_void(books: Books) -> None:
    """It is not told as paid: nobody owes it, and nobody is to ask for it again."""
    tell = History(books)
    with tell.batch("upload", "2026-03-05"):
        tell.charge("T1", tell.party("S1"), "FREE", 0)
    with tell.batch("refund", "2026-03-07"):
        tell.refund("T1")
    assert cells(books, report_items, "status") == [("void",)]
    assert cells(books, report_items, "status", as_of=date(2026, 3, 6)) == [("paid",)]


def test_the_day_of_an_item_is_when_it_occurred_not_when_it_was_booked(books: Books) -> None:
    """A charge that arrived after its month was closed still tells when the book was lost."""
    tell = History(books)
    with tell.batch("upload", "2026-04-02"):
        tell.charge(
            "T1", tell.party("S1"), "LOST_BOOK", 100, on="2026-03-30", booked_on="2026-04-01"
        )
    march = {"since": date(2026, 3, 30), "until": date(2026, 3, 30)}
    assert cells(books, report_items, "occurred_on", **march) == [("2026-03-30",)]


@pytest.mark.parametrize("day", DAYS)
def test_identities_hold_on_every_day_with_the_figures_of_the_story(told: Books, day: str) -> None:
    """Every answer says whether the books that it comes from are right."""
    answer = told.report(report_aging, as_of=date.fromisoformat(day))
    identities = answer["identities"]
    assert isinstance(identities, list)
    assert [identity["identity"] for identity in identities] == ["I1", "I2", "I3", "I4", "I5", "I6"]
    assert all(identity["holds"] for identity in identities)
    assert all(identity["left"] == identity["right"] for identity in identities)
    assert tuple(identity["left"] for identity in identities[:3]) == DAYS[day]


def test_identities_hold_as_known_after_every_batch(told: Books) -> None:
    """Not only by day: by what was known, too."""
    with told.database.reading() as connection:
        sealed = connection.exec_driver_sql("SELECT sealed_at FROM seal").scalars().all()
    for sealed_at in sealed:
        known = datetime.fromtimestamp(sealed_at / 1_000_000, tz=UTC)
        identities = told.report(report_aging, as_known=known)["identities"]
        assert isinstance(identities, list)
        assert all(identity["holds"] for identity in identities)


def test_an_answer_on_one_connection_is_the_same(told: Books) -> None:
    """Where two cannot see one moment, identities are read after the rows."""
    day = date(2026, 3, 22)
    for ask in REPORTS:
        assert told.report_alone(ask, as_of=day) == told.report(ask, as_of=day), ask


def test_the_story_is_verified(told: Books) -> None:
    """Nothing in right books is told as wrong."""
    with told.database.reading() as connection:
        verification = verify_ledger(connection, SPRINGFIELD, decimals=2)
    assert verification.differences == ()
    assert verification.holds
    assert verification.checked["batches"] == 17


def test_both_databases_answer_every_report_alike(both_books: tuple[Books, Books]) -> None:
    """Moving to PostgreSQL changes no figure."""
    answers = []
    for books in both_books:
        tell_the_worked_example(books)
        answers.append([books.report(ask, **MARCH) for ask in REPORTS])
    assert answers[0] == answers[1]
