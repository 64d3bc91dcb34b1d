"""The second worked example: every figure that a business office reports, to the cent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ingestd.database.engine import Database
from ingestd.reports.families.arrears import report_arrears
from ingestd.reports.families.statement import report_statement
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.reports.money.collections import report_collections
from ingestd.reports.money.held import report_held
from ingestd.reports.money.payouts import report_payouts
from ingestd.reports.money.tax import report_tax
from ingestd.service.office import payouts
from tests.integration.ledger.conftest import Books
from tests.integration.reports.office_story import open_spring, tell_the_second_example

MAY = {"since": date(2026, 5, 1), "until": date(2026, 5, 31), "as_of": date(2026, 5, 31)}
JUNE = {"since": date(2026, 6, 1), "until": date(2026, 6, 30), "as_of": date(2026, 6, 30)}


@pytest.fixture
def told(database: Database, tmp_path: Path) -> Books:
    """Return books in which the whole example has happened."""
    return tell_the_second_example(open_spring(database, tmp_path / "data")).books


def answer(books: Books, ask: Callable[..., object], **asked: object) -> dict[str, object]:
    """Return a report's answer, under which every identity holds."""
    found = books.report(ask, **asked)  # type: ignore[arg-type]
    identities = found["identities"]
    assert isinstance(identities, list)
    assert [each for each in identities if not each["holds"]] == []
    return found


def cells(books: Books, ask: Callable[..., object], *columns: str, **asked: object) -> object:
    rows = answer(books, ask, **asked)["rows"]
    assert isinstance(rows, list)
    return [tuple(row[column] for column in columns) for row in rows]


def test_the_month_of_may(told: Books) -> None:
    """What an office files for a month, from one set of books."""
    sales = answer(told, report_sales, **MAY)
    assert sales["totals"] == {
        "charged": "674.00",
        "voided": "118.50",
        "net": "555.50",
        "written_off": "0.00",
        "tax": "5.00",
    }
    assert cells(told, report_sales, "billing_code", "net", **MAY) == [
        ("4-2100-01", "55.00"),
        ("4-8000-01", "50.00"),
        ("BAND", "120.00"),
        ("KEPT_DEPOSIT", "100.00"),
        ("MEAL", "10.50"),
        ("NSF_FEE", "25.00"),
        ("TRIP", "0.00"),
        ("TUITION", "150.00"),
        ("YEARBOOK", "45.00"),
    ]
    assert cells(told, report_revenue, "billing_code", "realised", "tax", **MAY) == [
        ("4-2100-01", "50.00", "5.00"),
        ("KEPT_DEPOSIT", "100.00", "0.00"),
        ("MEAL", "10.50", "0.00"),
        ("TUITION", "150.00", "0.00"),
    ]
    assert answer(told, report_revenue, **MAY)["totals"] == {
        "realised": "310.50",
        "tax": "5.00",
        "discounts": "0.00",
        "bad_debts": "0.00",
        "net": "310.50",
    }


def test_collections_of_may_are_what_the_bank_has(told: Books) -> None:
    """911.50 settled, less 221.00 that came back and 88.50 that went out: 602.00 in the bank."""
    day_and_amount = ("day", "method", "batch_num", "amount")
    assert cells(told, report_collections, *day_and_amount, by="settled", **MAY) == [
        ("2026-05-04", "cash", None, "7.00"),
        ("2026-05-07", "fee_account", "70", "171.00"),
        ("2026-05-11", "card", None, "40.00"),
        ("2026-05-21", "enrolment", "78", "300.00"),
        ("2026-05-22", "enrolment", "78", "200.00"),
        ("2026-05-22", "sundry", "77", "160.00"),
        ("2026-05-29", "cash", None, "30.00"),
        ("2026-05-29", "cash", None, "3.50"),
    ]
    sums = {
        by: answer(told, report_collections, by=by, **MAY)["totals"]["amount"]  # type: ignore[index]
        for by in ("settled", "returned", "paid_out")
    }
    assert sums == {"settled": "911.50", "returned": "221.00", "paid_out": "88.50"}
    cafeteria = answer(told, report_collections, by="received", source="Cafeteria", **MAY)
    assert cafeteria["totals"] == {"payments": 3, "amount": "10.50"}


