"""The archive fails, hangs and loses answers under two nodes: OK is said of what it has."""

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

from ingestd.database.engine import Database
from ingestd.sftp.uploads.losses import Loss, UploadLostError
from ingestd.spool.archive.archive import Archive
from ingestd.telemetry.events import Event
from ingestd.values.errors import IngestdError
from tests.chaos import SEED, TIMES
from tests.integration.archive.nodes import let_time_pass
from tests.integration.archive.s3_server import Bucket, Fault, lead_to, serve_bucket
from tests.integration.database.conftest import MakeDatabase
from tests.integration.faults.districts import Post, load_catalogs, node_of_all
from tests.integration.faults.nodes import PATIENCE_SECONDS, Node, working
from tests.integration.faults.promises import Sent, is_idle, require_blob, require_kept, rows_of

FILES = 16
# How often each happens, of a hundred requests; those that are waited for are seldom.
FAULTS = {
    Fault.NONE: 56,
    Fault.AWAY: 14,
    Fault.LOST: 10,
    Fault.CUT: 8,
    Fault.CUT_OFF: 8,
    Fault.SLOW: 2,
    Fault.STALLED: 1,
    Fault.LATE: 1,
}


def send_until_answered(nodes: list[Node], sent: Sent, chance: random.Random) -> None:
    """Send a file as a client does: anew while it is told of a failure, to whichever node."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        assert time.monotonic() < deadline
        with contextlib.suppress(UploadLostError):
            chance.choice(nodes).send(sent)
            return


@pytest.fixture
def sound(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The same bucket by another way, on which nothing happens."""
    with pytest.MonkeyPatch.context() as patch, serve_bucket(patch) as way:
        way.url = bucket.url
        archive = way.open()
        lead_to(bucket, monkeypatch)
        yield archive


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
def test_whatever_the_archive_does_what_was_answered_is_there_and_posted_once(
    make_database: MakeDatabase,
    bucket: Bucket,
    sound: Archive,
    tmp_path: Path,
    log: list[dict[str, Any]],
    part: int,
) -> None:
    """A provider's bad day makes clients send again; no district loses a file or pays twice."""
    chance, made = random.Random(SEED + part), Counter[Fault]()
    shared = make_database("postgresql")
    load_catalogs(shared, tmp_path / "catalogs")
    lock = threading.Lock()

    def draw() -> Fault:
        with lock:
            [fault] = chance.choices(list(FAULTS), list(FAULTS.values()))
            made[fault] += 1
            return fault

    post, sent = Post(random.Random(SEED + part)), list[Sent]()
    nodes = []
    for name in ("here", "there"):
        station = node_of_all(shared, tmp_path, log, name)
        station.archive = bucket.open()
        nodes.append(Node(station))
    bucket.drawn = draw
    with contextlib.ExitStack() as stack:
        for node in nodes:
            stack.callback(node.close)
            stack.enter_context(working(node.driven))
        for number in range(FILES):
            sent.append(post.make(number))
            if number == FILES // 2:
                away(bucket, nodes, sent[-1])
            send_until_answered(nodes, sent[-1], post.chance)
            require_blob(sound, sent[-1].account, sent[-1].sha256)
            pauses_end(shared)
        bucket.drawn = None
    unanswered = sum(each.unanswered for each in sent)
    sys.stdout.write(f"faults: {dict(made)}; {unanswered} uploads were not answered OK\n")
    bucket.released.set()  # what hung is done only now
    calm_down(shared, nodes)
    for node in nodes:
        node.restart()
        node.station.archive = sound
    require_kept([node.station for node in nodes], sent)
    told = Counter(line["upload_id"] for line in log if line["event"] == Event.FILE_PROCESSED)
    assert max(told.values()) == 1
    failed = [line for line in log if line["event"] == Event.WORKER_FAILED]
    assert [line for line in failed if not line["will_retry"]] == []


def away(bucket: Bucket, nodes: list[Node], sent: Sent) -> None:
    """Let the archive be away for longer than a door waits: its client is told so."""
    drawn, bucket.drawn = bucket.drawn, lambda: Fault.AWAY
    for node in nodes:
        with pytest.raises(UploadLostError) as told:
            node.send(sent)
        assert told.value.loss is Loss.ARCHIVE_AWAY
    bucket.drawn = drawn


def pauses_end(shared: Database) -> None:
    """Let what waits for its next try be due, as it is a while later."""
    with shared.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE upload SET next_try_at = 1 WHERE state = 'waiting' AND claim_token > 0"
        )


def calm_down(shared: Database, nodes: list[Node]) -> None:
    """Let the nodes finish, by which time every lease and every pause has ended."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_idle(shared):
        assert time.monotonic() < deadline, rows_of(shared, "SELECT * FROM upload")
        let_time_pass(shared)
        for node in nodes:
            with contextlib.suppress(IngestdError):
                node.driven.until_idle()
