"""Time words: days, months and years as people write them into an address or a field."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import MINYEAR, date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from ingestd.values.errors import UsageError

_DAY = timedelta(days=1)
_RANGE = re.compile(r"\s*(?:\.\.|\bto\b)\s*")
_YEAR, _MONTH, _DATE = (
    re.compile(pattern) for pattern in (r"\d{4}", r"\d{4}-\d{2}", r"\d{4}-\d{2}-\d{2}")
)


class Span(NamedTuple):
    """Days from the first to the last, both included; None where there is no end."""

    first: date | None = None
    last: date | None = None

    def __str__(self) -> str:
        """Return it as it is read again."""
        if self.first is None and self.last is None:
            return ""
        if self.first == self.last:
            return str(self.first)
        return f"{self.first or ''}..{self.last or ''}"


def read_span(text: str, *, today: date) -> Span:
    """Return the days that somebody means: `2026`, `2026-10`, `2026-10-05`, `last month`.

    Also `today`, `yesterday`, `this week`, `this year` and their like, and any two with `to` or
    `..` in between, of which one may be missing. Nothing is all days. Raises UsageError for what
    is none of these, and for a range that ends before it begins.
    """
    words = " ".join(text.lower().split())
    if not words:
        return Span()
    first, *rest = _RANGE.split(words)
    if not rest:
        return _one(first, text, today)
    if len(rest) > 1 or not (first or rest[0]):
        raise _unreadable(text)
    start = _one(first, text, today).first if first else None
    end = _one(rest[0], text, today).last if rest[0] else None
    if start and end and start > end:
        raise UsageError(f"{start} lies after {end}. Swap them.")
    return Span(start, end)


def read_day(text: str, *, today: date) -> date | None:
    """Return the last day that somebody means, or None for nothing. Raises UsageError."""
    span = read_span(text, today=today)
    if span.last is None and span.first is not None:
        raise _unreadable(text)
    return span.last


def _one(words: str, text: str, today: date) -> Span:
    try:
        if words.isascii() and _DATE.fullmatch(words):
            day = date.fromisoformat(words)
            return Span(day, day)
        if words.isascii() and _MONTH.fullmatch(words):
            return _month(date.fromisoformat(f"{words}-01"))
        if words.isascii() and _YEAR.fullmatch(words):
            return _year(int(words))
        return _SPOKEN[words](today)
    except (KeyError, ValueError, OverflowError) as error:
        raise _unreadable(text) from error


def _week(day: date) -> Span:
    monday = day - day.weekday() * _DAY
    return Span(monday, monday + 6 * _DAY)


def _month(day: date) -> Span:
    first = day.replace(day=1)
    if (first.year, first.month) == (date.max.year, 12):
        return Span(first, date.max)
    later = first.replace(day=28) + 4 * _DAY
    return Span(first, later - later.day * _DAY)


def _year(year: int) -> Span:
    if year < MINYEAR:
        raise ValueError(year)
    return Span(date(year, 1, 1), date(year, 12, 31))


def _unreadable(text: str) -> UsageError:
    return UsageError(
        f"{text.strip()} names no days. Write such as 2026-10, 2026, 2026-10-05, last month, "
        "this year, or 2026-09 to 2026-11."
    )


_SPOKEN: Mapping[str, Callable[[date], Span]] = MappingProxyType(
    {
        "today": lambda today: Span(today, today),
        "yesterday": lambda today: Span(today - _DAY, today - _DAY),
        "this week": _week,
        "last week": lambda today: _week(today - 7 * _DAY),
        "this month": _month,
        "last month": lambda today: _month(today.replace(day=1) - _DAY),
        "this year": lambda today: _year(today.year),
        "last year": lambda today: _year(today.year - 1),
    }
)