def test_cash_is_ticked_off_slip_by_slip(database: Database, tmp_path: Path) -> None:
    """The bank has one line for each deposit; and cash that is brought there came in once."""
    office = open_spring(database, tmp_path / "data")
    books = office.books
    for key, amount, on in (("P1", "30.00", "2026-05-04"), ("P2", "12.00", "2026-06-02")):
        office.pay(key, "LEE001", amount, method="cash", on=on)
    for amount, slip, on in (
        ("10.00", "118", "2026-05-30"),
        ("10.00", "118", "2026-05-30"),
        ("5.00", None, "2026-05-31"),
        ("17.00", None, "2026-06-02"),
    ):
        payouts.bring_cash(office.keeper, amount, reference=slip, on=date.fromisoformat(on))
    columns = ("day", "method", "merchant_id", "batch_num", "source", "payments", "amount")
    assert cells(books, report_collections, *columns, by="deposited", **MAY) == [
        ("2026-05-30", "cash", None, "118", None, 1, "10.00"),
        ("2026-05-30", "cash", None, "118", None, 1, "10.00"),
        ("2026-05-31", "cash", None, None, None, 1, "5.00"),
    ]
    told = answer(books, report_collections, by="deposited")
    assert told["totals"] == {"payments": 4, "amount": "42.00"}
    bank_and_cash = told["identities"][-1]  # type: ignore[index]
    assert (bank_and_cash["identity"], bank_and_cash["left"]) == ("bank and cash", "42.00")
    for narrowed in ({"party": "LEE001"}, {"family": "LEE001"}, {"source": "Cafeteria"}):
        assert answer(books, report_collections, by="deposited", **narrowed)["rows"] == []


def test_what_is_held_and_due_at_the_end_of_may(told: Books) -> None:
    """Tax and deposits are not the school's."""
    columns = ("account", "tax_code", "party", "family", "held")
    assert cells(told, report_held, *columns, as_of=MAY["as_of"]) == [
        (2200, "GST", None, None, "5.00"),
        (2320, None, "L1", "LEE001", "50.00"),
    ]
    taxes = ("tax_code", "sold_nett", "sold_tax", "collected_tax", "given_back_tax", "due")
    assert cells(told, report_tax, *taxes, **MAY) == [
        ("FRE", "50.00", "0.00", "0.00", "0.00", "0.00"),
        ("GST", "100.00", "10.00", "10.00", "5.00", "5.00"),
    ]


def test_who_owes_at_the_end_of_may(told: Books) -> None:
    """Everybody who can be called, and for how long they have owed."""
    end = {"as_of": MAY["as_of"]}
    assert cells(told, report_aging, "open", **end)[0] == ("240.00",)  # type: ignore[index]
    owing = cells(told, report_arrears, "students", "0-30", "open", "wallet_open", **end)
    assert owing == [("", "50.00", "50.00", "0.00"), ("K1 K2", "190.00", "190.00", "0.00")]
    found = cells(told, report_balances, "party", "account_type", "balance", **end)
    assert ("L1", "ADVANCE", "50.00") in found  # type: ignore[operator]
    assert ("ANONYMOUS", "WALLET", "0.00") in found  # type: ignore[operator]


def test_the_familys_statement_of_may_and_june(told: Books) -> None:
    """Charges, payments and what was given back, as the example tells them."""
    may = answer(told, report_statement, party="KIM001", **MAY)
    assert may["totals"] == {"opening": "0.00", "closing": "-183.50", "pending": "0.00"}
    lines = ("event", "amount")
    assert cells(told, report_statement, *lines, party="KIM001", **MAY) == [
        ("charge", "-120.00"),
        ("charge", "-60.00"),
        ("charge", "-3.50"),
        ("settled", "180.00"),
        ("refund", "51.00"),
        ("settled", "40.00"),
        ("charge", "-45.00"),
        ("payout", "-30.00"),
        ("returned", "-171.00"),
        ("penalty", "-25.00"),
    ]
    june = answer(told, report_statement, party="KIM001", **JUNE)
    assert june["totals"] == {"opening": "-183.50", "closing": "6.50", "pending": "0.00"}
    assert cells(told, report_statement, *lines, party="KIM001", **JUNE) == [
        ("write_off", "45.00"),
        ("moved", "-5.00"),
        ("settled", "150.00"),
    ]
    assert cells(told, report_statement, *lines, party="LEE001", **JUNE) == [
        ("payout", "-30.00"),
        ("charge", "-5.00"),
        ("moved", "5.00"),
        ("payout_voided", "30.00"),
    ]


def test_one_students_statement_tells_transfers(told: Books) -> None:
    """What left K2's wallet for K1's is nothing to the family, and something to K2."""
    assert cells(told, report_statement, "event", "account_type", "amount", party="K2", **MAY) == [
        ("charge", "LIABILITY", "-60.00"),
        ("allocation", "LIABILITY", "60.00"),
        ("refund", "WALLET", "51.00"),
        ("transfer", "WALLET", "-20.00"),
        ("charge", "LIABILITY", "-45.00"),
        ("transfer", "WALLET", "-31.00"),
        ("transfer", "LIABILITY", "31.00"),
        ("returned", "LIABILITY", "-31.00"),
    ]


