"""An upgrade beside an older program: it goes on, or writes nothing more."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from ingestd.database import schema
from ingestd.database.engine import Database
from ingestd.service.daemon.membership import Membership
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import SchemaNewerError
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station, open_station
from tests.integration.ledger.conftest import charges
from tests.integration.nodes.newer import FAR, newer_program

PATIENCE_SECONDS = 120.0


def upgrade(program: Path, url: str) -> subprocess.Popen[str]:
    """Begin an upgrade by a program."""
    work = "from ingestd.database.engine import *; from ingestd.database import schema; import sys;"
    work += "schema.upgrade(open_database(sys.argv[1]))"
    return subprocess.Popen(
        [sys.executable, "-c", work, url],
        cwd=program,
        env=os.environ | {"PYTHONPATH": str(program)},
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Return the last line that a program said; nothing when it did its work."""
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    return said.strip().splitlines()[-1] if process.returncode else ""


def membership(station: Station) -> Membership:
    return Membership(
        database=station.books.database,
        node=station.books.node,
        host_keys="SHA256:a",
        metrics=Metrics(),
        on_drain=lambda _: None,
    )


@pytest.fixture
def shared(make_database: MakeDatabase) -> Database:
    return make_database("postgresql")


def test_an_older_program_works_on_beside_what_is_only_added(
    shared: Database, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """A provider upgrades node by node, on a weekday."""
    station = open_station(shared, tmp_path / "data", log)
    node = membership(station)
    node.join()
    program = newer_program(
        tmp_path / "newer",
        oldest=schema.HEAD_REVISION,
        statement="ALTER TABLE charge ADD COLUMN colour TEXT DEFAULT 'red'",
    )
    url = shared.engine.url.render_as_string(hide_password=False)
    assert ended(upgrade(program, url)) == ""
    assert schema.current_revision(shared) == FAR
    assert node.look() == ""
    station.books.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    assert station.worker().run_next()
    assert station.books.balances() == {("S1", "WALLET"): "-1.00"}


def test_an_older_program_posts_nothing_into_what_it_cannot_work_with(
    shared: Database, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """Where keys move to another place, whoever looks in the old one would post each twice."""
    station = open_station(shared, tmp_path / "data", log)
    url = shared.engine.url.render_as_string(hide_password=False)
    program = newer_program(
        tmp_path / "newer", oldest=FAR, statement="ALTER TABLE charge ADD COLUMN colour TEXT"
    )
    node = membership(station)
    node.join()
    refused = ended(upgrade(program, url))
    assert "SchemaError: Live nodes cannot work with" in refused
    assert station.books.node in refused
    assert schema.current_revision(shared) == schema.HEAD_REVISION
    node.leave()
    # It has not gone in truth: it is in the middle of a file when the schema changes.
    sent = station.books.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    waiting = threading.Event()
    with shared.connection() as connection, connection.begin():
        connection.exec_driver_sql("SELECT FROM seal_head FOR UPDATE")
        process = upgrade(program, url)
        while not waiting.wait(0.05) and not _waits_for_lock(shared):
            assert process.poll() is None
        posting = threading.Thread(target=_expect_outdated, args=(station,))
        posting.start()
    posting.join(PATIENCE_SECONDS)
    assert ended(process) == ""
    assert not posting.is_alive()
    assert station.books.upload(sent).state == "waiting"
    assert station.books.dump("charge")["charge"] == []
    assert "newer" in node.look()
    assert [line["event"] for line in log] == [Event.PROGRAM_OUTDATED]


def _expect_outdated(station: Station) -> None:
    with pytest.raises(SchemaNewerError):
        station.worker().run_next()


def _waits_for_lock(database: Database) -> bool:
    with database.reading() as connection:
        asked = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        return bool(connection.exec_driver_sql(asked).scalar_one())
