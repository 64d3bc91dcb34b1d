"""File events do not come: the rescan alone takes every file, and says what is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from watchdog.observers.api import BaseObserver, EventEmitter

from ingestd.intake.looking import watcher
from ingestd.telemetry.events import Event
from tests.chaos import TIMES
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station, open_station
from tests.integration.ledger.conftest import charges

FILES = 12 * TIMES


class NoWatches(BaseObserver):
    """An observer on a machine whose watches are used up."""

    starts = 0

    def __init__(self) -> None:
        super().__init__(EventEmitter)

    def start(self) -> None:
        NoWatches.starts += 1
        raise OSError(28, "inotify watch limit reached")


class NothingComes(BaseObserver):
    """An observer whose queue in the kernel has run over: what was in it is gone."""

    def __init__(self) -> None:
        super().__init__(EventEmitter)


def row(number: int) -> bytes:
    return charges(f"WALLET,T{number},S1,MEAL,,1.00")


async def everything_is_taken(station: Station) -> None:
    """Publish half of the files as the door does, copy the others by hand, and see them posted."""
    for number in range(FILES):
        name = f"student_billing_{number}.csv"
        if number % 2:
            station.send(row(number), name)
        else:
            (station.incoming / name).write_bytes(row(number))
    await station.until_delivered(FILES)
    assert station.books.balances() == {("S1", "WALLET"): f"-{FILES}.00"}
    assert sum(receipt["rows"]["applied"] for receipt in station.receipts().values()) == FILES


@pytest.fixture
def looking(make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, object]]) -> Station:
    station = open_station(make_database("sqlite"), tmp_path / "data", log)
    station.settings = replace(station.settings, rescan_seconds=0.3)
    return station


async def test_without_watches_the_rescan_takes_every_file(
    looking: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose watches other programs have used up bills as it did, and tells of it once."""
    monkeypatch.setattr(watcher, "Observer", NoWatches)
    monkeypatch.setattr(NoWatches, "starts", 0)
    async with looking.running() as intake:
        await intake.wait_until_begun()
        assert "rescan only" in intake.watcher_trouble
        await everything_is_taken(looking)
        assert intake.worker_trouble == ""
        await looking.until(lambda: NoWatches.starts > 2, "it to be tried again")
    failed = looking.events(Event.WATCHER_RESTARTED)
    assert [(line["ok"], line["log_level"]) for line in failed] == [(False, "error")]


async def test_events_that_are_lost_delay_files_to_the_next_rescan(
    looking: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue in the kernel that runs over costs a file seconds, and nothing else."""
    monkeypatch.setattr(watcher, "Observer", NothingComes)
    async with looking.running() as intake:
        await intake.wait_until_begun()
        assert intake.trouble == ""
        await everything_is_taken(looking)
