"""A node is killed before each step of a file's journey; it, or another one, goes on with it."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database
from ingestd.sftp.uploads.announcing import OtherNodes
from tests.chaos import SEED, TIMES
from tests.integration.archive.nodes import let_time_pass
from tests.integration.archive.s3_server import Bucket, environment_of
from tests.integration.database.conftest import MakeDatabase
from tests.integration.faults.driven import Driven
from tests.integration.faults.killed_node import ACKNOWLEDGED, announcing_of, send
from tests.integration.faults.promises import Sent, is_idle, require_kept, rows_of
from tests.integration.intake.conftest import Station, open_station_on
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges, open_books

PATIENCE_SECONDS = 30.0
STEPS_MAX = 100
RECOVERY_STEPS = 25
# What each journey is made of, in this order; a step beside these is killed before as well.
MILESTONES = {
    "staged": "open work/SPRINGFIELD/staging/UPLOAD",
    "noted": "os.rename work/SPRINGFIELD/staging/.in spool/SPRINGFIELD/arrivals/UPLOAD.INODE.json",
    "published": "os.rename work/SPRINGFIELD/staging/UPLOAD spool/SPRINGFIELD/incoming/FILE.csv",
    "acknowledged": ACKNOWLEDGED,
    "claimed": "os.rename spool/SPRINGFIELD/incoming/FILE.csv"
    " work/SPRINGFIELD/claimed/UPLOAD/FILE.csv",
    "queued": "INSERT INTO upload",
    "leased": "UPDATE upload SET state = 'working',",
    "decided": "commit UPDATE upload SET state = 'done',",
    "receipt": "os.rename spool/SPRINGFIELD/receipts/.in"
    " spool/SPRINGFIELD/receipts/FILE.UPLOAD.json",
    "archived": "os.rename work/SPRINGFIELD/claimed/UPLOAD archive/SPRINGFIELD/MONTH/UPLOAD",
    "delivered": "UPDATE upload SET delivered = 1,",
}
ANNOUNCED = {
    "kept by all": "put SPRINGFIELD/sha256",
    "announced": "INSERT INTO upload",
    **{name: MILESTONES[name] for name in ("noted", "published", "acknowledged", "claimed")},
    **{name: MILESTONES[name] for name in ("leased", "decided", "receipt", "delivered")},
    "let go": "os.rmdir work/SPRINGFIELD/claimed/UPLOAD",
}


@dataclass
class Journeys:
    """A node that is killed, over and over, and what takes its files to their end."""

    process: subprocess.Popen[str]
    here: Station
    others: OtherNodes
    trail: Path
    archive_url: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    there: Station | None = None
    chance: random.Random | None = None
    sent: list[Sent] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.here.books.database

    def travel(self, sent: Sent | None, kill_before: int | None) -> bool:
        """Let a node take a file through its journey; tell whether it was killed on the way."""
        journey: dict[str, Any] = {
            "url": self.database.engine.url.render_as_string(hide_password=False),
            "folder": str(self.here.folders.data_dir),
            "node": self.here.books.node,
            "trail": str(self.trail),
            "kill_before": kill_before,
            "archive_url": self.archive_url,
            "environment": self.environment,
            "filename": None if sent is None else sent.filename,
            "content": "" if sent is None else sent.content.decode(),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(journey) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        assert code in (0, -9), Path(f"{self.trail}.log").read_text("utf-8")
        return code != 0

    def steps(self) -> list[str]:
        return self.trail.read_text("utf-8").splitlines()

    def make(self) -> Sent:
        """Make a file with two rows of its own, and one that gets it a receipt for people, too."""
        number = len(self.sent)
        keys = (f"T{number}-a", f"T{number}-b")
        rows = (f"WALLET,{key},S1,MEAL,,1.00" for key in keys)
        content = charges(*rows, f"WALLET,U{number},S9,MEAL,,1.00")
        self.sent.append(Sent(f"student_billing_{number % 3}.csv", content, keys))
        return self.sent[-1]

    def kill_before(self, step: int) -> bool:
        """Send a file to a node that is killed then; have its client told OK in the end."""
        sent = self.make()
        was_killed = self.travel(sent, step)
        answered = ACKNOWLEDGED in self.steps()
        sent.acknowledged, sent.unanswered = 1, 0 if answered else 1
        if self.chance is not None:  # once more, while it is about to set things right
            self.travel(None, self.chance.randrange(1, RECOVERY_STEPS))
        taker, others = self.here, self.others
        if self.there is not None:
            taker, others = self.there, OtherNodes(announcing=announcing_of(self.there))
            self.until(lambda: not self.holds_locks(), "its locks to go")
            let_time_pass(self.database)
        driven = Driven(taker)
        driven.start()
        if not answered:
            asyncio.run(send(taker, others, sent.filename, sent.content))
        others.close()
        self.finish(driven)
        if self.there is not None:
            undecided = "SELECT upload_id FROM upload WHERE state <> 'done'"
            assert rows_of(self.database, undecided) == []
            back = Driven(self.here)
            back.start()
            self.finish(back)
        return was_killed

    def finish(self, driven: Driven) -> None:
        """Go on until nothing waits but what another node is to deliver."""

        def is_done() -> bool:
            driven.until_idle()
            if driven.station is self.there:
                return not rows_of(
                    self.database, "SELECT upload_id FROM upload WHERE state <> 'done'"
                )
            return is_idle(self.database)

        self.until(is_done, "everything to be done")

    def holds_locks(self) -> bool:
        """Tell whether the server has not noticed yet that somebody is gone."""
        asked = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND state LIKE 'idle in transaction%'"
        )
        return bool(rows_of(self.database, asked))

    def until(self, condition: Any, what: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            threading.Event().wait(0.01)

    def require_kept(self) -> None:
        stations = [self.here] if self.there is None else [self.here, self.there]
        require_kept(stations, self.sent)


@contextmanager
def opened(database: Database, folder: Path, bucket: Bucket | None) -> Iterator[Journeys]:
    """Open a node that can be killed, and where there is a bucket another one."""
    open_books(database, folder / "here", node="here")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.faults.killed_node"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def station(name: str) -> Station:
        books = Books(database=database, folder=folder / name, node=name)
        books.folders.create_for(SPRINGFIELD)
        made = open_station_on(books, []).signed()
        if bucket is not None:
            made.archive = bucket.open()
        return made

    journeys = Journeys(process, station("here"), OtherNodes(), folder / "trail")
    if bucket is not None:
        journeys.archive_url = bucket.url
        journeys.environment = environment_of(bucket)
        journeys.there = station("there")
    try:
        yield journeys
    finally:
        process.communicate()


def in_order(milestones: list[str], steps: list[str]) -> list[str]:
    """Return the milestones that are missing, or come too early."""
    missed, rest = [], iter(steps)
    for milestone in milestones:
        if not any(milestone in step for step in rest):
            missed.append(milestone)
            rest = iter(steps)
    return missed


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
@pytest.mark.parametrize("setting", ["sqlite", "postgresql", "two nodes"])
def test_a_kill_before_any_step_loses_nothing_and_does_nothing_twice(
    make_database: MakeDatabase,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    setting: str,
    part: int,
) -> None:
    """Whenever a machine dies, what it said OK to is billed once, and its receipt is there.

    In all parts but the first it dies a second time, while it takes up what the first death left.
    """
    is_shared = setting == "two nodes"
    bucket: Bucket | None = request.getfixturevalue("bucket") if is_shared else None
    database = make_database("sqlite" if setting == "sqlite" else "postgresql")
    with opened(database, tmp_path, bucket) as journeys:
        journeys.chance = random.Random(SEED + part) if part else None
        whole = journeys.make()
        assert not journeys.travel(whole, None)
        whole.acknowledged = 1
        steps = journeys.steps()
        assert in_order(list((ANNOUNCED if is_shared else MILESTONES).values()), steps) == []
        step = 1
        while journeys.kill_before(step):
            step += 1
            assert step < STEPS_MAX
        sys.stdout.write(f"{setting}: killed before {step - 1} steps\n")
        assert step >= len(steps) - 4  # folders that are made once
        journeys.require_kept()
