"""What the queue is asked all the time reads what is open, whatever was finished before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from ulid import ULID

from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.service.files.uploads import Sought, find_uploads
from ingestd.spool import queue
from ingestd.values.identifiers import AccountId

NODE = "node-a"
NOW = 2_000_000_000_000_000
FEW, MANY = 20, 4_000
STEPS_A_CALL = 10
FINISHED = sa.text(
    "INSERT INTO upload (account, upload_id, filename, source, size_bytes, received_at, node,"
    " state, status, delivered) VALUES ('A', :id, 'a.csv', 'sftp', 1, :at, 'node-a', 'done',"
    " 'processed', 1)"
)
QUESTIONS: dict[str, Callable[[Connection], object]] = {
    "lease_next": lambda c: queue.lease_next(c, node=NODE, owner=NODE, now=NOW),
    "count_open": lambda c: queue.count_open(c, node=NODE),
    "find_undelivered": lambda c: queue.undelivered(c, node=NODE, limit=500),
}


@contextlib.contextmanager
def with_finished(path: Path, count: int) -> Iterator[Database]:
    database = open_database(f"sqlite:///{path}")
    schema.upgrade(database)
    with database.writing() as connection:
        connection.execute(
            FINISHED, [{"id": f"{number:026}", "at": number} for number in range(count)]
        )
    try:
        yield database
    finally:
        database.close()


def steps_of(database: Database, ask: Callable[[Connection], object]) -> int:
    """Return how much SQLite's machine does for an answer; no clock is asked."""
    calls = 0

    def count() -> int:
        nonlocal calls
        calls += 1
        return 0

    with database.writing() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(count, STEPS_A_CALL)
        try:
            ask(connection)
        finally:
            driver.set_progress_handler(None, 0)
    return calls * STEPS_A_CALL


def test_the_newest_of_all_accounts_are_found_among_the_newest(tmp_path: Path) -> None:
    """Who sees all districts looks at today, and does not wait for the years before."""
    now = datetime.now(UTC)
    today = [str(ULID.from_datetime(now - timedelta(minutes=minute))) for minute in range(60)]
    accounts = (AccountId("A"), AccountId("B"))

    def newest(connection: Connection) -> None:
        found = find_uploads(connection, Sought(accounts=accounts), limit=50)
        assert [upload.upload_id for upload in found] == today[:50]

    steps: list[int] = []
    for count in (FEW, MANY):
        with with_finished(tmp_path / f"{count}.db", count) as database:
            with database.writing() as connection:
                connection.execute(FINISHED, [{"id": each, "at": 1} for each in today])
            steps.append(steps_of(database, newest))
    few, many = steps
    assert many <= few + 10 * STEPS_A_CALL


@pytest.mark.parametrize("question", QUESTIONS)
def test_finished_uploads_are_not_walked(tmp_path: Path, question: str) -> None:
    """Each look into the folders would take a second after some years, and more each year."""
    ask = QUESTIONS[question]
    with with_finished(tmp_path / "few.db", FEW) as database:
        few = steps_of(database, ask)
    with with_finished(tmp_path / "many.db", MANY) as database:
        many = steps_of(database, ask)
    assert many <= few + 10 * STEPS_A_CALL
