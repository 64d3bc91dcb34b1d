"""A node is lost with its disk, after CLOSE was answered: another one processes the file, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import obstore
import pytest

from ingestd.database.engine import Database
from ingestd.sftp.uploads.announcing import NotWithdrawnError
from ingestd.sftp.uploads.losses import Loss, UploadLostError
from ingestd.spool.archive.archive import blob_key
from ingestd.spool.archive.s3 import S3Archive
from ingestd.spool.queue import TRIES_MAX
from ingestd.telemetry.events import Event
from ingestd.values.errors import LeaseLostError
from tests.integration.archive.nodes import ROW, Node, let_time_pass, node_on, posted
from tests.integration.archive.s3_server import Bucket, Fault
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import open_station
from tests.integration.ledger.conftest import SPRINGFIELD, charges


def test_what_a_lost_disk_held_is_processed_by_another_node(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """A machine that burns after it said OK costs a district nothing."""
    here, there = nodes
    sent = here.close(charges(ROW))
    assert not there.station.worker().run_next()  # it is still the first one's to claim
    here.lose_disk()
    let_time_pass(shared)
    worker = there.station.worker()
    assert worker.run_next()
    assert not worker.run_next()
    assert posted(there) == ["T1"]
    receipt = there.station.receipts()[sent.upload_id]
    assert (receipt["status"], receipt["sha256"]) == ("processed", sent.sha256)
    upload = there.station.books.upload(sent.upload_id)
    assert (upload.node, upload.delivered, upload.archived) == ("there", True, True)
    assert not list(there.station.folders.claimed(SPRINGFIELD).iterdir())
    assert there.archive.holds(SPRINGFIELD, str(sent.sha256))


@pytest.mark.parametrize("step", ["claimed", "leased"])
def test_it_is_processed_once_however_far_the_first_node_came(
    nodes: tuple[Node, Node], shared: Database, step: str
) -> None:
    """A node that was only asleep, and wakes up with the file in hand, posts nothing twice."""
    here, there = nodes
    here.close(charges(ROW))
    here.look()
    held = here.station.books.lease() if step == "leased" else None
    let_time_pass(shared)
    assert there.station.worker().run_next()
    if held is not None:
        with pytest.raises(LeaseLostError):
            here.station.books.process(held)
    assert not here.station.worker().run_next()
    assert posted(there) == ["T1"]
    # Its copy goes, as another node has it for good.
    assert list(here.station.folders.claimed(SPRINGFIELD).iterdir())
    assert here.station.worker().claims.clear_done(here.station.books.account) == 1
    assert not list(here.station.folders.claimed(SPRINGFIELD).iterdir())


def test_a_file_that_another_node_took_is_not_claimed_again(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """A node that finds its own disk again finds nothing to do."""
    here, there = nodes
    here.close(charges(ROW))
    let_time_pass(shared)
    assert there.station.worker().run_next()
    here.look()
    assert not here.station.worker().run_next()
    assert here.station.worker().claims.clear_done(here.station.books.account) == 1
    assert not list(here.station.incoming.iterdir())


def test_of_two_files_the_one_that_was_answered_first_is_posted_first(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """Two nodes' clocks and loads decide nothing about whose row counts."""
    here, there = nodes
    first = here.close(charges("WALLET,T1,S1,MEAL,first,1.00"))
    second = there.close(charges("WALLET,T1,S1,MEAL,second,2.00"))
    with shared.writing() as connection:  # as a clock has it that is an hour ahead
        connection.exec_driver_sql(
            "UPDATE upload SET received_at = received_at + 3600000000"
            f" WHERE upload_id = '{first.upload_id}'"
        )
    there.look()
    assert not there.station.worker().run_next()  # the first one is not claimed yet
    here.look()
    assert here.station.worker().run_next()
    assert there.station.worker().run_next()
    receipts = here.station.receipts() | there.station.receipts()
    assert receipts[first.upload_id]["rows"]["applied"] == 1
    assert receipts[second.upload_id]["rows"]["conflict"] == 1


