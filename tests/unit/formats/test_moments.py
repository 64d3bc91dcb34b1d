"""Moments of payment files: judged many at a time, they mean what each means alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.moments import MOMENT_INVALID, MomentJudge, Moments, WrittenMoments
from ingestd.values.clock import from_microseconds, to_microseconds

ZONES = [
    ZoneInfo(name)
    for name in (
        *("America/Chicago", "Europe/Paris", "Australia/Lord_Howe", "Africa/Cairo"),
        *("America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "UTC"),
    )
]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
# Days on which one of these zones changed its clocks, or skipped a day, and their neighbours.
CHANGES = [date(2026, 3, 8), date(2026, 11, 1), date(2018, 11, 4), date(2011, 12, 30)]
days = st.one_of(
    st.dates(date(1989, 12, 25), date(2026, 11, 28)),
    st.sampled_from(CHANGES),
    st.builds(lambda day, off: day + timedelta(off), st.sampled_from(CHANGES), st.integers(-1, 1)),
)
clocks = st.one_of(
    st.just(""),
    st.times().map(lambda time: time.strftime(" %H:%M:%S")),
    st.sampled_from([" 24:00:00", " 12:60:00", " 2:00:00", " 02:30:00", "T02:30:00", " 00:00:00 "]),
)
texts = st.one_of(
    st.builds(lambda day, clock: f"{day}{clock}", days, clocks),
    st.sampled_from(["", "null", " 2026-01-05", "2026-02-30", "05/01/2026", "２０２６-01-05"]),
)


@pytest.mark.parametrize("zone", ZONES, ids=str)
@given(column=st.lists(texts, max_size=8))
def test_a_column_of_moments_is_judged_as_each_of_them(zone: ZoneInfo, column: list[str]) -> None:
    """Whatever else stands in a provider's file, a payment is dated the same."""
    judge = MomentJudge(timezone=zone, now=NOW)
    assert Moments(judge, otherwise=judge).of(column) == [judge(text) for text in column]


def test_ordinary_moments_go_the_quick_way() -> None:
    """A million payments are dated in seconds: each day and each time of day is judged once."""
    judge = MomentJudge(timezone=ZoneInfo("America/Chicago"), now=NOW)
    moments = Moments(judge, otherwise=pytest.fail)
    texts = ["2026-03-02 08:10:10", "2026-07-01", "2026-07-01 23:59:59", "2026-03-02 08:10:10"]
    for _ in range(2):
        assert moments.of(texts) == [judge(text) for text in texts]


def test_a_day_that_is_only_half_too_far_ahead_is_judged_by_its_moments() -> None:
    """What was paid this morning is taken, on whatever clock it was written."""
    judge = MomentJudge(timezone=ZoneInfo("UTC"), now=NOW)
    texts = ["2026-11-25 12:00:00", "2026-11-25 12:00:01", "2026-11-25"]
    judged = Moments(judge, otherwise=judge).of(texts)
    assert judged == [judge(text) for text in texts]
    assert [isinstance(moment, Problem) for moment in judged] == [False, True, False]


@pytest.mark.parametrize("text", ["\t2007-07-11", "X2007-07-11X", "2007-07-11\u00a0"])
def test_only_spaces_around_a_moment_mean_nothing(text: str) -> None:
    """What cannot be told from a space by looking at it is not guessed away."""
    judge = MomentJudge(timezone=ZoneInfo("UTC"), now=NOW)
    assert judge(text) == MOMENT_INVALID
    assert judge(" 2007-07-11  ") == judge("2007-07-11")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-02-30", "Write the date and time as YYYY-MM-DD"),
        ("2026-12-24", "or send the payment later."),
        ("2026-03-08 02:30:00", "and this time did not come. Correct it."),
        ("2026-11-01 01:30:00", "and this time came twice. The earlier one was taken."),
        ("1989-12-31", "The time lies before 1990."),
    ],
)
def test_what_is_said_of_a_moment_asks_for_no_offset(text: str, said: str) -> None:
    """Payment files have none, so nobody could write it."""
    judged = MomentJudge(timezone=ZoneInfo("America/Chicago"), now=NOW)(text)
    assert isinstance(judged, Problem)
    assert said in judged.message
    assert "charge" not in judged.message
    assert "offset" not in judged.message


@pytest.mark.parametrize("zone", ZONES, ids=str)
@given(instants=st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)), max_size=8))  # noqa: DTZ001 - st.datetimes takes naive bounds
def test_a_written_moment_is_the_local_time(zone: ZoneInfo, instants: list[datetime]) -> None:
    """A payment without a receipt number is known by what the file says, to the second."""
    column = [to_microseconds(instant.replace(tzinfo=UTC)) for instant in instants]
    assert WrittenMoments(zone).of(column) == [
        from_microseconds(instant).astimezone(zone).isoformat()[: len("2007-07-11T08:10:10")]
        for instant in column
    ]
