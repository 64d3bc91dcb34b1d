"""An intake that runs: real folders, real file events, real threads, either database."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Allowlist
from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database
from ingestd.intake.looking.claim import Claims
from ingestd.intake.pipeline import Works
from ingestd.intake.work.intake import Intake, IntakeSettings
from ingestd.intake.work.space import SpaceWatch
from ingestd.intake.work.worker import Worker
from ingestd.service.installation.system_clock import SystemClock
from ingestd.spool.archive.archive import Archive
from ingestd.spool.archive.local import LocalArchive
from ingestd.spool.arrivals import Arrival, note_path, write_note
from ingestd.spool.folders import Folders
from ingestd.spool.publish import publish
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import Clock
from ingestd.values.identifiers import UploadId, new_upload_id
from tests.integration.ledger.conftest import (
    SPRINGFIELD,
    Books,
    books,
    both,
    both_books,
    database,
    make_database,
    open_books,
    server,
    sqlite_pattern,
)

__all__ = ["books", "both", "both_books", "database", "make_database", "server", "sqlite_pattern"]

PATIENCE_SECONDS = 20.0
SETTINGS = IntakeSettings(settle_seconds=0.02, rescan_seconds=3600, workers=2)


@dataclass
class Station:
    """One node: a data folder, the intake on it, and what it logs."""

    books: Books
    log: list[dict[str, Any]]
    keeper: AccessKeeper
    metrics: Metrics = field(default_factory=Metrics)
    settings: IntakeSettings = SETTINGS
    clock: Clock = field(default_factory=SystemClock)
    archive: Archive = field(default_factory=LocalArchive)

    @property
    def folders(self) -> Folders:
        return self.books.folders

    @property
    def works(self) -> Works:
        signing = self.books.signing
        return Works(
            database=self.books.database,
            clock=self.clock,
            node=self.books.node,
            archive=self.archive,
            signing=signing,
        )

    @property
    def incoming(self) -> Path:
        return self.folders.incoming(SPRINGFIELD)

    def arrival(self, content: bytes, name: str, *, whole: bool = True) -> Arrival:
        return Arrival(
            upload_id=new_upload_id(),
            account=SPRINGFIELD,
            filename=name,
            whole=whole,
            size_bytes=len(content),
            sha256=None,
            received_at=datetime.now(UTC),
            peer="203.0.113.7",
            session_id="s1",
        )

    def send(self, content: bytes, name: str = "student_billing.csv") -> UploadId:
        """Publish a file as the door does."""
        arrival = self.arrival(content, name)
        staged = self.folders.staging(SPRINGFIELD) / arrival.upload_id
        staged.write_bytes(content)
        takes_catalogs = self.keeper.current.takes_catalogs(SPRINGFIELD)
        return publish(self.folders, staged, arrival, takes_catalogs=takes_catalogs).upload_id

    def interrupt(
        self, name: str = "student_billing.csv", *, loss: str = "connection_lost"
    ) -> UploadId:
        """Leave the note of an upload that ended too early."""
        arrival = replace(self.arrival(b"x", name, whole=False), loss=loss)
        write_note(note_path(self.folders, arrival), arrival)
        return arrival.upload_id

    def signed(self) -> Station:
        """Return the same station, whose batches are signed and told of, as a daemon's are."""
        books = self.books.signed()
        assert books.signing is not None
        return replace(self, books=replace(books, signing=replace(books.signing, tells=True)))

    def worker(self) -> Worker:
        """Return a worker whose files are taken one by one, when it is told to."""
        return Worker(
            works=self.works,
            folders=self.folders,
            keeper=self.keeper,
            claims=Claims(
                works=self.works, folders=self.folders, temporary_hours=24, temporary_max=1000
            ),
            metrics=self.metrics,
            space=SpaceWatch(self.clock, self.metrics.disk_full),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Intake]:
        """Run the intake; afterwards it has stopped by itself, as it does on SIGTERM."""
        intake = Intake(
            works=self.works,
            folders=self.folders,
            keeper=self.keeper,
            metrics=self.metrics,
            settings=self.settings,
        )
        self.folders.spool.mkdir(parents=True, exist_ok=True)
        task = asyncio.create_task(intake.run())
        try:
            yield intake
        finally:
            intake.stop()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await task

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Return as soon as the condition holds; fail the test when it does not in time."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}: {self.log}"
            await asyncio.sleep(0.01)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == name]

    def is_delivered(self, count: int) -> bool:
        rows = self.books.dump("upload")["upload"]
        return len(rows) >= count and all(row[-1] for row in rows)

    async def until_delivered(self, count: int) -> None:
        await self.until(lambda: self.is_delivered(count), f"{count} deliveries")

    def receipts(self) -> dict[str, dict[str, Any]]:
        """Return every JSON receipt by its upload."""
        files = self.books.receipts().items()
        found = [json.loads(content) for name, content in files if name.endswith(".json")]
        return {receipt["upload_id"]: receipt for receipt in found}


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    with capture_logs() as lines:
        yield cast(list[dict[str, Any]], lines)


def open_station(
    database: Database, folder: Path, log: list[dict[str, Any]], *, node: str = "node-a"
) -> Station:
    return open_station_on(replace(open_books(database, folder), node=node), log)


def open_station_on(books: Books, log: list[dict[str, Any]]) -> Station:
    accounts = {SPRINGFIELD: books.account}
    empty = Allowlist(everyone=(), deny=(), accounts={})
    keeper = AccessKeeper(Access(accounts=accounts, allowlist=empty))
    return Station(books=books, log=log, keeper=keeper)


@pytest.fixture
def station(database: Database, tmp_path: Path, log: list[dict[str, Any]]) -> Station:
    return open_station(database, tmp_path / "data", log)
