"""The database's connections are cut at any word: what was taken is applied once all the same."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database, open_database
from ingestd.database.postgresql import Waits
from ingestd.telemetry.events import Event
from ingestd.values.errors import IngestdError
from tests.chaos import SEED, TIMES
from tests.integration.archive.nodes import let_time_pass
from tests.integration.database.conftest import MakeDatabase
from tests.integration.faults.districts import Post, load_catalogs, node_of_all
from tests.integration.faults.driven import Driven
from tests.integration.faults.nodes import working
from tests.integration.faults.promises import Sent, is_idle, require_kept, rows_of
from tests.integration.faults.random_relay import random_relay

PATIENCE_SECONDS = 120.0
FILES = 50
SENT_TO_BOTH = 5  # every so many
SHARE = 0.008
NODES = ("here", "there")


def pauses_end(direct: Database) -> None:
    """Let what waits for its next try be due, as it is a while later."""
    with direct.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET next_try_at = 0 WHERE state = 'waiting'")


def decided(direct: Database) -> int:
    return int(rows_of(direct, "SELECT COUNT(*) AS n FROM upload WHERE state = 'done'")[0]["n"])


def through_the_storm(direct: Database, nodes: list[Driven], post: Post) -> list[Sent]:
    """Hand files over to nodes that work meanwhile; return them once most are decided."""
    stations = [node.station for node in nodes]
    sent: list[Sent] = []
    uploads = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.enter_context(working(node))
        for number in range(FILES):
            sent.append(post.make(number))
            both = number % SENT_TO_BOTH == 0
            takers = stations if both else [post.chance.choice(stations)]
            post.hand_over(sent[-1], takers)
            uploads += len(takers)
        # One whose lease was taken and whose answer was lost waits until that has run out.
        while decided(direct) < uploads * 3 // 4:
            assert time.monotonic() < deadline, rows_of(direct, "SELECT state FROM upload")
            pauses_end(direct)
            threading.Event().wait(0.05)
    return sent


# psycopg says so of a cursor whose connection is lost while it is closed.
@pytest.mark.filterwarnings(
    "ignore:.*ServerCursorMixin.__del__:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
def test_connections_that_are_cut_anywhere_lose_nothing_and_do_nothing_twice(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]], part: int
) -> None:
    """A network that drops connections all day costs no district a file, and bills nobody twice."""
    chance = random.Random(SEED + part)
    direct = make_database("postgresql")
    load_catalogs(direct, tmp_path / "catalogs")
    url = direct.engine.url
    with random_relay(str(url.query["host"]), chance, share=SHARE) as relay:
        through = f"postgresql://{url.username}@127.0.0.1:{relay.port}/{url.database}"
        nodes: list[Driven] = []
        with contextlib.ExitStack() as stack:
            for name in NODES:
                database = open_database(through, waits=Waits(lock_seconds=5.0))
                stack.enter_context(contextlib.closing(database))
                nodes.append(Driven(node_of_all(database, tmp_path, log, name)))
            sent = through_the_storm(direct, nodes, Post(chance))
            relay.cuts = False
            sys.stdout.write(f"cuts: {dict(relay.made)}\n")
            calm_down(direct, nodes)
    stations = [node.station for node in nodes]
    for station in stations:
        station.books.database = direct
    require_kept(stations, sent)
    told = Counter(line["upload_id"] for line in log if line["event"] == Event.FILE_PROCESSED)
    assert set(told.values()) == {1}
    assert sum(told.values()) == sum(each.acknowledged for each in sent)
    assert sum(relay.made.values()) > FILES // 4
    failed = [line for line in log if line["event"] == Event.WORKER_FAILED]
    assert [line for line in failed if not line["will_retry"]] == []


def calm_down(direct: Database, nodes: list[Driven]) -> None:
    """Let the nodes finish, by which time every lease has run out."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_idle(direct):
        assert time.monotonic() < deadline, rows_of(direct, "SELECT * FROM upload")
        let_time_pass(direct)
        for node in nodes:
            with contextlib.suppress(IngestdError):  # connections that were cut lie in the pool
                node.until_idle()
