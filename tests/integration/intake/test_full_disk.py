"""A full disk under the intake: files wait as long as it lasts, and are told of once."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ingestd.database.engine import Database
from ingestd.intake.work.space import TRY_SECONDS_MAX
from ingestd.intake.work.worker import Worker
from ingestd.spool.queue import TRIES_MAX
from ingestd.telemetry.events import Event
from ingestd.values.errors import NoSpaceError
from ingestd.values.identifiers import UploadId
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import SPRINGFIELD, charges

TRY_SECONDS = round(TRY_SECONDS_MAX) + 1
ROWS = [f"WALLET,T{number},S1,MEAL,{'n' * 200},1.00" for number in range(400)]


@contextmanager
def no_space_for_charges(database: Database) -> Iterator[None]:
    """Let there be room for what the queue notes down, and for nothing more.

    SQLite may not grow: it says what it says on a full disk. PostgreSQL's disk cannot be filled
    here: a trigger raises what the server does.
    """
    if database.is_embedded:

        def limit(connection: Any, *_: object) -> None:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")

        database.engine.dispose()
        sa.event.listen(database.engine, "connect", limit)
        try:
            yield
        finally:
            sa.event.remove(database.engine, "connect", limit)
            database.engine.dispose()
        return
    with database.writing() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER full_disk BEFORE INSERT ON charge EXECUTE FUNCTION full_disk()"
        )
    try:
        yield
    finally:
        with database.writing() as connection:
            connection.exec_driver_sql("DROP FUNCTION full_disk CASCADE")


@pytest.fixture
def worker(station: Station) -> Worker:
    """A worker whose clock goes on only when it is asked, so that no try is waited for."""
    return replace(station, clock=station.books.clock).worker()


def run_until(worker: Worker, condition: Callable[[], object]) -> None:
    """Let a worker take what is due, second by second, until a condition holds."""
    for _ in range(1000):
        if condition():
            return
        worker.run_next()
    raise AssertionError("waited in vain")


def state_of(station: Station, upload_id: UploadId) -> tuple[str, int]:
    upload = station.books.upload(upload_id)
    return upload.state, upload.attempts


def test_a_file_waits_for_space_however_often_it_is_tried(station: Station, worker: Worker) -> None:
    """A night with a full disk leaves nothing for an operator but to free it."""
    sent = station.books.queue(charges(*ROWS))
    tries = 0
    with no_space_for_charges(station.books.database):
        for _ in range(16 * TRY_SECONDS):
            tries += worker.run_next()
            assert state_of(station, sent) == ("waiting", 0)
        assert tries > 3 * TRIES_MAX
        assert "no space left" in worker.space.trouble
        assert not station.books.dump("charge")["charge"]
    run_until(worker, lambda: state_of(station, sent)[0] == "done")
    assert worker.space.trouble == ""
    assert station.receipts()[sent]["rows"]["applied"] == len(ROWS)
    told = [line["event"] for line in station.log]
    assert told == [
        *(Event.DISK_FILLED, Event.DISK_FREED, Event.FILE_PROCESSED, Event.LEDGER_SEALED),
    ]
    assert station.metrics.registry.get_sample_value("ingestd_worker_failures_total") == 0


def test_a_failure_of_another_kind_counts_as_ever(station: Station, worker: Worker) -> None:
    """What space does not mend reaches an operator after six tries, spell or no spell."""
    sent = station.books.queue(charges(*ROWS))
    with no_space_for_charges(station.books.database):
        run_until(worker, lambda: worker.space.trouble)
    claimed = station.folders.claimed(SPRINGFIELD) / sent / "student_billing.csv"
    claimed.rename(claimed.with_suffix(".gone"))
    run_until(worker, lambda: state_of(station, sent)[0] == "failed")
    assert len(station.events(Event.WORKER_FAILED)) == TRIES_MAX
    assert worker.space.trouble == ""


def test_a_file_that_could_not_even_be_given_back_is_not_counted_either(
    station: Station, worker: Worker
) -> None:
    """On a disk that is full to the last byte the queue itself can note nothing down."""
    sent = station.books.queue(charges(*ROWS))
    database = station.books.database
    with no_space_for_charges(database):
        with no_space_for_statements(database, "waits = waits + 1"):
            for _ in range(TRIES_MAX):
                with pytest.raises(NoSpaceError):
                    worker.run_next()
            assert state_of(station, sent) == ("working", 0)
        worker.run_next()
        assert state_of(station, sent) == ("waiting", 0)
    run_until(worker, lambda: state_of(station, sent)[0] == "done")
    assert state_of(station, sent)[1] == 0


@contextmanager
def no_space_for_statements(database: Database, part: str) -> Iterator[None]:
    """Let each statement that holds a text fail as the driver says of a full disk."""
    error: Exception = psycopg.errors.DiskFull("could not extend file")
    if database.is_embedded:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL

    def before(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if part in statement:
            raise OperationalError(statement, None, error)

    sa.event.listen(database.engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", before)


@contextmanager
def no_file_over(size_bytes: int) -> Iterator[None]:
    """Let the system refuse this process every write beyond a size, as it does over a quota."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_receipt_waits_for_space_and_is_told_of_once(station: Station, worker: Worker) -> None:
    """Each look tries again; a hundred receipts that cannot be written are no hundred lines."""
    sent = [station.books.post(f"WALLET,T{number},S9,MEAL,,x") for number in range(3)]
    with no_file_over(10):
        for _ in range(200):
            station.books.clock.now()  # a second goes by
            assert worker.deliver_left_over() == 0
        assert "No space left" in worker.space.trouble
        assert "Waiting for space: 3." in worker.space.trouble
    assert not station.books.receipts()
    delivered = 0
    for _ in range(TRY_SECONDS):
        station.books.clock.now()
        delivered += worker.deliver_left_over()
    assert delivered == 3
    assert set(station.receipts()) == {outcome.upload_id for outcome in sent}
    told = [line["event"] for line in station.log]
    assert told == [Event.DISK_FILLED, Event.DISK_FREED]
    assert 3 * TRIES_MAX < station.events(Event.DISK_FREED)[0]["tries"] < 200


