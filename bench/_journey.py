"""One file's journey in a process of its own: FOLDER URL FILE, and a line of JSON comes back."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from bench._charge_files import ACCOUNT, fill_catalog
from ingestd.access.accounts import Account
from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.intake.answering.delivery import deliver
from ingestd.intake.pipeline import Works, process
from ingestd.intake.reading.progress import Progress
from ingestd.service.installation.system_clock import SystemClock
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueueEntry, enqueue, lease_next
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import new_upload_id

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
    started = time.monotonic()
    outcome, _ = process(works, account, upload, path, _QUIET)
    posted = time.monotonic()
    deliver(database, folders, upload, decimals=2)
    delivered = time.monotonic()
    assert outcome.rows is not None
    # The process that judges the file is alive beside this one.
    kib = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {
        "seconds": delivered - started,
        "receipt_seconds": delivered - posted,
        "applied": outcome.rows.applied,
        "duplicate": outcome.rows.duplicate,
        "peak_mib": kib / 1024,
    }


if __name__ == "__main__":
    _folder, _url, _file = sys.argv[1:]
    print(json.dumps(take_file(*open_ledger(Path(_folder), _url), Path(_file))))
