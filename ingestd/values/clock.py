"""Time as values: what a clock is, and the two ways in which ingestd writes instants and days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    """Tells the time. Rooms are handed one; only tests hand over another than the system's."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow, for measuring durations."""


def to_microseconds(instant: datetime) -> int:
    """Return microseconds since 1970 in UTC, the form in which the database keeps instants."""
    return (instant - EPOCH) // MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """Return the instant, in UTC, for microseconds since 1970."""
    return EPOCH + timedelta(microseconds=microseconds)


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC with `Z`, and a fraction only where there is one."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def format_second(instant: datetime) -> str:
    """Write an instant cut to its second: `2026-11-22T06:01:02Z`."""
    return format_instant(instant.replace(microsecond=0))


def day_in(zone: ZoneInfo, instant: datetime) -> date:
    """Return the calendar day that an instant falls on in a time zone."""
    return instant.astimezone(zone).date()
