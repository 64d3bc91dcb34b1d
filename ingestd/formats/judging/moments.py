"""Moments of payment files: local times without an offset, to the second, or days alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import REMEMBERED_MAX, Judgements, Problem
from ingestd.formats.judging.times import TimeJudge
from ingestd.values.clock import EPOCH, from_microseconds, to_microseconds

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?: [0-9]{2}:[0-9]{2}:[0-9]{2})?")
_CLOCK = re.compile(r" ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])")
_DAY_CHARACTERS = len("2007-07-11")

_MICROSECONDS_A_SECOND = 1_000_000
_MICROSECONDS_A_DAY = 86_400 * _MICROSECONDS_A_SECOND
# No zone changes its offset inside a quarter of an hour.
_QUARTER_HOUR = 15 * 60 * _MICROSECONDS_A_SECOND

MOMENT_MISSING: Problem[int] = Problem(
    code=Code.VALUE_MISSING, message="This field is mandatory. Fill in a date and time."
)
MOMENT_INVALID: Problem[int] = Problem(
    code=Code.TIME_INVALID,
    message="Write the date and time as YYYY-MM-DD HH:MM:SS, such as 2011-07-15 15:45:00, or the "
    "date alone.",
)

# What is said otherwise of a moment: it has no offset that could be written.
_OF_MOMENTS = {
    Code.TIME_INVALID: MOMENT_INVALID.message,
    Code.TIME_IN_FUTURE: "The time lies more than a day ahead. Correct the date, or send the "
    "payment later.",
    Code.TIME_NONEXISTENT: "On this day the clocks were put forward, and this time did not come. "
    "Correct it.",
    Code.TIME_AMBIGUOUS: "On this day the clocks were put back, and this time came twice. The "
    "earlier one was taken.",
}


class MomentJudge:
    """Judges the moments of payment files: `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD`, local time."""

    def __init__(self, *, timezone: ZoneInfo, now: datetime) -> None:
        self._times = TimeJudge(timezone=timezone, now=now, reject_naive=False)

    def __call__(self, text: str) -> int | Problem[int]:
        """Return microseconds since 1970, or what is wrong with the text."""
        moment = text.strip(" ")
        if not moment:
            return MOMENT_MISSING
        if not _MOMENT.fullmatch(moment):
            return MOMENT_INVALID
        judged = self._times(moment)
        if isinstance(judged, Problem):
            clean = None if judged.clean is None else judged.clean.microseconds
            message = _OF_MOMENTS.get(judged.code, judged.message)
            return Problem(code=judged.code, message=message, verdict=judged.verdict, clean=clean)
        assert judged is not None, "a moment that is written has an instant"
        return judged.microseconds


class Moments(Judgements[int]):
    """A column of moments: most are fine, and on few days the clocks are changed.

    So each day and each time of day is judged once, and a moment is the sum of the two. What
    cannot be had so is judged text by text, `otherwise`.
    """

    def __init__(self, judge: MomentJudge, *, otherwise: Callable[[str], Any]) -> None:
        super().__init__(otherwise)
        self._days = _EvenDays(judge)
        self._clocks = _Clocks()

    def of(self, texts: Iterable[str]) -> list[int | Problem[int] | None]:
        """Return the meaning of each text, in order."""
        texts = list(texts)
        midnights = map(self._days.__getitem__, [text[:_DAY_CHARACTERS] for text in texts])
        clocks = map(self._clocks.__getitem__, [text[_DAY_CHARACTERS:] for text in texts])
        return [
            self[text] if midnight is None or clock is None else midnight + clock
            for text, midnight, clock in zip(texts, midnights, clocks, strict=True)
        ]


class _EvenDays(dict[str, int | None]):
    """The first instant of each day met so far; None for one that is not to be taken so.

    That is a day on which the clocks are changed, one that is too far ahead, and no day at all.
    """

    def __init__(self, judge: MomentJudge) -> None:
        super().__init__()
        self._judge = judge

    def __missing__(self, text: str) -> int | None:
        first, last = self._judge(f"{text} 00:00:00"), self._judge(f"{text} 23:59:59")
        if isinstance(first, Problem) or isinstance(last, Problem):
            midnight = None
        else:
            is_even = last - first == _MICROSECONDS_A_DAY - _MICROSECONDS_A_SECOND
            midnight = first if is_even else None
        if len(self) < REMEMBERED_MAX:
            self[text] = midnight
        return midnight


class _Clocks(dict[str, int | None]):
    """The microseconds since midnight of each time of day met so far; no text is midnight."""

    def __missing__(self, text: str) -> int | None:
        match = _CLOCK.fullmatch(text or " 00:00:00")
        if match is None:
            return None
        hour, minute, second = map(int, match.groups())
        clock = ((hour * 60 + minute) * 60 + second) * _MICROSECONDS_A_SECOND
        self[text] = clock  # a day has no more seconds than that
        return clock


class WrittenMoments:
    """Writes instants as local times to the second, like 2007-07-11T08:10:10.

    That text stays when the account's time zone is corrected, and with it all that is known by it.
    """

    def __init__(self, timezone: ZoneInfo) -> None:
        self._offsets = _Offsets(timezone)
        self._days = _DayTexts()
        self._clocks = _ClockTexts()

    def of(self, instants: Sequence[int]) -> list[str]:
        """Return the text of each instant, in order."""
        offsets = map(self._offsets.__getitem__, [instant // _QUARTER_HOUR for instant in instants])
        places = [divmod(local, _MICROSECONDS_A_DAY) for local in map(add, instants, offsets)]
        days, clocks = self._days, self._clocks
        return [days[day] + clocks[clock // _MICROSECONDS_A_SECOND] for day, clock in places]


class _Offsets(dict[int, int]):
    """The offset from UTC in microseconds of each quarter of an hour met so far."""

    def __init__(self, timezone: ZoneInfo) -> None:
        super().__init__()
        self._timezone = timezone

    def __missing__(self, quarter: int) -> int:
        instant = quarter * _QUARTER_HOUR
        local = from_microseconds(instant).astimezone(self._timezone).replace(tzinfo=EPOCH.tzinfo)
        offset = to_microseconds(local) - instant
        if len(self) < REMEMBERED_MAX:
            self[quarter] = offset
        return offset


class _DayTexts(dict[int, str]):
    """The text of each day met so far, by its number since 1970."""

    def __missing__(self, day: int) -> str:
        self[day] = (EPOCH.date() + timedelta(days=day)).isoformat()
        return self[day]


class _ClockTexts(dict[int, str]):
    """What follows the day, by the second since midnight."""

    def __missing__(self, second: int) -> str:
        self[second] = f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        return self[second]
