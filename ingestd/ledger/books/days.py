"""The day in an account's time zone, found once for each quarter of an hour."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ingestd.values.days import Day

REMEMBERED_MAX = 100_000
QUARTER_HOUR = 15 * 60 * 1_000_000  # no zone changes its offset inside a quarter of an hour


class Days(dict[int, int]):
    """The day of each quarter of an hour in the account's time zone.

    It is the day that the books file something under.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, quarter: int) -> int:
        moment = datetime.fromtimestamp(quarter * QUARTER_HOUR // 1_000_000, UTC)
        day = Day.of(moment.astimezone(self._zone).date())
        if len(self) < REMEMBERED_MAX:
            self[quarter] = day
        return day
