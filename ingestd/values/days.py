"""Days as the books keep them: whole numbers, 20260301 for the first of March 2026."""

from __future__ import annotations

from datetime import date
from functools import lru_cache


class Day(int):
    """A calendar day as a number that sorts and compares as days do, and reads as one.

    `Day(0)` is no day: it comes before all of them.
    """

    __slots__ = ()

    @classmethod
    def of(cls, day: date) -> Day:
        """Return the number of a day."""
        return cls(day.year * 10_000 + day.month * 100 + day.day)

    @classmethod
    def from_text(cls, text: str) -> Day:
        """Return the number of a day that is written `YYYY-MM-DD`. Raises ValueError for others."""
        return cls.of(date.fromisoformat(text))

    @property
    def date(self) -> date:
        """The day of the calendar. Raises ValueError for a number that is no day's."""
        months, day = divmod(int(self), 100)
        year, month = divmod(months, 100)
        return date(year, month, day)

    def __str__(self) -> str:
        digits = f"{int(self):08}"
        return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


@lru_cache(maxsize=4096)
def day_text(number: int) -> str:
    """Return a day of the books as people write it; a report asks for few days many times."""
    return str(Day(number))
