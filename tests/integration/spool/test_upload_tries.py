"""The durable queue, on both databases: leases, tries, waits, and how they end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingestd.database.engine import Database
from ingestd.spool import queue
from ingestd.spool.queue import LEASE_SECONDS, TRIES_MAX, QueuedUpload
from ingestd.values.errors import LeaseLostError
from ingestd.values.identifiers import UploadId
from tests.integration.spool.queued import (
    NODE,
    SECOND,
    A,
    B,
    entry,
    fail,
    finish,
    put,
    state,
    take,
    taken,
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


def _retry(database: Database) -> bool:
    with database.writing() as connection:
        return queue.retry(connection, A, UploadId(f"{1:026}"))
