"""A node that is paused holds up no other one for long, and breaks nothing when it wakes up."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingestd.database.engine import open_database
from ingestd.database.postgresql import Waits
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.telemetry.events import Event
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import open_station_on
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges, open_books

PATIENCE_SECONDS = 60.0


@contextlib.contextmanager
def sleeper(url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a node that stops under the head's lock; return once it has."""
    command = [sys.executable, "-m", "tests.integration.nodes.paused_node", url, str(folder)]
    process = subprocess.Popen(command)
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), status
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait(PATIENCE_SECONDS)


def test_a_node_that_sleeps_under_the_lock_does_not_stop_the_other(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """One suspended machine is not the end of the day for every district."""
    direct = make_database("postgresql")
    url = direct.engine.url.render_as_string(hide_password=False)
    asleep = open_books(direct, tmp_path / "asleep", node="sleeper")
    sent = asleep.queue(charges("WALLET,T1,S1,MEAL,,1.00"))
    awake = Books(
        database=open_database(url, waits=Waits(lock_seconds=0.3)),
        folder=tmp_path / "awake",
        node="awake",
        _numbers=iter(range(500, 600)),
    )
    awake.folders.create_for(SPRINGFIELD)
    with contextlib.closing(awake.database), sleeper(url, tmp_path / "asleep") as process:
        before = awake.queue(charges("WALLET,T2,S1,MEAL,,1.00"))
        assert open_station_on(awake, log).worker().run_next()
        assert awake.upload(before).status == "processed"
        # Its file is still its own: the lease that it holds ran out for nobody else.
        assert asleep.upload(sent).state == "working"
        process.send_signal(signal.SIGCONT)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert asleep.upload(sent).status == "processed"
    assert asleep.upload(sent).attempts == 0
    assert sorted(str(item["tracking_id"]) for item in asleep.items()) == ["T1", "T2"]
    with direct.reading() as connection:
        assert verify_ledger(connection, SPRINGFIELD, decimals=2).holds
    assert not [line for line in log if line["event"] == Event.WORKER_FAILED]
