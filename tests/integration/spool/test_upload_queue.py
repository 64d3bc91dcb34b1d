"""The durable queue, on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from ingestd.database.engine import Database
from ingestd.spool import queue
from ingestd.spool.arrivals import Arrival
from ingestd.spool.queue import LEASE_SECONDS, TRIES_MAX, QueuedUpload, QueueEntry
from ingestd.values.clock import from_microseconds
from ingestd.values.errors import LeaseLostError
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


def test_a_lease_that_ran_out_passes_to_another(database: Database) -> None:
    """A worker that hangs for ever does not keep a district's files for ever."""
    put(database, entry(1))
    first = taken(database)
    assert take(database, LEASE_SECONDS * SECOND) is None
    second = taken(database, LEASE_SECONDS * SECOND + 1)
    assert second.claim_token == first.claim_token + 1
    with pytest.raises(LeaseLostError, match=f"Upload {first.upload_id} was taken over"):
        finish(database, first)
    with database.writing() as connection:
        assert not queue.renew_lease(connection, first, now=0, records=1)
        queue.hand_back(connection, first)
    fail(database, first, 0)
    assert state(database, 1).state == "working"
    finish(database, second)


def test_a_renewed_lease_lasts_longer(database: Database) -> None:
    """A long file that makes progress stays with its worker."""
    put(database, entry(1))
    upload = taken(database)
    with database.writing() as connection:
        assert queue.renew_lease(connection, upload, now=50 * SECOND, records=77)
    assert take(database, 100 * SECOND) is None
    assert state(database, 1).records_done == 77
    assert take(database, 111 * SECOND) is not None


def test_after_six_failures_a_file_waits_for_a_person_and_later_ones_go_on(
    database: Database,
) -> None:
    """A broken disk sector under one file does not stop a district's billing."""
    put(database, entry(1), entry(2))
    now = 0
    for wait in (1, 5, 15, 60, 300):
        upload = taken(database, now)
        assert fail(database, upload, now)
        assert take(database, now) is None
        assert take(database, now + wait * SECOND - 1) is None
        now += wait * SECOND
    last = taken(database, now)
    assert (last.attempts, last.last_error) == (TRIES_MAX - 1, "disk")
    assert not fail(database, last, now)
    assert state(database, 1).state == "failed"
    assert taken(database, now).received_at == 2 * SECOND


def test_retry_lets_a_failed_file_be_tried_again_at_once(database: Database) -> None:
    """An operator who mended the disk does not wait."""
    put(database, entry(1))
    assert not _retry(database)
    now = 0
    for _ in range(TRIES_MAX):
        upload = taken(database, now)
        assert not _retry(database)
        fail(database, upload, now)
        now += 1000 * SECOND
    assert _retry(database)
    again = taken(database)
    assert again.attempts == 0
    finish(database, again)
    assert not _retry(database)


def test_release_leases_gives_back_what_a_killed_daemon_had(database: Database) -> None:
    """After a crash work goes on at once."""
    put(database, entry(1), entry(2, account=B, node="other"))
    taken(database)
    assert take(database, node="other") is not None
    with database.writing() as connection:
        assert queue.release_leases(connection, node=NODE) == 1
    assert state(database, 1).state == "waiting"
    assert state(database, 2, B).state == "working"
    # It was not the file's fault.
    assert taken(database).attempts == 0


def test_a_file_that_kills_the_daemon_is_set_aside_in_the_end(database: Database) -> None:
    """One poisoned file must not keep every other school waiting for ever."""
    put(database, entry(1))
    deaths = 0
    while state(database, 1).state != "failed":
        taken(database)
        with database.writing() as connection:
            queue.release_leases(connection, node=NODE)
        deaths += 1
    assert deaths == queue.DEATHS_MAX
    assert _retry(database)


