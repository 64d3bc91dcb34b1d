"""Columns that are judged all at once mean what each of their texts means alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingestd.formats.fields import Column, Kind
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.texts import IdentifierJudge, NoteJudge
from ingestd.formats.judging.times import AHEAD_MAX, YEAR_MIN, Occurred, TimeJudge

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)
LENGTH_MAX = 6
COLUMN = Column(name="x", kind=Kind.TEXT, mandatory=False, description="", length_max=LENGTH_MAX)
ODD = st.sampled_from(
    [
        *("", " A", "A ", "A B", "'1", '="1"', "#REF!", "1E+5", "A#", "A\u00a0", "é", "e\u0301"),
        *("Ã©", "\ufffd", "\t", "\n", "\x7f", "\u200b", "x" * LENGTH_MAX, "x" * (LENGTH_MAX + 1)),
    ]
)
TEXTS = st.lists(st.one_of(ODD, st.text("ab1-. é", max_size=LENGTH_MAX + 1)), max_size=4)

CLOCKS = st.sampled_from(
    [
        *("T00:00:00Z", "T14:38:02Z", "t14:38:02z", " 14:38:02.5-05:00", "T14:38:02.000001+05:30"),
        *("T23:59:59Z", "T24:00:00Z", "T12:60:00Z", "T12:00:60Z", "T14:38:02", "", "T14:38:0Z"),
        *("T14:38:02+23:59", "T14:38:02-24:00", "T14:38:02.1234567Z", "TT4:38:02Z", "14:38:02ZT"),
    ]
)
DAYS = st.sampled_from(
    [
        *("2026-03-02", "2026-09-16", "2026-09-17", "1990-01-01", "1989-12-31", "2026-02-29"),
        *("2028-02-29", "2026-13-01", "2026-3-02", "9999-12-31", "0000-01-01", "2026-03T02"),
    ]
)
TIMES = st.lists(st.builds(str.__add__, DAYS, CLOCKS), max_size=4)


def time_judge(zone: str = "America/Chicago", *, reject_naive: bool = False) -> TimeJudge:
    return TimeJudge(timezone=ZoneInfo(zone), now=NOW, reject_naive=reject_naive)


@given(TEXTS)
def test_identifiers_that_are_taken_at_once_are_each_taken_as_they_are(texts: list[str]) -> None:
    """No stray character slips into the ledger because its neighbours were plain."""
    judge = IdentifierJudge(COLUMN)
    if judge.all_plain(texts):
        assert [judge(text) for text in texts] == texts


@given(TEXTS)
def test_notes_that_are_taken_at_once_are_each_taken_as_they_are(texts: list[str]) -> None:
    """A damaged note is told of wherever in a file it stands."""
    judge = NoteJudge(COLUMN)
    if judge.all_plain(texts):
        assert [judge(text) for text in texts] == texts


def test_ordinary_columns_go_the_quick_way() -> None:
    """A million rows are judged in seconds."""
    assert IdentifierJudge(COLUMN).all_plain(["A-1", "00042", "x" * LENGTH_MAX, "a_b"])
    assert NoteJudge(COLUMN).all_plain(["", "soup é", "x" * LENGTH_MAX])
    assert NoteJudge(COLUMN).all_plain([])
    assert not NoteJudge(COLUMN).all_plain(["x" * (LENGTH_MAX + 1)])
    judge = IdentifierJudge(replace(COLUMN, null_is_absent=True))
    assert judge.all_plain(["A-1"])
    assert not judge.all_plain(["A-1", "Null"])
    in_utc = ["2026-03-02T14:38:02Z", "1990-01-01T00:00:00Z", "2026-03-02T00:00:01Z"]
    at_once = time_judge().all_with_offset(in_utc)
    assert at_once is not None
    assert at_once[1] is in_utc
    assert time_judge().all_with_offset([*in_utc, "2026-03-02 14:38:02.5-05:00"]) is not None


@given(TIMES)
@example(["2026-03-02T14:38:02z"])
def test_times_that_are_read_at_once_are_each_read_the_same(texts: list[str]) -> None:
    """A charge is dated the same whatever else stands in its file."""
    judge = time_judge()
    at_once = judge.all_with_offset(texts)
    if at_once is not None:
        instants, written = at_once
        alone = [judge(text) for text in texts]
        assert alone == [Occurred(*each) for each in zip(instants, written, strict=True)]
        assert judge.all_with_offset(texts) == at_once


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"{YEAR_MIN}-01-01T00:00:00Z", None),
        (f"{YEAR_MIN - 1}-12-31T23:59:59Z", Code.TIME_TOO_OLD),
        ((NOW + AHEAD_MAX).isoformat(), None),
        ((NOW + AHEAD_MAX + timedelta(microseconds=1)).isoformat(), Code.TIME_IN_FUTURE),
        ("2026-09-16T23:30:00+12:00", None),
        ("9999-12-31T23:59:59-23:59", Code.TIME_IN_FUTURE),
        ("2026-03-02T23:59:59Z", None),
        ("2026-03-02T24:00:00Z", Code.TIME_INVALID),
        ("2026-03-02T23:60:00Z", Code.TIME_INVALID),
        ("2026-03-02T23:59:60Z", Code.TIME_INVALID),
        ("2026-03-02T00:00:00+23:59", None),
        ("2026-03-02T00:00:00+24:00", Code.TIME_INVALID),
        ("2026-03-02T00:00:00+00:60", Code.TIME_INVALID),
        ("2026-03-02T02:30:00", None),
        ("2026-03-08T02:00:00", Code.TIME_NONEXISTENT),
        ("2026-03-08T02:59:59.999999", Code.TIME_NONEXISTENT),
        ("2026-03-08T03:00:00", None),
        ("2025-11-02T00:59:59", None),
        ("2025-11-02T01:00:00", Code.TIME_AMBIGUOUS),
        ("2025-11-02T01:59:59", Code.TIME_AMBIGUOUS),
        ("2025-11-02T02:00:00", None),
    ],
)
def test_bounds_of_times_are_where_the_specification_puts_them(
    text: str, code: Code | None
) -> None:
    """A time just inside counts, and one just outside is told of."""
    judged = time_judge()(text)
    assert (judged.code if isinstance(judged, Problem) else None) == code


def test_a_time_that_came_twice_may_be_a_day_ahead_to_the_microsecond() -> None:
    """The bound is the same on the day on which the clocks are put back."""
    text, instant = "2025-11-02T01:30:00", datetime(2025, 11, 2, 6, 30, tzinfo=UTC)
    for late, code in ((0, Code.TIME_AMBIGUOUS), (1, Code.TIME_IN_FUTURE)):
        now = instant - AHEAD_MAX - timedelta(microseconds=late)
        judge = TimeJudge(timezone=ZoneInfo("America/Chicago"), now=now, reject_naive=False)
        judged = judge(text)
        assert isinstance(judged, Problem)
        assert judged.code is code


def test_a_time_that_came_twice_is_the_earlier_one() -> None:
    """The charge is kept, and the sender can choose the other."""
    judged = time_judge()("2025-11-02T01:30:00")
    assert isinstance(judged, Problem)
    assert judged.clean == Occurred(1_762_065_000_000_000, "2025-11-02T01:30:00")


def test_a_time_without_an_offset_is_refused_where_the_account_says_so() -> None:
    """An account that exports in UTC never has a time taken for local."""
    judge = time_judge(reject_naive=True)
    for text in ("2026-03-02T14:38:02", "2026-03-02"):
        judged = judge(text)
        assert isinstance(judged, Problem)
        assert judged.code is Code.TIME_WITHOUT_OFFSET
    assert judge("2026-03-02T14:38:02Z") == Occurred(1_772_462_282_000_000, "2026-03-02T14:38:02Z")
    assert judge("") is None
