"""Files wait while the clock is behind the books, and go on when it is right or accepted."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ingestd.ledger.books.clock_check import accept_clock, find_clock_doubts
from ingestd.spool.queue import lease_next, put_back
from ingestd.telemetry.events import Event
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import ClockBehindError
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import FakeClock, charges

ROW = "WALLET,T1,S1,MEAL,,1.00"
OTHER = "WALLET,T2,S1,MEAL,,2.00"
HOUR = timedelta(hours=1)


class TurnedClock:
    """The system's clock, turned by as much as a test says."""

    def __init__(self) -> None:
        self.turned = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.turned

    def monotonic(self) -> float:
        return time.monotonic()


def gauge(station: Station) -> float:
    [metric] = station.metrics.clock_behind_seconds.collect()
    return metric.samples[0].value


def post_an_hour_ahead(station: Station) -> None:
    """Leave books whose last batch was dated by a clock that was ahead."""
    books = replace(station.books, clock=FakeClock(datetime.now(UTC) + HOUR))
    books.post(ROW)
    with books.database.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET delivered = 1")


async def test_a_start_whose_clock_is_behind_warns_and_files_wait(station: Station) -> None:
    """A machine that lost its time over night says so, and keeps what arrives."""
    clock = TurnedClock()
    station.clock = clock
    post_an_hour_ahead(station)
    station.send(charges(OTHER))
    interrupted = station.interrupt()
    async with station.running() as intake:
        await station.until(lambda: station.events(Event.CLOCK_DOUBTED), "the warning")
        [told] = station.events(Event.CLOCK_DOUBTED)
        assert (told["log_level"], told["account"]) == ("warning", "SPRINGFIELD")
        assert 3500 < told["behind_seconds"] < 3700
        assert "accept-clock" in intake.clock_trouble
        assert gauge(station) > 3500
        # Long enough for a file to be taken, were it not held back.
        settled = time.monotonic() + 50 * station.settings.settle_seconds
        await station.until(lambda: time.monotonic() > settled, "the file to settle")
        assert station.receipts() == {}
        assert len(list(station.incoming.iterdir())) == 1
        clock.turned = HOUR
        await station.until_delivered(3)
        assert station.events(Event.CLOCK_TRUSTED)
        assert (intake.clock_trouble, gauge(station)) == ("", 0)
    assert len(station.events(Event.CLOCK_DOUBTED)) == 1
    assert station.receipts()[interrupted]["status"] == "interrupted"


async def test_files_go_on_when_an_operator_accepts_the_clock(station: Station) -> None:
    """It is the books that are ahead: somebody says so, and nobody waits for an hour."""
    post_an_hour_ahead(station)
    sent = station.send(charges(OTHER))
    async with station.running():
        await station.until(lambda: station.events(Event.CLOCK_DOUBTED), "the warning")
        with station.books.database.writing() as connection:
            now = to_microseconds(datetime.now(UTC))
            for doubt in find_clock_doubts(connection, now=now):
                accept_clock(connection, doubt, by="maria", reason="checked against a phone")
        await station.until_delivered(2)
    assert station.receipts()[sent]["status"] == "processed"
    assert station.events(Event.WORKER_FAILED) == []


async def test_a_clock_that_is_set_back_while_running_is_noticed(station: Station) -> None:
    """A wrong time server stops nothing but the billing, and that within seconds."""
    clock = TurnedClock()
    station.clock = clock
    async with station.running() as intake:
        station.send(charges(ROW))
        await station.until_delivered(1)
        clock.turned = -HOUR
        # No file, and no rescan for an hour: the clock itself is watched.
        await station.until(lambda: station.events(Event.CLOCK_DOUBTED), "the warning")
        sent = station.send(charges(OTHER), "student_billing_b.csv")
        clock.turned = timedelta()
        await station.until_delivered(2)
        await station.until(lambda: intake.clock_trouble == "", "trust")
    assert station.receipts()[sent]["status"] == "processed"
    assert station.events(Event.WORKER_FAILED) == []


def test_a_file_that_meets_the_step_itself_waits_untried(station: Station) -> None:
    """Between two looks the transaction notices by itself; the file's tries stay what they were."""
    post_an_hour_ahead(station)
    upload_id = station.books.queue(charges(OTHER))
    worker = station.worker()
    for _ in range(2):
        with pytest.raises(ClockBehindError):
            worker.run_next()
        upload = station.books.upload(upload_id)
        assert (upload.state, upload.attempts, upload.last_error) == ("waiting", 0, None)
    assert station.events(Event.WORKER_FAILED) == []


def test_a_pause_from_before_the_clock_was_set_back_keeps_no_file_for_years(
    station: Station,
) -> None:
    """A file that was to be tried again in a minute is, whatever the clock said then."""
    books = station.books
    books.queue(charges(ROW))
    upload = books.lease()
    assert upload is not None
    far = to_microseconds(books.clock.now() + 10_000 * HOUR)
    with books.database.writing() as connection:
        put_back(connection, upload, error="the world", now=far)
    with books.database.writing() as connection:
        now = to_microseconds(books.clock.now())
        assert lease_next(connection, node=books.node, owner=books.node, now=now) is not None
