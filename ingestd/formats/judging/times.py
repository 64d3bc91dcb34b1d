"""Times: ISO 8601 as the specification narrows it, read without rounding or guessing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from operator import add
from typing import NamedTuple
from zoneinfo import ZoneInfo

from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.judging.judged import REMEMBERED_MAX, Judgements, Problem
from ingestd.values.clock import EPOCH, format_instant, from_microseconds, to_microseconds

YEAR_MIN = 1990
AHEAD_MAX = timedelta(days=1)

_MICROSECONDS_A_SECOND = 1_000_000
_MICROSECONDS_A_DAY = 86_400 * _MICROSECONDS_A_SECOND
_DATE_CHARACTERS = len("2017-05-03")

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_CLOCK = re.compile(
    r"[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
    r"(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?"
)


class Occurred(NamedTuple):
    """When a charge occurred: the instant, and the text by which contents are compared.

    A time with an offset is written in UTC with `Z`; one without as its local time, which
    stays the same when the account's time zone is corrected.
    """

    microseconds: int
    written: str


class _ClockTime(NamedTuple):
    """A time of day in microseconds, and its offset from UTC, None when it has none."""

    microseconds: int
    offset_microseconds: int | None


class TimeJudge:
    """Judges the times of one file, by the account's time zone and the time it is now."""

    def __init__(self, *, timezone: ZoneInfo, now: datetime, reject_naive: bool) -> None:
        self._timezone = timezone
        self._latest = to_microseconds(now + AHEAD_MAX)
        self._reject_naive = reject_naive
        self._days = _Days()
        self._clocks = _Clocks()
        self._utc_clocks = _UtcClocks("T")
        self.remembered = Judgements[Occurred](self)

    def all_with_offset(self, texts: Sequence[str]) -> tuple[list[int], Sequence[str]] | None:
        """Return instants and written texts of times that are all fine and have an offset.

        None says nothing: then each is to be judged.
        """
        days = self._days
        clocks = self._clocks
        in_utc = self._all_in_utc(texts)
        try:
            instants = in_utc or [days[text[:10]] + clocks[text[10:]] for text in texts]
        except KeyError:
            return None
        if max(instants, default=0) > self._latest:
            return None
        return instants, texts if in_utc else list(map(_written, instants))

    def _all_in_utc(self, texts: Sequence[str]) -> list[int] | None:
        """Return the instants of times that are all written like 2017-05-03T14:38:02Z, else None.

        One split for all of them is faster than two slices for each. Where one text has no
        `T` and another has two, some part is neither a day nor a clock: texts of this length
        hold one of each, or a part that is too long or too short for either.
        """
        if set(map(len, texts)) != {len("2017-05-03T14:38:02Z")}:
            return None
        parts = "T".join(texts).split("T")
        if len(parts) != 2 * len(texts):
            return None
        days, clocks = parts[::2], parts[1::2]
        try:
            midnights = map(self._days.__getitem__, days)
            return list(map(add, midnights, map(self._utc_clocks.__getitem__, clocks)))
        except KeyError:
            return None

    def __call__(self, text: str) -> Occurred | Problem[Occurred] | None:
        """Return when it occurred, None for an empty text, or what is wrong with it."""
        if not text:
            return None
        day = _day_of(text[:_DATE_CHARACTERS])
        clock = _clock_of(text[_DATE_CHARACTERS:])
        if day is None or clock is None:
            return _INVALID
        if day.year < YEAR_MIN:
            return _TOO_OLD
        local = _microseconds_of(day) + clock.microseconds
        if local - _MICROSECONDS_A_DAY > self._latest:
            return _IN_FUTURE  # whatever the offset; the last years of the calendar end here
        occurred = self._place(local, clock, is_bare=len(text) == _DATE_CHARACTERS)
        if isinstance(occurred, Occurred) and occurred.microseconds > self._latest:
            return _IN_FUTURE
        return occurred

    def _place(
        self, local: int, clock: _ClockTime, *, is_bare: bool
    ) -> Occurred | Problem[Occurred]:
        if clock.offset_microseconds is not None:
            instant = local - clock.offset_microseconds
            return Occurred(instant, _written(instant))
        if self._reject_naive:
            return _WITHOUT_OFFSET
        if is_bare:
            return self._start_of_day(local)
        return self._in_account_zone(local)

    def _in_account_zone(self, local: int) -> Occurred | Problem[Occurred]:
        """Place a local time: none in the gap of a clock change, the earlier of two."""
        wall = from_microseconds(local).replace(tzinfo=self._timezone)
        earlier, later = to_microseconds(wall), to_microseconds(wall.replace(fold=1))
        # In a gap, the offset from before the change (fold 0) gives the later instant.
        if earlier > later:
            return _NONEXISTENT
        occurred = Occurred(earlier, _written_local(local))
        if earlier == later or earlier > self._latest:
            return occurred
        return Problem(
            code=Code.TIME_AMBIGUOUS,
            verdict=Verdict.WARNING,
            message="On this day the clocks were put back, and this time came twice. The earlier "
            "one was taken; write the offset, such as -05:00, to choose.",
            clean=occurred,
        )

    def _start_of_day(self, local: int) -> Occurred:
        """Return the first instant of a day, which is not midnight where clocks change then."""
        # Where midnight is left out, the offset from before (fold 0) gives the change itself: no
        # zone has put its clocks forward across midnight since 1990, but at midnight only.
        midnight = from_microseconds(local).replace(tzinfo=self._timezone)
        return Occurred(to_microseconds(midnight), _written_local(local))


