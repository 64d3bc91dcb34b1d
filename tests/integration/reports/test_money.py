"""Collections, funds held and filters over the worked example, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.reports.money.collections import report_collections
from ingestd.reports.money.held import report_held
from ingestd.values.errors import UsageError
from tests.integration.ledger.conftest import Books
from tests.integration.reports.history import History
from tests.integration.reports.story import tell_the_worked_example
from tests.integration.reports.test_families import rows_of

APRIL = date(2026, 4, 6)
MARCH = {"since": date(2026, 3, 1), "until": date(2026, 3, 31)}


@pytest.fixture
def told(books: Books) -> Books:
    """Return books in which the whole story has happened."""
    tell_the_worked_example(books)
    return books


def collected(books: Books, by: str, **asked: object) -> list[tuple[str, ...]]:
    rows = rows_of(books, report_collections, by=by, **asked)
    return [(row["day"][5:], row["method"], str(row["payments"]), row["amount"]) for row in rows]


def test_what_settled_is_told_by_day_and_method(told: Books) -> None:
    """The deposits of a month, to be laid beside the bank's."""
    assert collected(told, "settled", **MARCH) == [
        ("03-09", "echeck", "1", "130.00"),
        ("03-11", "echeck", "1", "20.00"),
        ("03-13", "echeck", "1", "80.00"),
        ("03-26", "cash", "1", "3.50"),
        ("03-30", "echeck", "1", "120.00"),
    ]
    assert collected(told, "received", **MARCH)[1] == ("03-10", "echeck", "2", "100.00")
    assert collected(told, "returned", **MARCH) == [("03-20", "echeck", "1", "130.00")]
    assert collected(told, "paid_out", **MARCH) == []


@pytest.mark.parametrize("by", ["settled", "received", "returned", "paid_out"])
@pytest.mark.parametrize("asked", [{}, MARCH, {"as_of": date(2026, 3, 19)}], ids=str)
def test_what_settled_less_what_came_back_is_what_the_bank_gained(
    told: Books, by: str, asked: dict[str, date]
) -> None:
    """The report proves itself against the accounts of bank and till."""
    identities = told.report(report_collections, by=by, **asked)["identities"]
    assert isinstance(identities, list)
    assert identities[-1]["identity"] == "bank and cash"
    assert all(identity["holds"] for identity in identities)


def test_what_is_held_for_others_is_told_until_it_goes_back(told: Books) -> None:
    """The building fund's money is not the school's."""
    early = told.report(report_held, as_of=date(2026, 3, 9))
    rows = early["rows"]
    assert isinstance(rows, list)
    assert [(row["account"], row["held"]) for row in rows] == [(2300, "25.00"), (2330, "10.00")]
    assert early["totals"] == {"held": "35.00"}
    assert told.report(report_held)["rows"] == []
    came = told.report(report_held, since=date(2026, 3, 20), until=date(2026, 3, 20))
    assert came["totals"] == {"held": "-35.00"}
    for answer in (early, came):
        identities = answer["identities"]
        assert isinstance(identities, list)
        assert all(identity["holds"] for identity in identities)


def test_reports_narrow_to_one_party_or_family(told: Books) -> None:
    """What one family asks is answered without the others."""
    assert {row["tracking_id"] for row in rows_of(told, report_items, party="S2")} == {"C3"}
    assert {row["payment_id"] for row in rows_of(told, report_payments, party="COLL001")} == {
        *("P1", "P2", "P3")
    }
    assert [row["open"] for row in rows_of(told, report_aging, party="G1", as_of=APRIL)] == [
        *("145.00", "0.00", "0.00", "0.00")
    ]
    balances = rows_of(told, report_balances, party="S1")
    assert {row["party"] for row in balances} == {"S1"}
    settled = collected(told, "settled", party="G1")
    assert settled == [("03-30", "echeck", "1", "120.00")]
    with pytest.raises(UsageError):
        told.report(report_items, party="NOBODY")


