"""A connection that is cut around a commit: what was done is told as done, once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import open_database
from ingestd.database.postgresql import Waits
from ingestd.spool.queue import TRIES_MAX
from ingestd.telemetry.events import Event
from ingestd.values.errors import DatabaseError
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station, open_station_on
from tests.integration.ledger.conftest import Books, charges, open_books
from tests.integration.nodes.cutting_relay import Cut, Relay, relay


@pytest.fixture
def relayed(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]]
) -> Iterator[tuple[Station, Relay]]:
    """A station whose connections can be cut."""
    direct = make_database("postgresql")
    url = direct.engine.url
    with relay(str(url.query["host"])) as running:
        database = open_database(
            f"postgresql://{url.username}@127.0.0.1:{running.port}/{url.database}",
            waits=Waits(ask_after_seconds=0),
        )
        open_books(direct, tmp_path)
        books = Books(database=database, folder=tmp_path).signed()
        yield open_station_on(books, log), running
        database.close()


def told(station: Station) -> list[str]:
    names = [line["event"] for line in station.log]
    return [name for name in names if name != Event.LEDGER_SEALED]


def test_a_commit_whose_answer_is_lost_is_done_and_told_once(
    relayed: tuple[Station, Relay],
) -> None:
    """Nobody is called out at night for a file that is in the books."""
    station, running = relayed
    sent = station.books.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    running.cut = Cut.AFTER
    worker = station.worker()
    assert worker.run_next()
    assert station.books.upload(sent).delivered
    assert not worker.run_next()
    assert told(station) == [Event.FILE_PROCESSED]
    assert [line["batch_no"] for line in station.events(Event.LEDGER_SEALED)] == [3]
    assert len(station.receipts()) == 1


def test_it_is_told_as_soon_as_the_database_answers_again(relayed: tuple[Station, Relay]) -> None:
    """A failover at the very moment of a commit leaves no gap in the log."""
    station, running = relayed
    sent = station.books.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    running.cut, running.closes_after_cut = Cut.AFTER, True
    worker = station.worker()
    for _ in range(2):
        with pytest.raises(DatabaseError):
            worker.run_next()
    assert told(station) == []
    running.closed = False
    assert not worker.run_next()
    assert station.books.upload(sent).delivered
    assert told(station) == [Event.FILE_PROCESSED]


def test_a_commit_that_never_arrived_is_done_anew(relayed: tuple[Station, Relay]) -> None:
    """However often connections are lost, the file is not to blame, and is posted once."""
    station, running = relayed
    sent = station.books.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    worker = station.worker()
    for _ in range(TRIES_MAX + 1):
        running.cut = Cut.BEFORE
        while not worker.run_next():
            with station.books.database.writing() as connection:
                connection.exec_driver_sql("UPDATE upload SET next_try_at = 0")
    with station.books.database.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET next_try_at = 0")
    assert worker.run_next()
    upload = station.books.upload(sent)
    assert (upload.status, upload.attempts, upload.waits) == ("processed", 0, TRIES_MAX + 1)
    assert told(station).count(Event.FILE_PROCESSED) == 1
    assert all(line["will_retry"] for line in station.events(Event.WORKER_FAILED))
    assert station.books.balances() == {("S1", "WALLET"): "-1.00"}


def test_a_file_whose_giving_back_was_not_answered_calls_nobody(
    relayed: tuple[Station, Relay],
) -> None:
    """What is tried again by itself is told as that, whichever answer of the database is lost."""
    station, running = relayed
    sent = station.books.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    worker = station.worker()
    running.cut, running.loses_answer_to = Cut.BEFORE, b"SET state = 'waiting', waits"
    with pytest.raises(DatabaseError):
        worker.run_next()
    assert station.books.upload(sent).waits == 1
    with station.books.database.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET next_try_at = 0")
    assert worker.run_next()
    assert station.books.upload(sent).status == "processed"
    [failed] = station.events(Event.WORKER_FAILED)
    assert failed["will_retry"]
