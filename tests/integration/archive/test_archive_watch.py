"""An archive that is away is noticed without uploads, told of once, and told of when it is back."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from ingestd.service.daemon.archive_watch import ArchiveWatch
from ingestd.spool.archive.archive import Archive
from ingestd.spool.archive.local import LocalArchive
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ArchiveAwayError
from tests.acceptance.daemon_log import until
from tests.integration.archive.s3_server import Bucket, Fault
from tests.integration.archive.test_archives import SHA256, A, file

__all__ = ["file"]


class Watched:
    """A watch, and the seconds that pass for it."""

    def __init__(self, archive: Archive) -> None:
        self.now = 0.0
        self.metrics = Metrics()
        self.archive = archive
        self.watch = ArchiveWatch(archive=archive, metrics=self.metrics, monotonic=lambda: self.now)

    def look_after(self, seconds: float) -> str:
        """Look as many seconds later; return what readiness says."""
        self.now += seconds
        self.watch.look()
        return self.readiness()

    def readiness(self) -> str:
        return asyncio.run(self._ask_readiness())

    @property
    def gauge(self) -> float | None:
        return self.metrics.registry.get_sample_value("ingestd_archive_away")

    async def _ask_readiness(self) -> str:
        return await self.watch.checks()["archive"]()


def told(log: list[dict[str, Any]]) -> list[str]:
    return [entry["event"] for entry in log]


@pytest.mark.parametrize("fault", [Fault.AWAY, Fault.STALLED, Fault.FOREIGN])
def test_it_is_seen_to_go_and_to_come_back_while_nobody_sends_anything(
    bucket: Bucket, log: list[dict[str, Any]], fault: Fault
) -> None:
    """An operator hears of it before the first district does, once; a balancer at every look."""
    watched = Watched(bucket.open())
    assert watched.readiness() == "it was not asked yet"
    assert (watched.look_after(0), watched.gauge) == ("", 0)
    bucket.lasting = fault
    assert watched.look_after(29) == ""
    for _ in range(2):
        assert "archive s3://" in watched.look_after(6)
        assert watched.gauge == 1
    assert told(log) == [Event.ARCHIVE_MISSED]
    assert log[0]["log_level"] == "error"
    assert log[0]["uploads"] == "refused"
    bucket.lasting = Fault.NONE
    bucket.released.set()
    assert "archive s3://" in watched.look_after(1)
    # What it had held may be done only now, in the middle of a look: then the next one sees it.
    assert "" in [watched.look_after(5) for _ in range(5)]
    assert watched.gauge == 0
    assert told(log) == [Event.ARCHIVE_MISSED, Event.ARCHIVE_RETURNED]
    assert log[1]["seconds"] > 0


def test_it_is_asked_seldom_and_by_one_question(bucket: Bucket) -> None:
    """What costs money at each request is not asked every second."""
    watched = Watched(bucket.open())
    for _ in range(60):
        assert watched.look_after(1) == ""
    assert len(bucket.requests) == 2
    assert {request.split()[0] for request in bucket.requests} == {"GET"}


def test_a_bucket_that_gives_and_does_not_take_is_away(
    bucket: Bucket, log: list[dict[str, Any]], file: Path
) -> None:
    """A right that somebody took away by mistake is seen with the first upload; not as back."""
    watched = Watched(bucket.open())
    assert watched.look_after(0) == ""
    bucket.forbidden = frozenset({"PUT"})
    with pytest.raises(ArchiveAwayError):
        watched.archive.put(A, SHA256, file)
    assert "refuses these credentials" in watched.look_after(1)
    assert not watched.archive.holds(A, SHA256)
    assert "refuses these credentials" in watched.look_after(5)
    bucket.forbidden = frozenset()
    assert watched.look_after(5) == ""
    assert told(log) == [Event.ARCHIVE_MISSED, Event.ARCHIVE_RETURNED]


def test_what_failed_once_and_works_is_not_told(
    bucket: Bucket, log: list[dict[str, Any]], file: Path
) -> None:
    """One request that was lost is nothing to wake anybody for."""
    watched = Watched(bucket.open())
    assert watched.look_after(0) == ""
    bucket.lasting = Fault.AWAY
    with pytest.raises(ArchiveAwayError):
        watched.archive.put(A, SHA256, file)
    bucket.lasting = Fault.NONE
    assert watched.archive.trouble
    assert watched.look_after(1) == ""
    assert not watched.archive.trouble
    assert told(log) == []


def test_a_missing_bucket_is_away(bucket: Bucket) -> None:
    """Nobody takes a bucket that somebody removed for an empty one."""
    bucket.url = "s3://no-such-bucket"
    assert "no such bucket" in Watched(bucket.open()).look_after(0)


def test_a_node_that_takes_files_meanwhile_is_ready(
    bucket: Bucket, log: list[dict[str, Any]]
) -> None:
    """No balancer takes a node out that does what it is told to; the operator hears of it."""
    watched = Watched(bucket.open(accepts_when_away=True))
    bucket.lasting = Fault.AWAY
    assert watched.look_after(0) == ""
    assert watched.gauge == 1
    assert [entry["uploads"] for entry in log] == ["taken"]


async def test_a_folder_of_ones_own_is_not_asked() -> None:
    """Who shares no archive reads of none, on no page."""
    watch = ArchiveWatch(archive=LocalArchive(), metrics=Metrics(), monotonic=lambda: 0.0)
    assert watch.checks() == {}
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()


def test_an_archive_that_is_silent_holds_up_no_stop(bucket: Bucket) -> None:
    """A daemon is gone in time, whatever it was asking."""
    bucket.lasting = Fault.STALLED
    watch = ArchiveWatch(archive=bucket.open(), metrics=Metrics(), monotonic=lambda: 0.0)

    async def begin_to_ask() -> None:
        task = asyncio.create_task(watch.run())
        await asyncio.to_thread(until, lambda: bucket.requests, "a question")
        task.cancel()

    asyncio.run(begin_to_ask())
    [asking] = [thread for thread in threading.enumerate() if thread.name == "archive watch"]
    bucket.released.set()
    asking.join()
