"""The power fails at every single statement, and the end is the same as without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from ingestd.database.engine import Database
from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.intake.pipeline import close_without_rows
from ingestd.ledger.outcomes.file_outcomes import FileStatus
from ingestd.spool.queue import QueueEntry, enqueue, release_leases
from ingestd.values.errors import DatabaseError
from ingestd.values.identifiers import UploadId
from tests.integration.database.conftest import MakeDatabase
from tests.integration.ledger.conftest import (
    NODE,
    TABLES,
    Books,
    FakeClock,
    PowerCutError,
    charges,
    open_books,
    statements_counted,
)

ROWS = (
    "WALLET,T1,S1,MEAL,,1.00",
    "LIABILITY,T2,S2,FEE,a note,",
    "WALLET,T2,S2,FEE,a note,",
    "WALLET,T3,S9,MEAL,,1.00",
    "WALLET,T1,S1,MEAL,,1.00",
)
STORED = tuple(table for table in TABLES if table != "upload")
CRASHES_MAX = 200

Journey = Callable[[], object]


def until_the_end(books: Books, journey: Journey) -> int:
    """Crash at the first statement, then at the second, and so on, until nothing is left to do.

    After each crash the books hold either nothing of the file or all of it.
    """
    before = books.dump(*STORED)
    for crash_at in range(1, CRASHES_MAX):
        books.clock.instant = FakeClock().instant
        try:
            with statements_counted(books.database, fail_at=crash_at):
                journey()
        except (PowerCutError, DatabaseError):
            stored = books.dump(*STORED)
            assert stored == before or len(stored["seal"]) == 1 + len(before["seal"])
            with books.database.writing() as connection:
                release_leases(connection, node=NODE)
        else:
            return crash_at
    raise AssertionError("the journey never came to an end")


@pytest.fixture(params=["sqlite", "postgresql"])
def twins(
    request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path: Path
) -> tuple[Books, Books]:
    """Two equal books: one crashes, the other shows what should come of it."""
    kind = request.param
    return (
        open_books(make_database(kind), tmp_path / "crashing"),
        open_books(make_database(kind), tmp_path / "whole"),
    )


def test_a_crash_at_any_statement_of_a_file_changes_nothing_in_the_end(
    twins: tuple[Books, Books],
) -> None:
    """No row is lost, applied twice or half applied, whenever the daemon is killed."""
    crashing, whole = twins
    for books in twins:
        books.queue(charges(*ROWS))

    def journey(books: Books) -> None:
        upload = books.lease()
        if upload is not None:  # else the crash came after the commit
            books.process(upload)

    tried = until_the_end(crashing, lambda: journey(crashing))
    whole.clock.instant = FakeClock().instant
    journey(whole)
    assert tried > 30
    assert _without_instants(crashing) == _without_instants(whole)


def test_a_crash_at_any_statement_of_a_refusal_changes_nothing_in_the_end(
    twins: tuple[Books, Books],
) -> None:
    """An interrupted upload gets its receipt once, whenever the daemon is killed."""
    finding = Finding(code=Code.UPLOAD_INTERRUPTED, verdict=Verdict.FILE, message="It ended.")

    def journey(books: Books) -> None:
        entry = QueueEntry(
            account=books.account.account_id,
            upload_id=UploadId("0" * 26),
            filename="student_billing.csv",
            format="student_billing",
            source="sftp",
            size_bytes=7,
            sha256=None,
            received_at=1,
            node=NODE,
        )
        with books.database.writing() as connection:
            enqueue(connection, entry)
        upload = books.lease()
        status = FileStatus.INTERRUPTED
        if upload is not None:
            close_without_rows(books.works, books.account, upload, status=status, finding=finding)

    crashing, whole = twins
    until_the_end(crashing, lambda: journey(crashing))
    whole.clock.instant = FakeClock().instant
    journey(whole)
    assert _without_instants(crashing) == _without_instants(whole)


def test_a_crash_at_any_statement_of_a_delivery_leaves_the_same_receipts(
    twins: tuple[Books, Books],
) -> None:
    """A receipt is never missing or torn, whenever the daemon is killed."""
    crashing, whole = twins
    outcome = crashing.post(*ROWS)
    whole.post(*ROWS)
    until_the_end(crashing, lambda: crashing.deliver(outcome.upload_id))
    whole.deliver(outcome.upload_id)
    assert crashing.receipts() == whole.receipts()
    assert len(whole.receipts()) == 2
    assert crashing.upload(outcome.upload_id).delivered


def test_a_server_that_drops_the_connection_loses_nothing(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """When PostgreSQL restarts in the middle of a file, the file is simply tried again."""
    books = open_books(make_database("postgresql"), tmp_path)
    upload_id = books.queue(charges(*ROWS))
    upload = books.lease()
    assert upload is not None
    path = books.folders.claimed(upload.account) / upload_id / upload.filename
    path.write_bytes(charges(*ROWS))
    cutting = replace(books, clock=CuttingClock(books.database))
    before = books.dump("charge", "seal", "finding")
    with pytest.raises(DatabaseError):
        cutting.process(upload)
    assert books.dump("charge", "seal", "finding") == before
    outcome, _ = books.process(upload)
    assert outcome.rows is not None
    assert (outcome.rows.applied, outcome.rows.total) == (2, 5)


class CuttingClock(FakeClock):
    """A clock that ends every other connection to the server when a file is being decided."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._asked = 0

    def now(self) -> datetime:
        self._asked += 1
        if self._asked == 2:  # the lease is renewed, and the books are locked
            with self._database.writing() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        return super().now()


def _without_instants(books: Books) -> dict[str, list[tuple[object, ...]]]:
    """Return all that is stored, but for what depends on when it was tried.

    The hash depends on the instant, so of seals and heads only the numbers are compared.
    """
    dump = books.dump(*STORED)
    dump["file_outcome"] = [row[:9] + row[10:] for row in dump["file_outcome"]]
    dump["seal"] = [(*row[:4], *row[5:8]) for row in dump["seal"]]
    dump["seal_head"] = [(row[0], row[1], *row[3:]) for row in dump["seal_head"]]
    return dump
