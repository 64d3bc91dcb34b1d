"""Who serves under which name, and when a daemon has to go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database
from ingestd.service.daemon.membership import Membership
from ingestd.service.installation.doctor import examine
from ingestd.service.installation.initialise import CONFIG_FILE, initialise
from ingestd.spool.nodes import list_nodes
from ingestd.telemetry.events import Event
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import NodeTakenError
from tests.integration.database.conftest import MakeDatabase, empty_database

__all__ = ["empty_database"]

EVERY_SECONDS = 0.2
Start = Callable[[], Membership]


@pytest.fixture
def shared(make_database: MakeDatabase) -> Database:
    return make_database("postgresql")


@pytest.fixture
def start(shared: Database) -> Start:
    return lambda: Membership(
        database=shared,
        node="node-a",
        host_keys="SHA256:a",
        metrics=Metrics(),
        on_drain=lambda _: None,
        heard_every_seconds=EVERY_SECONDS,
    )


def test_a_copied_folder_is_refused_while_the_first_lives(start: Start) -> None:
    """Two daemons under one name would free each other's files while these are worked on."""
    first = start()
    first.join()
    stopped = threading.Event()

    def live() -> None:
        while not stopped.wait(EVERY_SECONDS / 2):
            first.look()

    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(NodeTakenError, match="node_id"):
            start().join()
        assert first.look() == ""
    finally:
        stopped.set()
        thread.join()


def test_who_died_is_followed_and_who_only_slept_drains(
    start: Start, log: list[dict[str, Any]]
) -> None:
    """A killed daemon is started again at once; a paused machine that wakes up later gives way."""
    first, second = start(), start()
    first.join()
    second.join()
    assert second.look() == ""
    assert "by now" in first.look()
    assert [line["event"] for line in log] == [Event.NODE_REPLACED]
    # What it says as it goes is not said for the other.
    first.leave()
    assert second.look() == ""


def test_of_two_that_start_together_one_serves(start: Start) -> None:
    """A folder and its copy, started by one script after a power cut, do not both take it."""
    start().join()  # and is heard of no more
    both = [start(), start()]
    with ThreadPoolExecutor(2) as threads:
        joined = [threads.submit(each.join) for each in both]
        refused = [done.exception(timeout=30) for done in joined]
    serving = [each for each in both if each.look() == ""]
    assert len(serving) == 1
    # The other was refused; or it waited, heard nothing of who had joined, and took its place.
    assert [type(error) for error in refused if error] in ([], [NodeTakenError])


def test_who_said_goodbye_is_not_waited_for(shared: Database, start: Start) -> None:
    """A restart takes no longer for it."""
    first = start()
    first.join()
    first.leave()
    with shared.reading() as connection:
        [node] = list_nodes(connection)
    assert (node.is_live, node.is_serving) == (False, False)
    second = start()
    second.heard_every_seconds = 3600
    second.join()
    assert second.look() == ""


def test_uploads_of_a_node_that_is_gone_are_told_of_once(
    shared: Database, start: Start, log: list[dict[str, Any]]
) -> None:
    """A machine that never returns keeps acknowledged files: somebody has to hear of it."""
    with shared.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO node VALUES ('gone', 'i', '1.0', '0001', 'cellar', '', 0, 0, 1)"
        )
        for number, state in enumerate(("waiting", "working", "failed", "done")):
            connection.exec_driver_sql(
                "INSERT INTO upload (account, upload_id, filename, source, size_bytes,"
                f" received_at, node, state) VALUES ('A', '{number}', 'f', 'sftp', 1, 1, 'gone',"
                f" '{state}')"
            )
    here = start()
    here.join()
    for _ in range(2):
        here.look()
        here._looked_at = float("-inf")
    [told] = log
    assert (told["event"], told["host"], told["uploads"]) == (Event.FILES_STRANDED, "cellar", 3)
    value = here.metrics.registry.get_sample_value
    assert value("ingestd_files_stranded") == 3
    assert value("ingestd_nodes_live") == 1


@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_host_keys_that_differ_between_nodes_are_told(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that comes to another node by the same name would be warned of an attack."""
    url = empty_database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("INGESTD_DATABASE_URL", url)
    initialise(tmp_path)

    def told() -> str:
        results = examine(tmp_path / "config" / CONFIG_FILE)
        return next(result.what for result in results if result.check == "nodes")

    for node, keys in (("a", "SHA256:one"), ("b", "SHA256:one")):
        Membership(
            database=empty_database,
            node=node,
            host_keys=keys,
            metrics=Metrics(),
            on_drain=lambda _: None,
        ).join()
    assert "2 live" in told()
    assert "differ" not in told()
    with empty_database.writing() as connection:
        connection.exec_driver_sql("UPDATE node SET host_keys = 'SHA256:two' WHERE node = 'b'")
    assert "host keys differ: a SHA256:one; b SHA256:two" in told()