async def test_files_that_cannot_be_claimed_wait_and_the_daemon_says_so(station: Station) -> None:
    """What lies in `incoming/` was acknowledged: it is claimed as soon as there is room."""
    with no_space_for_statements(station.books.database, "INSERT INTO upload"):
        async with station.running() as intake:
            sent = station.send(charges("WALLET,T1,S1,MEAL,,1.00"))
            await station.until(lambda: intake.space_trouble, "a full disk")
            assert "no space left" in intake.space_trouble
            assert (intake.trouble, intake.worker_trouble) == (intake.watcher_trouble, "")
    async with station.running() as intake:
        await station.until_delivered(1)
        assert intake.space_trouble == ""
    assert station.receipts()[sent]["rows"]["applied"] == 1
    assert len(station.events(Event.DISK_FILLED)) == 1
    assert not station.events(Event.WORKER_FAILED)


async def test_a_start_on_a_full_disk_waits_for_room(station: Station) -> None:
    """A machine that reboots with a full disk comes up, says so, and goes on by itself."""
    sent = station.send(charges("WALLET,T1,S1,MEAL,,1.00"))
    with ExitStack() as fault:
        fault.enter_context(
            no_space_for_statements(station.books.database, "the daemon died while it worked")
        )
        async with station.running() as intake:
            await station.until(lambda: intake.space_trouble, "a full disk")
            fault.close()
            await station.until_delivered(1)
            assert intake.space_trouble == ""
    assert station.receipts()[sent]["rows"]["applied"] == 1


async def test_a_stop_does_not_wait_for_a_full_disk(station: Station) -> None:
    """A restart is not held up by what only an operator can mend."""
    with no_space_for_statements(station.books.database, "the daemon died while it worked"):
        async with station.running() as intake:
            await station.until(lambda: intake.space_trouble, "a full disk")
