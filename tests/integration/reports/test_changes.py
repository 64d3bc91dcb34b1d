"""Changes: who changed the books between two instants, and that reports differ by just that."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from itertools import combinations
from typing import Any, cast

import pytest

from ingestd.reports.figures.changes import report_changes
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.values.clock import format_instant
from tests.integration.ledger.conftest import Books
from tests.integration.reports.story import tell_the_worked_example

SUMS = ("charged", "voided", "received", "settled", "returned", "realised")
INSTANTS = [
    datetime.combine(date.fromisoformat(day), time(20), tzinfo=UTC)
    for day in ("2026-01-01", "2026-03-09", "2026-03-20", "2026-03-25", "2026-03-27", "2026-04-06")
]
DAYS = [date(2025, 9, 30), date(2026, 3, 10), date(2026, 3, 31), date(2026, 4, 6)]


@pytest.fixture
def told(books: Books) -> Books:
    """Return the books of the worked example."""
    tell_the_worked_example(books)
    return books


def totals(books: Books, **asked: object) -> dict[str, Decimal]:
    """Return what the reports say, as known at an instant."""
    found: dict[str, Any] = {}
    # Sales last: payments that were voided are none of what was taken back.
    for ask in (report_payments, report_revenue, report_sales):
        found |= cast("dict[str, Any]", books.report(ask, **asked)["totals"])
    return {name: Decimal(found[name]) for name in SUMS}


def changes(books: Books, known_since: datetime | None, **asked: object) -> dict[str, Any]:
    return books.report(partial(report_changes, known_since=known_since), **asked)


def sums(answer: dict[str, Any]) -> dict[str, Decimal]:
    """Return what the rows add up to."""
    return {name: sum((Decimal(row[name]) for row in answer["rows"]), Decimal()) for name in SUMS}


def numbers(books: Books, answer: dict[str, Any]) -> list[int]:
    """Return the batches of an answer, counted from the first of the story on."""
    batches = changes(books, None)["rows"]
    first = next(row["batch_no"] for row in batches if row["event"] != "catalog")
    return [row["batch_no"] - first + 1 for row in answer["rows"]]


def test_changes_add_up_to_what_reports_differ_by(told: Books) -> None:
    """An auditor who holds March as told in April to March as told today finds every cent."""
    for as_of in DAYS:
        figures = {known: totals(told, as_of=as_of, as_known=known) for known in INSTANTS}
        for since, known in combinations(INSTANTS, 2):
            answer = changes(told, since, as_of=as_of, as_known=known)
            expected = {name: figures[known][name] - figures[since][name] for name in SUMS}
            assert sums(answer) == expected, (since, known, as_of)
            told_totals = {name: Decimal(answer["totals"][name]) for name in SUMS}
            assert told_totals == expected
            assert answer["totals"]["since"] == format_instant(since)


def test_changes_narrowed_to_days_add_up_as_well(told: Books) -> None:
    """Which batches moved September after it was reported is one question."""
    since, known = INSTANTS[0], INSTANTS[-1]
    days = {"since": date(2025, 9, 1), "until": date(2025, 9, 30)}
    answer = changes(told, since, as_known=known, **days)
    assert numbers(told, answer) == [1]
    assert answer["rows"][0]["first_day"] == "2025-09-10"
    assert answer["rows"][0]["last_day"] == "2025-09-12"
    assert sums(answer)["charged"] == Decimal("255.00")
    sales = cast("dict[str, Any]", told.report(report_sales, as_known=known, **days)["totals"])
    assert sums(answer)["voided"] == Decimal(sales["voided"]) == 0
    march = {"since": date(2026, 3, 1), "until": date(2026, 3, 31)}
    for ask, name in ((report_sales, "voided"), (report_revenue, "realised")):
        told_totals = cast("dict[str, Any]", told.report(ask, as_known=known, **march)["totals"])
        changed = sums(changes(told, since, as_known=known, **march))
        assert changed[name] == Decimal(told_totals[name])


def test_each_batch_is_one_row_in_its_order(told: Books) -> None:
    """Whoever reads down the list reads what happened, batch by batch."""
    answer = changes(told, INSTANTS[0])
    rows = answer["rows"]
    assert numbers(told, answer) == list(range(1, 16))
    returned = rows[6]
    assert (returned["event"], returned["first_day"]) == ("returned", "2026-03-20")
    assert (returned["charged"], returned["returned"], returned["realised"]) == (
        *("25.00", "130.00"),
        "-100.00",
    )
    assert returned["sealed_at"] == "2026-03-20T17:00:00Z"


def test_what_counts_on_later_days_is_left_out(told: Books) -> None:
    """As of a day in spring, what came for summer changed nothing."""
    answer = changes(told, INSTANTS[1], as_of=date(2026, 3, 10))
    # P2 and P3 were received on the tenth; what came afterwards counts later.
    assert numbers(told, answer) == [4]


def test_an_instant_at_which_all_was_known_leaves_nothing(told: Books) -> None:
    """A nightly script that finds nothing new says so."""
    answer = changes(told, INSTANTS[-1])
    assert (answer["rows"], answer["totals"]["batches"]) == ([], 0)
    assert set(sums(answer).values()) == {0}


def test_a_batch_that_posts_nothing_is_a_change_too(told: Books) -> None:
    """Closing a month, or a file that was refused, is something that somebody did."""
    history_end = INSTANTS[-1]
    told.clock.instant = datetime(2026, 4, 8, 18, tzinfo=UTC)
    outcome = told.post_bytes(b"")
    [row] = changes(told, history_end)["rows"]
    assert (row["upload_id"], row["first_day"], row["by"]) == (outcome.upload_id, None, None)
    assert changes(told, history_end, since=date(2026, 1, 1))["rows"] == []


def test_a_resumption_says_who_and_why(books: Books) -> None:
    """Whoever accepted restored books stands there with the reason."""
    tell = tell_the_worked_example(books)
    with tell.batch("resume", "2026-04-07"):
        tell.insert("resumption", origin_no=2, resumed_by="op", reason="restored")
    row = changes(books, INSTANTS[-1])["rows"][-1]
    assert (row["event"], row["by"], row["reason"]) == ("resume", "op", "restored")


def test_an_entry_says_who_and_why(books: Books) -> None:
    """The figure that moved since it was reported leads to a name and a reason."""
    tell = tell_the_worked_example(books)
    with tell.batch("refund", "2026-04-07"):
        tell.insert("entry", command="charges void", entered_by="Ada", reason="told by phone")
        tell.refund("C2")
    row = changes(books, INSTANTS[-1])["rows"][-1]
    assert (row["by"], row["reason"], row["voided"]) == ("Ada", "told by phone", "250.00")
