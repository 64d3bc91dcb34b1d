"""A worker commits only while it holds its lease, and holds it while it commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingestd.intake.reading.progress import Progress
from ingestd.spool import queue
from ingestd.spool.queue import LEASE_SECONDS, QueuedUpload
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import LeaseLostError
from tests.integration.ledger.conftest import Books, charges

SECOND = 1_000_000
ROW = "WALLET,T1,S1,MEAL,,1.00"


def stealing(books: Books) -> Iterator[QueuedUpload]:
    """Yield what another worker took over while the first was reading."""
    later = to_microseconds(books.clock.now()) + 2 * LEASE_SECONDS * SECOND
    with books.database.writing() as connection:
        upload = queue.lease_next(connection, node=books.node, owner="thief", now=later)
    assert upload is not None
    yield upload


def test_a_worker_whose_lease_was_taken_over_commits_nothing(books: Books) -> None:
    """A worker that slept through its lease must not post what another is posting."""
    books.queue(charges(ROW))
    first = books.lease()
    assert first is not None
    stolen: list[QueuedUpload] = []
    slow = Progress(report=lambda *_: stolen.extend(stealing(books)), must_stop=lambda: False)
    with pytest.raises(LeaseLostError):
        books.process(first, slow)
    assert books.dump("charge")["charge"] == []
    catalogs = len(books.dump("seal")["seal"])
    outcome, _ = books.process(stolen[0])
    assert outcome.applied_amount == 100
    with pytest.raises(LeaseLostError):
        books.process(stolen[0])
    assert len(books.dump("seal")["seal"]) == catalogs + 1


def test_an_upload_cannot_be_taken_over_while_its_transaction_lives(books: Books) -> None:
    """A file whose posting takes minutes is not started anew by every other worker in turn."""
    books.queue(charges(ROW))
    upload = books.lease()
    assert upload is not None
    later = to_microseconds(books.clock.now()) + 10 * LEASE_SECONDS * SECOND
    with books.database.writing() as connection:
        assert queue.renew_lease(connection, upload, now=0, records=1)
        if not books.database.is_embedded:  # SQLite has no second writer
            with books.database.writing() as other:
                assert queue.lease_next(other, node=books.node, owner="thief", now=later) is None
