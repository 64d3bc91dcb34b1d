"""One file's journey in a process of its own: FOLDER URL FILE, and a line of JSON comes back."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import event

from bench._charge_files import ACCOUNT, fill_catalog
from bench._processes import tree_mib
from ingestd.access.accounts import Account
from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.database.statements import read_statements
from ingestd.intake.answering.delivery import deliver
from ingestd.intake.pipeline import Works, process
from ingestd.intake.reading.progress import Progress
from ingestd.ledger.books import head
from ingestd.service.installation.system_clock import SystemClock
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueueEntry, enqueue, lease_next
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import new_upload_id

# The statement that makes a transaction the only writer of an account's books, up to what it binds.
_LOCK = next(
    found.sql.partition(":")[0]
    for found in read_statements(Path(head.__file__).with_suffix(".sql"))
    if found.name == "lock_head"
)
_QUIET = Progress(report=lambda *_: None, must_stop=lambda: False)


def open_ledger(folder: Path, url: str) -> tuple[Database, Folders]:
    """Open a ledger with its catalog and folders; make them where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    database = open_database(url, temporary_folder=folder)
    before, _ = schema.upgrade(database)
    folders = Folders(folder)
    folders.create_for(ACCOUNT)
    if before is None:
        fill_catalog(database)
    return database, folders


def take_file(database: Database, folders: Folders, source: Path) -> dict[str, object]:
    """Claim, read, post, seal and receipt a file; return what came of it and how long it took."""
    works = Works(database=database, clock=SystemClock(), node="bench")
    account = Account(
        account_id=ACCOUNT, name="Springfield", timezone=ZoneInfo("America/Chicago"), currency="USD"
    )
    upload_id = new_upload_id()
    path = folders.claimed(ACCOUNT) / upload_id / "student_billing.csv"
    path.parent.mkdir(parents=True)
    os.link(source, path)
    now = to_microseconds(works.clock.now())
    entry = QueueEntry(
        account=ACCOUNT,
        upload_id=upload_id,
        filename=path.name,
        format="student_billing",
        source="folder",
        size_bytes=source.stat().st_size,
        sha256=None,
        received_at=now,
        node=works.node,
    )
    with database.writing() as connection:
        enqueue(connection, entry)
        upload = lease_next(connection, node=works.node, owner=works.node, now=now)
    assert upload is not None
    idle = tree_mib(os.getpid())
    started = time.monotonic()
    with _watched(database) as lock:
        outcome = process(works, account, upload, path, _QUIET).outcome
    posted = time.monotonic()
    deliver(database, folders, upload, decimals=2)
    delivered = time.monotonic()
    assert outcome.rows is not None
    return {
        "seconds": delivered - started,
        "receipt_seconds": delivered - posted,
        "applied": outcome.rows.applied,
        "duplicate": outcome.rows.duplicate,
        "locked_seconds": lock.seconds,
        "idle_mib": idle,
    }


@dataclass(slots=True)
class _Lock:
    """When the account's books were locked, and for how long."""

    taken_at: float = 0.0
    seconds: float = 0.0


@contextmanager
def _watched(database: Database) -> Iterator[_Lock]:
    """Watch how long an account's books are locked: from `lock_head` to the end of the commit.

    The ledger knows nothing of it: SQLAlchemy tells of each statement, and its dialect commits.
    """
    lock = _Lock()
    engine = database.engine
    commit = engine.dialect.do_commit

    def note_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:  # noqa: ANN401
        if statement.startswith(_LOCK):
            lock.taken_at = time.monotonic()

    def commit_and_note(connection: Any) -> None:  # noqa: ANN401 - the driver's own
        commit(connection)
        if lock.taken_at:
            lock.seconds += time.monotonic() - lock.taken_at
            lock.taken_at = 0.0

    event.listen(engine, "before_cursor_execute", note_statement)
    engine.dialect.do_commit = commit_and_note  # type: ignore[method-assign, assignment]
    try:
        yield lock
    finally:
        engine.dialect.do_commit = commit  # type: ignore[method-assign]
        event.remove(engine, "before_cursor_execute", note_statement)


if __name__ == "__main__":
    _folder, _url, _file = sys.argv[1:]
    print(json.dumps(take_file(*open_ledger(Path(_folder), _url), Path(_file))))
