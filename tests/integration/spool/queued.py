"""Uploads in the queue, and what a worker does with them."""

from __future__ import annotations

from ingestd.database.engine import Database
from ingestd.spool import queue
from ingestd.spool.queue import QueuedUpload, QueueEntry
from ingestd.values.identifiers import AccountId, UploadId

A, B = AccountId("A"), AccountId("B")
NODE = "node-a"
SECOND = 1_000_000


def entry(number: int, *, account: AccountId = A, node: str = NODE) -> QueueEntry:
    return QueueEntry(
        account=account,
        upload_id=UploadId(f"{number:026}"),
        filename="student_billing.csv",
        format="student_billing",
        source="sftp",
        size_bytes=1,
        sha256=None,
        received_at=number * SECOND,
        node=node,
    )


def put(database: Database, *entries: QueueEntry) -> None:
    with database.writing() as connection:
        for each in entries:
            assert queue.enqueue(connection, each)


def take(database: Database, now: int = 0, *, node: str = NODE) -> QueuedUpload | None:
    with database.writing() as connection:
        return queue.lease_next(connection, node=node, owner="me", now=now)


def taken(database: Database, now: int = 0) -> QueuedUpload:
    upload = take(database, now)
    assert upload is not None
    return upload


def finish(database: Database, upload: QueuedUpload) -> None:
    with database.writing() as connection:
        queue.mark_done(connection, upload, status="processed")


def fail(database: Database, upload: QueuedUpload, now: int) -> bool:
    with database.writing() as connection:
        given = queue.put_back(connection, upload, error="disk", now=now)
    return given is queue.Given.TO_BE_TRIED


def state(database: Database, number: int, account: AccountId = A) -> QueuedUpload:
    with database.reading() as connection:
        found = queue.find_upload(connection, account, UploadId(f"{number:026}"))
    assert found is not None
    return found