def is_complete_time(text: str) -> bool:
    """Tell whether a text is a time with its offset, after which nothing can follow."""
    clock = _clock_of(text[_DATE_CHARACTERS:])
    has_offset = clock is not None and clock.offset_microseconds is not None
    return has_offset and _day_of(text[:_DATE_CHARACTERS]) is not None


class _Days(dict[str, int]):
    """The midnight in UTC of each day met so far, by its text; KeyError for what is no good day."""

    def __missing__(self, text: str) -> int:
        day = _day_of(text)
        if day is None or day.year < YEAR_MIN:
            raise KeyError(text)
        midnight = _microseconds_of(day)
        if len(self) < REMEMBERED_MAX:
            self[text] = midnight
        return midnight


class _Clocks(dict[str, int]):
    """The UTC time of day of each clock text met so far; KeyError for what has no offset.

    The texts are those that follow the date, after `prefix`.
    """

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, text: str) -> int:
        clock = _clock_of(self._prefix + text)
        if clock is None or clock.offset_microseconds is None:
            raise KeyError(text)
        microseconds = clock.microseconds - clock.offset_microseconds
        if len(self) < 2 * REMEMBERED_MAX:
            self[text] = microseconds
        return microseconds


class _UtcClocks(_Clocks):
    """The same for texts like `14:38:02Z`, KeyError for all others."""

    def __missing__(self, text: str) -> int:
        if not text.endswith("Z"):
            raise KeyError(text)
        return super().__missing__(text)


def _written(instant: int) -> str:
    return format_instant(from_microseconds(instant))


def _written_local(local: int) -> str:
    return from_microseconds(local).replace(tzinfo=None).isoformat()


def _day_of(text: str) -> date | None:
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:  # the thirteenth month, 29 February in a common year
        return None


def _microseconds_of(day: date) -> int:
    return (day - EPOCH.date()).days * _MICROSECONDS_A_DAY


def _clock_of(text: str) -> _ClockTime | None:
    """Return the time of day that follows a date: midnight without offset for nothing at all."""
    if not text:
        return _ClockTime(0, None)
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    hour, minute, second, fraction, zulu, sign, hours, minutes = match.groups(default="")
    time_of_day = _microseconds_in(hour, minute, second)
    offset = _microseconds_in(hours or "0", minutes or "0")
    if time_of_day is None or offset is None:
        return None
    return _ClockTime(
        time_of_day + int(fraction.ljust(6, "0")),
        (-offset if sign == "-" else offset) if zulu or sign else None,
    )


def _microseconds_in(hour: str, minute: str, second: str = "0") -> int | None:
    """Return the microseconds of a time of day or an offset; None from 24 hours on."""
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    return ((int(hour) * 60 + int(minute)) * 60 + int(second)) * _MICROSECONDS_A_SECOND


_INVALID: Problem[Occurred] = Problem(
    code=Code.TIME_INVALID, message="Write the time like 2017-05-03T14:38:02Z."
)
_TOO_OLD: Problem[Occurred] = Problem(
    code=Code.TIME_TOO_OLD,
    message=f"The time lies before {YEAR_MIN}. Correct the year.",
)
_IN_FUTURE: Problem[Occurred] = Problem(
    code=Code.TIME_IN_FUTURE,
    message="The time lies more than a day ahead. Correct the date, or send the charge later.",
)
_WITHOUT_OFFSET: Problem[Occurred] = Problem(
    code=Code.TIME_WITHOUT_OFFSET,
    message="Write the time with its offset from UTC, such as 2017-05-03T14:38:02Z or "
    "2017-05-03T09:38:02-05:00.",
)
_NONEXISTENT: Problem[Occurred] = Problem(
    code=Code.TIME_NONEXISTENT,
    message="On this day the clocks were put forward, and this time did not come. Correct it, "
    "or write its offset, such as -05:00.",
)
