"""A node that is killed before a step of a file's journey: a process of its own each time.

Run as a module, this is a process that has imported the program and waits: for each line of JSON on
its stdin a fork of it takes a file through its journey, and is ended by SIGKILL before the step
that is asked for. A step is what lasts: a change of a name in the data folder, a file opened to be
written, a statement or a transaction that is committed, a request that changes the bucket. They are
counted as they come, so a step that is new is among them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from ingestd.database.engine import Database, open_database
from ingestd.database.kinds import Kind, kind_of
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.uploads.announcing import Announcing, OtherNodes
from ingestd.sftp.uploads.lifecycle import OpenRequest, Uploads
from ingestd.sftp.uploads.staged_upload import Sender
from ingestd.spool.archive.opening import open_archive
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId
from tests.integration.archive.s3_server import WAITS
from tests.integration.faults.driven import Driven
from tests.integration.intake.conftest import Station, open_station_on
from tests.integration.ledger.conftest import SPRINGFIELD, Books

ACKNOWLEDGED = "CLOSE is answered"
SENDER = Sender(
    account=SPRINGFIELD,
    session_id="s1",
    peer="203.0.113.7",
    key_fingerprint="SHA256:abc",
    client_version="client",
)
_WRITES = os.O_WRONLY | os.O_RDWR
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link")
_STATEMENT = re.compile(
    r"^(?:INSERT INTO|UPDATE|DELETE FROM) \w+(?:\s+SET \w+ = \S+)?", re.MULTILINE
)
_VARIES = (
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "UPLOAD"),
    (re.compile(r"\.in\.[0-9a-f]+"), ".in"),
    (re.compile(r"sha256/.*"), "sha256"),
    (re.compile(r"student_billing\w*"), "FILE"),
    (re.compile(r"\d{4}-\d\d"), "MONTH"),
    (re.compile(r"\.\d+\.json"), ".INODE.json"),
)


class Steps:
    """Writes each step down before it is taken, and ends this process before one of them."""

    def __init__(self, trail: Path, *, kill_before: int | None) -> None:
        self._trail = os.open(trail, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._kill_before = kill_before
        self._number = 0
        self._lock = threading.Lock()

    def note(self, what: str) -> None:
        os.write(self._trail, f"{what}\n".encode())

    def take(self, what: str) -> None:
        with self._lock:
            self._number += 1
            if self._number == self._kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
            for varies, name in _VARIES:
                what = varies.sub(name, what)
            self.note(what)

    def watch_folder(self, root: Path) -> None:
        """Take a step at each change below a folder."""
        below = f"{root}/"

        def audit(event: str, args: tuple[Any, ...]) -> None:
            if event == "open":
                if isinstance(args[0], int) or not args[2] & _WRITES:
                    return
            elif event not in _CHANGES:
                return
            paths = [os.fspath(arg) for arg in args[:2] if isinstance(arg, (str, os.PathLike))]
            inside = [path.removeprefix(below) for path in paths if path.startswith(below)]
            if inside:
                self.take(f"{event} {' '.join(inside)}")

        sys.addaudithook(audit)

    def watch_database(self, database: Database) -> None:
        """Take a step before each commit of what writes."""

        def before(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            found = _STATEMENT.search(statement)
            if found is not None:
                connection.info["wrote"] = " ".join(found[0].split())
                if kind_of(connection) is Kind.AT_ONCE:
                    self.take(connection.info["wrote"])

        def commit(connection: Connection) -> None:
            if kind_of(connection) is Kind.WRITING:
                self.take(f"commit {connection.info.get('wrote', '')}")

        sa.event.listen(database.engine, "before_cursor_execute", before)
        sa.event.listen(database.engine, "commit", commit)

    def watch_bucket(self) -> None:
        """Take a step before each request that changes it; no name of ours is touched."""
        for name in ("put", "copy", "delete"):
            setattr(obstore, name, self._before(name, getattr(obstore, name)))

    def _before(self, name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def asked(store: object, key: str, *args: Any, **options: Any) -> Any:
            self.take(f"{name} {key}")
            return ask(store, key, *args, **options)

        return asked


def travel(
    *,
    url: str,
    folder: str,
    node: str,
    trail: str,
    kill_before: int | None,
    archive_url: str | None,
    environment: Mapping[str, str],
    filename: str | None,
    content: str,
) -> None:
    """Take a file from its CLOSE to its delivery; without a name, what is there already."""
    os.environ.update(environment)
    steps = Steps(Path(trail), kill_before=kill_before)
    database = open_database(url)
    steps.watch_folder(Path(folder))
    steps.watch_database(database)
    station = open_station_on(Books(database=database, folder=Path(folder), node=node), []).signed()
    others = OtherNodes()
    if archive_url is not None:
        steps.watch_bucket()
        station.archive = open_archive(archive_url, accepts_when_away=False, waits=WAITS)
        others = OtherNodes(announcing=announcing_of(station))
    driven = Driven(station)
    driven.start()
    if filename is not None:
        asyncio.run(send(station, others, filename, content.encode()))
        steps.note(ACKNOWLEDGED)
    driven.until_idle()


async def send(
    station: Station,
    others: OtherNodes,
    filename: str,
    content: bytes,
    *,
    account: AccountId = SPRINGFIELD,
) -> None:
    """Upload a file to a node as a client does that closes it; raises what CLOSE would answer."""
    uploads = Uploads(
        folders=station.folders,
        keeper=station.keeper,
        limits=DoorLimits(disk_reserve_bytes=0),
        clock=station.clock,
        metrics=Metrics(),
        others=others,
    )
    log = structlog.stdlib.get_logger()
    sender = replace(SENDER, account=account)
    request = OpenRequest(filename=filename, truncate=True)
    upload = await uploads.begin(sender, request, log)
    upload.write(0, content)
    await uploads.end_closed(upload, log)


def announcing_of(station: Station) -> Announcing:
    return Announcing(
        archive=station.archive,
        database=station.books.database,
        node=station.books.node,
        clock=station.clock,
        settle_seconds=1.0,
    )


def _travel_apart(journey: Mapping[str, Any]) -> None:
    """Travel in this process, which was forked for it; it ends without a goodbye."""
    said = os.open(f"{journey['trail']}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), said, said)):
        os.dup2(descriptor, number)
    code = 1
    with contextlib.suppress(BaseException):
        try:
            travel(**journey)
            code = 0
        except BaseException:
            structlog.get_logger().exception("failed")
            raise
    os._exit(code)


def _serve() -> None:
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            _travel_apart(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
