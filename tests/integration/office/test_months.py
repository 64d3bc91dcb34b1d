"""Closed months: what was reported stays as it was reported."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ingestd.reports.figures.changes import report_changes
from ingestd.reports.figures.report import Question
from ingestd.values.errors import LedgerRefusal, UsageError
from tests.integration.office.conftest import Office


def test_months_are_closed_one_after_the_other(office: Office) -> None:
    """March is closed although February was, and nothing more can be dated in it."""
    for month in ("2026-02", "2026-03"):
        answer = office.close(month)
        assert (answer["month"], answer["status"]) == (month, "closed")
    with pytest.raises(LedgerRefusal, match="2026-04-01"):
        office.pay("P1", "S1", "5.00", on="2026-03-31")
    assert office.pay("P1", "S1", "5.00", on="2026-04-01")["status"] == "pending"


def test_a_month_that_is_closed_already_is_not_closed_again(office: Office) -> None:
    """Closing twice, or closing January after March, is no other answer and no other batch."""
    closed_at = office.close("2026-03")["closed_at"]
    office.pay("P1", "S1", "5.00")
    before = office.books.dump("seal", "period_close")
    for month in ("2026-03", "2026-01"):
        answer = {"month": month, "status": "closed", "closed_at": closed_at}
        assert office.close(month) == answer
    assert office.books.dump(*before) == before


def test_a_closing_tells_from_when_on_what_comes_is_news(office: Office) -> None:
    """What was filed, and what changed since, are asked by the instant that closing printed."""
    office.pay("P1", "S1", "5.00")
    for month in ("2026-02", "2026-03"):
        closed_at = datetime.fromisoformat(str(office.close(month)["closed_at"]))
        office.pay(f"P{month}", "S1", "5.00")
        with office.books.database.reading() as connection:
            question = Question(
                account=office.books.account.account_id,
                as_of=date(2026, 12, 31),
                as_known=datetime(9999, 12, 31, tzinfo=UTC),
                decimals=2,
                zone=office.books.account.timezone,
            )
            changes = report_changes(connection, question, known_since=closed_at)
            assert [row["event"] for row in changes.rows] == ["payment"]


def test_what_arrives_for_a_closed_month_counts_in_the_first_open_one(office: Office) -> None:
    """A late file changes no figure that was reported, and is the oldest all the same."""
    office.close("2026-03")
    office.charge("LIABILITY,C1,S1,LATE_FEE,,2026-05-01", "LIABILITY,C2,S1,LOST_BOOK,,2025-09-10")
    march, april = (office.books.items(as_of=date(2026, *day)) for day in ((3, 31), (4, 1)))
    assert march == []
    [item] = april
    assert (item["tracking_id"], item["occurred_on"]) == ("C2", "2025-09-10")
    office.pay("P1", "S1", "10.00", method="cash")
    assert office.statuses() == {"C1": ("unpaid", "5.00"), "C2": ("partial", "8.50")}


@pytest.mark.parametrize("month", ["2026-11", "2026-12", "2099-01"])
def test_a_month_that_is_not_over_stays_open(office: Office, month: str) -> None:
    """Nobody locks themselves out of today."""
    before = office.books.dump("seal", "period_close")
    with pytest.raises(LedgerRefusal, match="not over"):
        office.close(month)
    assert office.books.dump("seal", "period_close") == before


@pytest.mark.parametrize("month", ["", "2026", "2026-3", "2026-13", "March", "2026-03-01"])
def test_what_is_no_month_is_refused(office: Office, month: str) -> None:
    """A typing error closes nothing."""
    with pytest.raises(UsageError, match="2026-03"):
        office.close(month)