def test_june_writes_off_and_takes_payouts_back(told: Books) -> None:
    """What nobody expects any more, and what was paid out, cleared and voided."""
    assert answer(told, report_sales, **JUNE)["totals"] == {
        "charged": "5.00",
        "voided": "0.00",
        "net": "5.00",
        "written_off": "45.00",
        "tax": "0.00",
    }
    columns = ("payout_id", "status", "cleared_on", "amount", "owed_back")
    assert cells(told, report_payouts, *columns, as_of=MAY["as_of"]) == [
        ("O1", "cleared", "2026-05-18", "30.00", "0.00"),
        ("PAYOUT-O2", "cleared", "2026-05-29", "55.00", "0.00"),
        ("O3", "pending", None, "200.00", "0.00"),
        ("PAYOUT-D8", "cleared", "2026-05-29", "3.50", "0.00"),
    ]
    assert cells(told, report_payouts, *columns, **JUNE) == [
        ("O5", "voided", None, "30.00", "0.00")
    ]
    written_off = cells(told, report_items, "tracking_id", "open", status="written_off")
    assert written_off == [("D4", "0.00")]
    assert answer(told, report_aging)["totals"] == {"open": "50.00"}
    paid_out = answer(told, report_collections, by="paid_out", **JUNE)
    assert paid_out["totals"] == {"payments": 1, "amount": "200.00"}


def test_sources_vendors_and_days_add_up_to_the_same(told: Books) -> None:
    """However a month is cut, it is the same month."""
    for month in (MAY, JUNE):
        whole = answer(told, report_sales, **month)["totals"]
        for by in ("source", "vendor", "gl_account", "day"):
            assert answer(told, report_sales, by=by, **month)["totals"] == whole, by
    by_source = dict(cells(told, report_sales, "source", "net", by="source", **MAY))  # type: ignore[call-overload]
    assert by_source["Cafeteria"] == "7.00"
    by_gl = dict(cells(told, report_sales, "gl_account", "net", by="gl_account", **MAY))  # type: ignore[call-overload]
    assert by_gl["4-2100-01"] == "55.00"


def test_a_payout_whose_money_bounces_is_owed_back_and_ages(
    database: Database, tmp_path: Path
) -> None:
    """What was paid out of a check that bounced is asked for like a fee, and is no sale."""
    office = open_spring(database, tmp_path / "data")
    books = office.books
    office.pay("P1", "LEE001", "20.00", on="2026-05-01")
    office.settle("P1", on="2026-05-02")
    office.pay_out("O1", "LEE001", "LIABILITY", "check", "20.00", on="2026-05-03")
    payouts.clear(office.keeper, "O1", on=date(2026, 5, 4))
    office.bounce("P1", on="2026-05-05")
    end = {"as_of": date(2026, 5, 31)}
    columns = ("payout_id", "status", "owed_back")
    assert cells(books, report_payouts, *columns, **end) == [("O1", "cleared", "20.00")]
    assert answer(books, report_aging, **end)["totals"] == {"open": "20.00"}
    assert cells(books, report_arrears, "family", "open", **end) == [("LEE001", "20.00")]
    alone = cells(books, report_arrears, "family", "open", party="LEE001", **end)
    assert alone == [("LEE001", "20.00")]
    assert answer(books, report_items)["rows"] == []
    assert answer(books, report_sales)["rows"] == []
    assert cells(books, report_statement, "event", "amount", party="LEE001") == [
        ("settled", "20.00"),
        ("payout", "-20.00"),
        ("returned", "-20.00"),
    ]


def test_a_payout_that_is_voided_after_it_cleared_came_back(
    database: Database, tmp_path: Path
) -> None:
    """A check that was stopped is in the bank again, and so say the day's collections."""
    office = open_spring(database, tmp_path / "data")
    books = office.books
    office.pay("P1", "LEE001", "20.00", on="2026-05-01")
    office.settle("P1", on="2026-05-02")
    office.pay_out("O1", "LEE001", "LIABILITY", "check", "20.00", on="2026-05-03")
    payouts.clear(office.keeper, "O1", on=date(2026, 5, 4))
    payouts.void(office.keeper, "O1", on=date(2026, 5, 6))
    rows = cells(books, report_collections, "day", "payments", "amount", by="paid_out")
    assert rows == [("2026-05-04", 1, "20.00"), ("2026-05-06", -1, "-20.00")]
    assert answer(books, report_payouts)["totals"]["voided"] == "20.00"  # type: ignore[index]
    assert answer(books, report_statement, party="LEE001")["totals"] == {
        "opening": "0.00",
        "closing": "20.00",
        "pending": "0.00",
    }


def test_both_databases_report_the_example_alike(
    both: tuple[Database, Database], tmp_path: Path
) -> None:
    """Moving to PostgreSQL changes no figure."""
    answers = []
    for place, database in enumerate(both):
        books = tell_the_second_example(open_spring(database, tmp_path / str(place))).books
        asked = [
            books.report(ask, **month)
            for month in (MAY, JUNE)
            for ask in (
                *(report_sales, report_revenue, report_collections, report_payouts, report_held),
                *(report_tax, report_arrears, report_items, report_balances, report_aging),
            )
        ]
        asked += [
            books.report(report_statement, party=party) for party in ("KIM001", "LEE001", "L1")
        ]
        answers.append([{**each, "ledger_head": ""} for each in asked])
    assert answers[0] == answers[1]