def test_a_wrong_blob_is_never_posted(nodes: tuple[Node, Node], shared: Database) -> None:
    """Whoever can write into the bucket can charge nobody."""
    here, there = nodes
    sent = here.close(charges(ROW))
    assert isinstance(there.archive, S3Archive)
    forged = charges("WALLET,T1,S1,MEAL,,9999.00")
    obstore.put(there.archive._store, blob_key(SPRINGFIELD, str(sent.sha256)), forged)
    for _ in range(TRIES_MAX):
        let_time_pass(shared)
        assert there.station.worker().run_next()
    upload = there.station.books.upload(sent.upload_id)
    assert (upload.state, posted(there)) == ("failed", [])
    assert "has other bytes under SPRINGFIELD/sha256/" in str(upload.last_error)


def test_a_spoilt_copy_on_the_disk_is_fetched_anew(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """A disk that forgets is no reason to call anybody."""
    here, _ = nodes
    sent = here.close(charges(ROW))
    here.look()
    copy = here.station.folders.claimed(SPRINGFIELD) / sent.upload_id / sent.filename
    copy.write_bytes(bytes(copy.stat().st_size))
    assert here.station.worker().run_next()
    assert posted(here) == ["T1"]


def test_an_archive_that_is_away_costs_a_file_no_tries(
    nodes: tuple[Node, Node], shared: Database, bucket: Bucket
) -> None:
    """However long it takes, nobody has to retry by hand."""
    here, there = nodes
    sent = here.close(charges(ROW))
    here.lose_disk()
    bucket.lasting = Fault.AWAY
    let_time_pass(shared)
    assert there.station.worker().run_next()
    upload = there.station.books.upload(sent.upload_id)
    assert (upload.state, upload.attempts, upload.waits) == ("waiting", 0, 1)
    bucket.lasting = Fault.NONE
    let_time_pass(shared)
    assert there.station.worker().run_next()
    assert posted(there) == ["T1"]


def test_while_the_archive_is_away_uploads_are_refused(
    nodes: tuple[Node, Node], bucket: Bucket, log: list[dict[str, Any]]
) -> None:
    """Nobody is told OK for what one disk alone holds."""
    here, _ = nodes
    bucket.lasting = Fault.AWAY
    with pytest.raises(UploadLostError) as told:
        here.close(charges(ROW))
    assert told.value.loss is Loss.ARCHIVE_AWAY
    assert [line["code"] for line in log if line["event"] == Event.STORAGE_FAILED] == [
        "archive_away"
    ]
    assert here.station.books.dump("upload")["upload"] == []


def test_or_taken_on_one_disk_and_brought_there_later(
    shared: Database, tmp_path: Path, log: list[dict[str, Any]], bucket: Bucket
) -> None:
    """A provider that says so takes files through an outage of the archive."""
    open_station(shared, tmp_path / "first", log)
    archive = bucket.open(accepts_when_away=True)
    here = node_on(shared, tmp_path, log, archive, "here")
    bucket.lasting = Fault.AWAY
    sent = here.close(charges(ROW))
    here.look()
    assert here.station.worker().run_next()
    assert posted(here) == ["T1"]
    upload = here.station.books.upload(sent.upload_id)
    assert (upload.delivered, upload.archived) == (False, False)
    bucket.lasting = Fault.NONE
    assert here.station.worker().deliver_left_over() == 1
    upload = here.station.books.upload(sent.upload_id)
    assert (upload.delivered, upload.archived) == (True, True)
    assert archive.holds(SPRINGFIELD, str(sent.sha256))
    assert not list(here.station.folders.claimed(SPRINGFIELD).iterdir())
    here.announcing.close()


def test_a_file_that_a_hand_copied_is_a_blob_once_it_is_claimed(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """What comes by a mount outlives the disk as well."""
    here, there = nodes
    (here.station.incoming / "student_billing.csv").write_bytes(charges(ROW))
    here.look()
    here.lose_disk()
    let_time_pass(shared)
    assert there.station.worker().run_next()
    assert posted(there) == ["T1"]


def test_without_a_database_a_note_lies_beside_the_blob(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """A database that is away closes no door, and what is noted is in the queue afterwards."""
    here, _ = nodes
    with shared.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE upload RENAME TO away")
    sent = here.close(charges(ROW))
    with shared.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO upload")
    [(upload_id, note)] = here.archive.read_notes(SPRINGFIELD)
    assert upload_id == sent.upload_id
    assert b'"node": "here"' in note
    here.look()
    assert here.archive.read_notes(SPRINGFIELD) == []
    assert here.station.worker().run_next()
    assert posted(here) == ["T1"]


def test_what_its_client_withdraws_no_node_processes(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """A client that cancels within the settle time is charged nothing, by anybody."""
    here, there = nodes
    here.close(charges(ROW))
    assert asyncio.run(here.announcing.remove(here.files, "student_billing.csv"))
    here.files.remove("student_billing.csv")
    let_time_pass(shared)
    assert not there.station.worker().run_next()
    # What another node has taken cannot be withdrawn, and is not taken again.
    sent = here.close(charges(ROW))
    let_time_pass(shared)
    assert there.station.worker().run_next()
    assert not asyncio.run(here.announcing.remove(here.files, "student_billing.csv"))
    assert there.station.books.upload(sent.upload_id).state == "done"


def test_a_withdrawal_that_cannot_be_told_is_refused(
    nodes: tuple[Node, Node], shared: Database
) -> None:
    """Nobody is told that a file is gone which another node may process."""
    here, _ = nodes
    here.close(charges(ROW))
    with shared.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE upload RENAME TO away")
    with pytest.raises(NotWithdrawnError):
        asyncio.run(here.announcing.remove(here.files, "student_billing.csv"))


def test_a_name_that_commits_tells_all_nodes(nodes: tuple[Node, Node], shared: Database) -> None:
    """A client that renames when it is done is safe from that moment on."""
    here, there = nodes
    sent = here.close(charges(ROW), "student_billing.csv.part")
    assert here.station.books.dump("upload")["upload"] == []
    rename = here.announcing.rename
    asyncio.run(rename(here.files, sent.filename, "student_billing_a.csv"))
    here.files.rename(sent.filename, "student_billing_a.csv")
    asyncio.run(rename(here.files, "student_billing_a.csv", "student_billing_b.csv"))
    here.files.rename("student_billing_a.csv", "student_billing_b.csv")
    here.lose_disk()
    let_time_pass(shared)
    assert there.station.worker().run_next()
    assert posted(there) == ["T1"]
    assert there.station.receipts()[sent.upload_id]["filename"] == "student_billing_b.csv"


def test_a_name_that_nobody_takes_withdraws(nodes: tuple[Node, Node], shared: Database) -> None:
    """A client that renames a file away has not sent it."""
    here, there = nodes
    sent = here.close(charges(ROW))
    asyncio.run(here.announcing.rename(here.files, sent.filename, "later.txt"))
    here.files.rename(sent.filename, "later.txt")
    let_time_pass(shared)
    assert not there.station.worker().run_next()


def test_with_an_embedded_ledger_a_note_is_always_kept(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]], bucket: Bucket
) -> None:
    """One writer may be busy for minutes with a large file: CLOSE does not wait for it."""
    database = make_database("sqlite")
    open_station(database, tmp_path / "first", log)
    here = node_on(database, tmp_path, log, bucket.open(), "here")
    here.close(charges(ROW))
    assert here.station.books.dump("upload")["upload"] == []
    assert len(here.archive.read_notes(SPRINGFIELD)) == 1
    here.look()
    assert here.station.worker().run_next()
    assert (posted(here), here.archive.read_notes(SPRINGFIELD)) == (["T1"], [])
    here.announcing.close()