def test_hand_back_does_not_count_as_a_try(database: Database) -> None:
    """A daemon that is restarted every minute does not use up a file's tries."""
    put(database, entry(1))
    for _ in range(TRIES_MAX + 2):
        with database.writing() as connection:
            queue.hand_back(connection, taken_on(connection))
    assert state(database, 1).attempts == 0


def taken_on(connection: object) -> QueuedUpload:
    upload = queue.lease_next(connection, node=NODE, owner="me", now=0)  # type: ignore[arg-type]
    assert upload is not None
    return upload


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


def test_a_certain_upload_is_lost_to_others_when_its_lease_runs_out(database: Database) -> None:
    """A command that hangs keeps no file for ever."""
    put(database, entry(1))
    with database.writing() as connection:
        queue.lease_upload(connection, entry(1), owner="you", now=5 * SECOND)
    assert take(database, (5 + LEASE_SECONDS) * SECOND) is None
    assert take(database, (5 + LEASE_SECONDS) * SECOND + 1) is not None


def test_a_file_that_waits_for_the_world_is_tried_again_without_being_counted(
    database: Database,
) -> None:
    """A disk that is full, or a database that is away, for a night costs no file its tries."""
    put(database, entry(1))
    now = 0
    for pause in (1, 5, 15, 60, *[300] * TRIES_MAX):
        upload = taken(database, now)
        with database.writing() as connection:
            given = queue.wait_for_world(connection, upload, now=now, error="away")
        assert given is queue.Given.TO_BE_TRIED
        now += pause * SECOND
        assert take(database, now - 1) is None
    upload = taken(database, now)
    with database.writing() as connection:
        queue.wait_for_world(connection, upload, now=now, error="full", seconds=2.5)
    assert take(database, now + int(2.5 * SECOND) - 1) is None
    waiting = state(database, 1)
    assert (waiting.state, waiting.attempts, waiting.last_error) == ("waiting", 0, "full")
    with database.writing() as connection:
        given = queue.wait_for_world(connection, upload, now=now, error="late")
    assert given is queue.Given.NOT_OURS
    assert take(database, now + int(2.5 * SECOND)) is not None


def test_a_clock_that_is_set_back_keeps_no_file_waiting(database: Database) -> None:
    """A pause that begins in a year that is yet to come is none."""
    put(database, entry(1))
    now = 10**9 * SECOND
    assert fail(database, taken(database, now), now)
    longest = 300 * SECOND
    assert take(database, now + SECOND - longest) is None
    assert take(database, now + SECOND - longest - 1) is not None


def test_a_file_that_is_given_up_ends_on_another_node_by_its_verdict(database: Database) -> None:
    """What a dead machine took with it gets a receipt, and its worker commits nothing any more."""
    put(database, entry(1))
    held = taken(database)
    with database.writing() as connection:
        stale = replace(held, claim_token=held.claim_token - 1)
        assert not queue.give_up(connection, stale, node="other", verdict="lost")
        assert queue.give_up(connection, held, node="other", verdict="lost")
        assert not queue.give_up(connection, held, node="other", verdict="lost")
    with pytest.raises(LeaseLostError):
        finish(database, held)
    assert take(database) is None
    given_up = take(database, node="other")
    assert given_up is not None
    assert (given_up.verdict, given_up.upload_id) == ("lost", held.upload_id)


def test_only_the_claim_that_gave_an_upload_its_outcome_is_told_so(database: Database) -> None:
    """A worker whose commit broke off looks whether it was done, and done by itself."""
    put(database, entry(1))
    upload = taken(database)

    def is_done(by: QueuedUpload) -> bool:
        with database.reading() as connection:
            return queue.is_done_by(connection, by)

    assert not is_done(upload)
    finish(database, upload)
    assert is_done(upload)
    assert not is_done(replace(upload, claim_token=upload.claim_token + 1))
    assert not is_done(replace(upload, upload_id=UploadId(f"{2:026}")))


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


def _retry(database: Database) -> bool:
    with database.writing() as connection:
        return queue.retry(connection, A, UploadId(f"{1:026}"))
