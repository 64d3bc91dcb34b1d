"""What nodes that share an archive make of the queue, on both databases: any may take a file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingestd.database.engine import Database
from ingestd.spool import queue
from ingestd.spool.queue import ELSEWHERE_SECONDS, QueuedUpload, QueueEntry
from ingestd.values.errors import LeaseLostError
from ingestd.values.identifiers import AccountId, UploadId
from tests.integration.spool.queued import (
    NODE,
    SECOND,
    A,
    B,
    entry,
    finish,
    put,
    state,
    take,
    taken,
)

OTHER = "node-b"
DUE = 100 * SECOND


def in_archive(number: int) -> QueueEntry:
    return replace(entry(number), archived=True, sha256="5" * 64)


def announce(database: Database, upload: QueueEntry, *, due_at: int = DUE) -> bool:
    with database.writing() as connection:
        return queue.announce(connection, upload, due_at=due_at)


def withdraw(database: Database, upload: QueueEntry, account: AccountId = A) -> bool:
    with database.writing() as connection:
        return queue.withdraw(connection, account, upload.upload_id)


def adopt(database: Database, upload: QueueEntry, account: AccountId = A) -> bool:
    with database.writing() as connection:
        return queue.adopt(connection, account, upload.upload_id)


def take_over(database: Database, now: int) -> QueuedUpload | None:
    """Take a file on a node that shares the archive, and never had it."""
    with database.writing() as connection:
        return queue.lease_next(connection, node=OTHER, owner="other", now=now, shares=True)


def test_what_is_announced_is_left_to_its_node_for_a_while(database: Database) -> None:
    """A file is looked at where it lies, unless its node has not claimed it in time."""
    assert announce(database, in_archive(1))
    assert take(database, DUE - 1) is None
    late = DUE + ELSEWHERE_SECONDS * SECOND
    assert take(database, late + 1, node=OTHER) is None  # which shares no archive
    assert take_over(database, late) is None
    upload = take_over(database, late + 1)
    assert upload is not None
    assert (upload.node, upload.archived, upload.sha256) == (OTHER, True, "5" * 64)
    assert (upload.filename, upload.owner) == ("student_billing.csv", "other")


def test_an_announcement_may_be_renamed_until_it_is_claimed(database: Database) -> None:
    """A client's rename counts on every node; what is claimed keeps its name."""
    assert announce(database, in_archive(1))
    assert announce(database, replace(in_archive(1), filename="student_refunds.csv"))
    assert state(database, 1).filename == "student_refunds.csv"
    put(database, replace(in_archive(1), filename="fee_payments.csv"))
    assert not announce(database, in_archive(1))
    claimed = taken(database)  # at once
    assert (claimed.filename, claimed.upload_id) == ("fee_payments.csv", entry(1).upload_id)


def test_an_announcement_is_taken_back_unless_its_upload_is_claimed(database: Database) -> None:
    """A file that its client removed in time is processed nowhere."""
    announced, claimed = in_archive(1), in_archive(2)
    for upload in (announced, claimed):
        assert announce(database, upload)
    put(database, claimed)
    assert not withdraw(database, announced, B)
    assert not withdraw(database, in_archive(3))
    assert withdraw(database, announced)
    assert not withdraw(database, announced)
    assert not withdraw(database, claimed)
    assert take(database, DUE) == state(database, 2)
    with database.reading() as connection:
        assert queue.find_upload(connection, A, announced.upload_id) is None


def test_what_one_node_alone_has_is_listed_for_its_operator(database: Database) -> None:
    """When a disk is lost, these are the files to ask a district for again."""
    put(
        database,
        *(entry(1), entry(3), replace(entry(2), node=OTHER), in_archive(4)),
        *(replace(entry(5), verdict="name_unknown"), entry(6, account=B)),
    )
    finish(database, taken(database))
    with database.reading() as connection:
        kept = queue.list_kept_by_nodes(connection, A)
    assert [upload.upload_id for upload in kept] == [entry(2).upload_id, entry(3).upload_id]
    assert (kept[0], kept[1]) == (state(database, 2), state(database, 3))


def test_what_is_adopted_is_anybodys_and_no_longer_its_nodes(database: Database) -> None:
    """A node that comes back with the file in hand commits nothing."""
    put(database, entry(1))
    held = taken(database)
    assert not held.archived
    assert not adopt(database, entry(1), B)
    assert adopt(database, entry(1))
    assert not adopt(database, entry(1))
    assert state(database, 1).archived
    with pytest.raises(LeaseLostError):
        finish(database, held)
    upload = take_over(database, ELSEWHERE_SECONDS * SECOND + 1)
    assert upload is not None
    assert upload.node == OTHER
    finish(database, upload)
    assert not adopt(database, entry(1))


def test_an_upload_is_said_to_be_in_the_archive_only_when_it_is(database: Database) -> None:
    """Nobody removes the one copy that there is."""
    put(database, entry(1), entry(2, account=B))
    with database.writing() as connection:
        queue.mark_delivered(connection, A, UploadId(f"{1:026}"))
        queue.mark_delivered(connection, B, UploadId(f"{2:026}"), archived=True)
    first, second = state(database, 1), state(database, 2, B)
    assert (first.delivered, first.archived, first.node) == (True, False, NODE)
    assert (second.delivered, second.archived) == (True, True)
