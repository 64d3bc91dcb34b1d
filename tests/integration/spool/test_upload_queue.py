"""The durable queue, on both databases: what enters it, whose turn it is, what it tells."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

from ingestd.database.engine import Database
from ingestd.spool import queue
from ingestd.spool.arrivals import Arrival
from ingestd.spool.queue import QueuedUpload, QueueEntry
from ingestd.values.clock import from_microseconds
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


def test_an_accounts_files_go_one_at_a_time_in_the_order_of_arrival(database: Database) -> None:
    """Of two files with the same key the earlier one must win, however many workers there are."""
    put(database, entry(3), entry(1), entry(2))
    for number in (1, 2, 3):
        upload = taken(database)
        assert upload.received_at == number * SECOND
        assert take(database) is None
        finish(database, upload)
    assert take(database) is None


def test_another_account_does_not_wait(database: Database) -> None:
    """One district's long file never holds up another's."""
    put(database, entry(1), entry(2), entry(3, account=B))
    assert (taken(database).account, taken(database).account) == (A, B)
    assert take(database) is None


def test_a_node_takes_only_files_that_lie_in_its_own_folder(database: Database) -> None:
    """Two daemons on one database must not look for each other's files."""
    put(database, entry(1, node="other"))
    assert take(database) is None
    assert take(database, node="other") is not None


def test_a_file_enters_the_queue_once(database: Database) -> None:
    """A restart that finds a claimed file again does not bill it again."""
    put(database, entry(1))
    finish(database, taken(database))
    with database.writing() as connection:
        assert not queue.enqueue(connection, replace(entry(1), filename="other.csv"))
    assert (state(database, 1).state, state(database, 1).filename) == (
        "done",
        "student_billing.csv",
    )


def test_workers_that_hurry_never_take_the_same_upload(database: Database) -> None:
    """No file is processed twice at the same time."""
    accounts = [AccountId(f"A{number}") for number in range(4)]
    put(database, *(entry(n, account=accounts[n % 4]) for n in range(40)))
    order: list[tuple[AccountId, int]] = []
    busy: set[AccountId] = set()
    lock = threading.Lock()

    def work(_: int) -> None:
        while upload := _next_of_any(database):
            with lock:
                assert upload.account not in busy
                busy.add(upload.account)
                order.append((upload.account, upload.received_at))
            with lock:
                busy.discard(upload.account)
            finish(database, upload)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert len(order) == len(set(order)) == 40
    for account in accounts:
        times = [received for owner, received in order if owner == account]
        assert times == sorted(times)


def _next_of_any(database: Database) -> QueuedUpload | None:
    """Return the next upload; None only when no other worker can leave one behind."""
    while True:
        upload = take(database)
        with database.reading() as connection:
            if upload is not None or queue.count_open(connection, node=NODE) == (0, 0):
                return upload


def test_an_upload_through_the_door_enters_as_its_note_says(database: Database) -> None:
    """Every figure in the books is followed back to who sent it, when and from where."""
    arrival = Arrival(
        upload_id=UploadId(f"{1:026}"),
        account=A,
        filename="student_billing_1.csv",
        whole=True,
        size_bytes=77,
        sha256="5" * 64,
        received_at=from_microseconds(9 * SECOND),
        peer="203.0.113.7",
        session_id="s-1",
        key_fingerprint="SHA256:x",
        client_version="SSH-2.0-x",
        sent_by="ann",
        archived=True,
    )
    entered = queue.entry_of_arrival(
        arrival, format_name="student_billing", node=NODE, verdict="interrupted"
    )
    assert entered == QueueEntry(
        account=A,
        upload_id=arrival.upload_id,
        filename="student_billing_1.csv",
        format="student_billing",
        source="sftp",
        size_bytes=77,
        sha256="5" * 64,
        received_at=9 * SECOND,
        peer="203.0.113.7",
        session_id="s-1",
        key_fingerprint="SHA256:x",
        client_version="SSH-2.0-x",
        sent_by="ann",
        node=NODE,
        verdict="interrupted",
        archived=True,
    )
    put(database, entered)
    queued = state(database, 1)
    assert {name: getattr(queued, name) for name in asdict(entered)} == asdict(entered)


def test_a_certain_upload_is_taken_whoever_had_it(database: Database) -> None:
    """A command that imports a file waits behind no other one, and repeats none with an outcome."""
    put(database, entry(1), entry(2), entry(3, account=B))
    first = taken(database)
    with database.writing() as connection:
        again = queue.lease_upload(connection, entry(1), owner="you", now=5 * SECOND)
        second = queue.lease_upload(connection, entry(2), owner="you", now=5 * SECOND)
    assert again is not None
    assert second is not None
    assert (again.upload_id, again.owner, again.state) == (first.upload_id, "you", "working")
    assert again.claim_token == first.claim_token + 1
    finish(database, again)
    finish(database, second)
    with database.writing() as connection:
        assert queue.lease_upload(connection, entry(1), owner="you", now=0) is None
    assert state(database, 3, B).state == "waiting"


def test_uploads_with_an_outcome_are_delivered_in_the_order_of_arrival(database: Database) -> None:
    """A receipt that a full disk held back is written after the next start."""
    put(database, entry(2), entry(1), entry(3), entry(4), entry(5, node="other"))
    for _ in range(3):
        finish(database, taken(database))
    on_another = take(database, node="other")
    assert on_another is not None
    finish(database, on_another)

    def open_ones(limit: int = 9, *, node: str = NODE) -> list[int]:
        with database.reading() as connection:
            found = queue.undelivered(connection, node=node, limit=limit)
        return [upload.received_at // SECOND for upload in found]

    assert open_ones() == [1, 2, 3]
    assert open_ones(2) == [1, 2]
    with database.writing() as connection:
        queue.mark_delivered(connection, A, UploadId(f"{1:026}"))
        queue.mark_delivered(connection, B, UploadId(f"{2:026}"))
    assert open_ones() == [2, 3]
    assert state(database, 1).delivered
    assert not state(database, 2).delivered
    assert open_ones(node="other") == [5]


def test_a_queue_knows_what_it_ever_held(database: Database) -> None:
    """A folder whose uploads a ledger does not know belongs to another ledger."""
    put(database, entry(1))
    finish(database, taken(database))
    held, others = (A, UploadId(f"{1:026}")), [(A, UploadId(f"{2:026}")), (B, UploadId(f"{1:026}"))]
    with database.reading() as connection:
        assert queue.knows_any(connection, [*others, held])
        assert not queue.knows_any(connection, others)
        assert not queue.knows_any(connection, [])


def test_an_account_s_uploads_are_listed_from_the_latest_on(database: Database) -> None:
    """An operator looks for what came last, or for what is in a state."""
    put(database, entry(1), entry(2), entry(3), entry(4, account=B))
    finish(database, taken(database))
    taken(database)

    def listed(status: str | None = None, limit: int = 9) -> list[int]:
        with database.reading() as connection:
            found = queue.list_uploads(connection, A, status=status, limit=limit)
        return [upload.received_at // SECOND for upload in found]

    assert listed() == [3, 2, 1]
    assert listed(limit=2) == [3, 2]
    assert (listed("processed"), listed("working"), listed("waiting")) == ([1], [2], [3])
    assert listed("done") == []