def test_reports_narrow_to_a_status_or_product(told: Books) -> None:
    """Who owes for laptops, what is pending."""
    assert {row["tracking_id"] for row in rows_of(told, report_items, status="void")} == {
        *("C3", "C4")
    }
    answer = told.report(report_items, product="MEAL", status="unpaid")
    assert answer["totals"]["items"] == 0  # type: ignore[index]
    partial = rows_of(told, report_items, product="MEAL", status="partial")
    assert [row["tracking_id"] for row in partial] == ["M2"]
    returned = rows_of(told, report_payments, status="returned")
    assert {row["payment_id"] for row in returned} == {"P1", "P2", "P4"}
    assert [row["billing_code"] for row in rows_of(told, report_sales, product="MEAL")] == ["MEAL"]
    assert [row["billing_code"] for row in rows_of(told, report_revenue, product="MEAL")] == [
        "MEAL"
    ]


def test_sales_add_up_by_every_key(told: Books) -> None:
    """However they are cut, the sums are the same."""
    whole = told.report(report_sales, **MARCH)["totals"]
    for by in ("product", "source", "vendor", "gl_account", "day"):
        answer = told.report(report_sales, by=by, **MARCH)
        assert answer["totals"] == whole, by
    by_day = {row["day"]: row["net"] for row in rows_of(told, report_sales, by="day", **MARCH)}
    assert by_day == {
        "2026-03-01": "80.00",
        "2026-03-02": "3.25",
        "2026-03-20": "25.00",
        "2026-03-22": "-5.00",
        "2026-03-25": "-80.00",
        "2026-03-26": "3.50",
        "2026-03-27": "120.00",
    }


def test_a_sale_that_is_taken_back_counts_for_where_it_was_sold(books: Books) -> None:
    """The cafeteria's turnover is less by what the office refunded of it."""
    tell = History(books)
    with tell.batch("sale", "2026-03-02"):
        tell.insert("entry", command="sales add", entered_by="kim", source="Cafeteria")
        tell.charge("T1", tell.party("S1"), "MEAL", 300, event="sale")
    with tell.batch("sale", "2026-03-03"):
        tell.insert("entry", command="sales add", entered_by="lee", source="Library")
        tell.charge("T2", tell.party("S1"), "LOST_BOOK", 1850, event="sale")
    with tell.batch("refund", "2026-03-04"):
        tell.insert("entry", command="charges void", entered_by="kim")
        tell.refund("T1")
    found = rows_of(books, report_sales, by="source")
    assert [(row["source"], row["charged"], row["voided"]) for row in found] == [
        ("Cafeteria", "3.00", "3.00"),
        ("Library", "18.50", "0.00"),
    ]
    narrowed = rows_of(books, report_sales, source="Cafeteria")
    assert [(row["billing_code"], row["net"]) for row in narrowed] == [("MEAL", "0.00")]
    items = rows_of(books, report_items, source="Library")
    assert [row["tracking_id"] for row in items] == ["T2"]
    before = rows_of(books, report_sales, by="source", as_of=date(2026, 3, 3))
    assert [row["net"] for row in before] == ["3.00", "18.50"]


def test_vendors_and_accounts_are_those_that_were_known(books: Books) -> None:
    """A product that changes its vendor in autumn leaves the spring's report alone."""
    tell = History(books)
    with tell.batch("catalog", "2026-03-01"):
        tell.insert(
            "catalog_fact",
            kind="products",
            row_key="MEAL",
            columns='{"billing_code":"MEAL","name":"Meal","gl_account":"4-1","vendor":"Old"}',
        )
    with tell.batch("upload", "2026-03-02"):
        tell.charge("T1", tell.party("S1"), "MEAL", 300)
    with books.database.reading() as connection:
        sealed = connection.exec_driver_sql("SELECT MAX(sealed_at) FROM seal").scalar_one()
    with tell.batch("catalog", "2026-03-03"):
        tell.insert("catalog_fact", kind="products", row_key="MEAL", columns="{}")
        tell.run(
            "UPDATE product SET vendor = 'New', gl_account = '4-2' WHERE billing_code = 'MEAL'"
        )
    then = {"as_known": datetime.fromtimestamp(sealed / 1_000_000, tz=UTC)}
    assert [row["vendor"] for row in rows_of(books, report_sales, by="vendor")] == ["New"]
    assert [row["vendor"] for row in rows_of(books, report_sales, by="vendor", **then)] == ["Old"]
    by_gl = {"by": "gl_account"}
    assert [row["gl_account"] for row in rows_of(books, report_sales, **by_gl)] == ["4-2"]
    assert [row["gl_account"] for row in rows_of(books, report_sales, **by_gl, **then)] == ["4-1"]
