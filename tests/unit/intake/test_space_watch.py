"""What waits for space: how often it is tried, and how little is said about it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from ingestd.intake.work.space import FORGOTTEN_SECONDS, SpaceWatch
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import NoSpaceError

FULL = NoSpaceError("No space left for here. Free space.")


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def watch(clock: FakeClock, metrics: Metrics) -> SpaceWatch:
    return SpaceWatch(clock, metrics.disk_full)


def is_full(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("ingestd_disk_full")


def test_a_spell_is_told_of_when_it_begins_and_when_it_ends(
    watch: SpaceWatch, clock: FakeClock, metrics: Metrics
) -> None:
    """A disk that is full all night fills no log, and the morning's reader sees both ends."""
    with capture_logs() as log:
        for _ in range(50):
            for work in ("upload 1", "upload 2"):
                clock.seconds += watch.note_full(work, FULL)
        assert is_full(metrics) == 1
        watch.note_room("upload 1")
        watch.note_room("upload 1")
        assert is_full(metrics) == 1
        watch.note_room("upload 2")
    assert [line["event"] for line in log] == [Event.DISK_FILLED, Event.DISK_FREED]
    assert (log[0]["log_level"], log[0]["error"]) == ("error", FULL.message)
    assert log[1]["tries"] == 100
    assert is_full(metrics) == 0
    with capture_logs() as log:
        watch.note_full("upload 1", FULL)
    assert [line["event"] for line in log] == [Event.DISK_FILLED]


def test_pauses_grow_to_a_minute_and_no_further(watch: SpaceWatch, clock: FakeClock) -> None:
    """A full disk is not kept busy, and a minute after there is room everything goes on."""
    pauses = []
    for _ in range(12):
        pauses.append(watch.note_full("upload 1", FULL))
        assert not watch.is_due("upload 1")
        clock.seconds += pauses[-1]
        assert watch.is_due("upload 1")
    assert pauses[:4] == [1, 1, 2, 4]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60


def test_what_waits_is_told_as_long_as_it_waits(watch: SpaceWatch) -> None:
    """Whoever asks whether the daemon is ready learns what to do, and how much depends on it."""
    assert (watch.trouble, watch.is_due("upload 1")) == ("", True)
    watch.note_full("upload 1", FULL)
    watch.note_full("delivery 2", FULL)
    assert watch.trouble == f"{FULL.message} Waiting for space: 2."
    watch.note_room("upload 1")
    watch.note_room("delivery 2")
    assert watch.trouble == ""


def test_work_that_nobody_tries_any_more_is_forgotten(watch: SpaceWatch, clock: FakeClock) -> None:
    """An account that was removed meanwhile does not leave the daemon unready for ever."""
    watch.note_full("BROKEN", FULL)
    clock.seconds += FORGOTTEN_SECONDS
    watch.note_full("upload 1", FULL)
    clock.seconds += 1
    watch.forget_stale()
    assert watch.trouble.endswith(": 1.")
