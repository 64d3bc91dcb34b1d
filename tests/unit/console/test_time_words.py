"""Time words: what people write for days means the same days, whatever day it is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.console.page.time_words import Span, read_day, read_span
from ingestd.values.errors import UsageError

DAY = timedelta(days=1)
TODAY = date(2026, 3, 2)
days = st.dates(min_value=date(2, 1, 1), max_value=date(9998, 12, 31))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025", "2025-01-01", "2025-12-31"),
        (" Last  Month ", "2026-02-01", "2026-02-28"),
        ("this month", "2026-03-01", "2026-03-31"),
        ("last year", "2025-01-01", "2025-12-31"),
        ("this week", "2026-03-02", "2026-03-08"),
        ("yesterday", "2026-03-01", "2026-03-01"),
        ("2025-09 to 2025-11", "2025-09-01", "2025-11-30"),
        ("last month..today", "2026-02-01", "2026-03-02"),
        ("9999-12", "9999-12-01", "9999-12-31"),
    ],
)
def test_words_mean_days(text: str, first: str, last: str) -> None:
    """A field takes what somebody would say."""
    assert read_span(text, today=TODAY) == Span(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    [
        *("x", "2026-13", "2026-02-30", "0000", "20266", "..", "to", "a to b", "1 to 2 to 3"),
        *("２０２６", "2026-W01", "20260302", "next month", "2026-3", "-1"),
    ],
)
def test_what_names_no_days_is_told(text: str) -> None:
    """Nobody is shown other days than those that were meant."""
    with pytest.raises(UsageError, match="names no days"):
        read_span(text, today=TODAY)


def test_a_range_that_ends_before_it_begins_is_told() -> None:
    """An empty answer would look as if nothing had happened."""
    with pytest.raises(UsageError, match="Swap them"):
        read_span("2026-02 to 2026-01", today=TODAY)


@given(day=days)
def test_a_day_a_month_and_a_year_hold_their_days(day: date) -> None:
    """Each begins where the one before it ends."""
    assert read_span(str(day), today=TODAY) == (day, day)
    span, before = read_span("this month", today=day), read_span("last month", today=day)
    assert span == read_span(f"{day.year:04}-{day.month:02}", today=TODAY)
    assert span.first is not None
    assert span.last is not None
    assert before.last == span.first - DAY
    assert span.first <= day <= span.last
    assert (span.last + DAY).day == 1
    year = read_span("this year", today=day)
    assert year == read_span(f"{day.year:04}", today=TODAY)
    assert read_day("last year", today=day) == date(day.year - 1, 12, 31)


@given(first=days, last=days)
def test_what_is_read_is_written_so_that_it_is_read_again(first: date, last: date) -> None:
    """A link keeps the days that a page was asked for."""
    first, last = min(first, last), max(first, last)
    for span in (Span(first, last), Span(first, None), Span(None, last), Span()):
        assert read_span(str(span), today=TODAY) == span


@given(text=st.text(max_size=20))
def test_no_text_is_more_than_refused(text: str) -> None:
    """An address is written by anybody."""
    try:
        span = read_span(text, today=TODAY)
    except UsageError:
        return
    assert span.first is None or span.last is None or span.first <= span.last
