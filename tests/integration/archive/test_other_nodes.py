"""What one node shows and adopts of another: receipts, notes, and files that it kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from ingestd.database.engine import Database
from ingestd.service.files.adopting import ADOPTED, adopt_uploads
from ingestd.service.files.giving_up import give_up_upload
from ingestd.service.files.receipts_elsewhere import ReceiptsElsewhere
from ingestd.spool.nodes import list_nodes
from tests.integration.archive.nodes import ROW, Node, let_time_pass, posted
from tests.integration.archive.s3_server import Bucket, Fault
from tests.integration.ledger.conftest import SPRINGFIELD, charges


def heard(database: Database, node: str, *, ago: str) -> None:
    """Let a node have been heard of so long ago, as the database sees it."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO node SELECT '" + node + "', 'i', '1.0', '0001', 'cellar', '', 0,"
            f" CAST(EXTRACT(EPOCH FROM NOW() - INTERVAL '{ago}') * 1000000 AS BIGINT), 1"
            " ON CONFLICT (node) DO UPDATE SET heard_at = excluded.heard_at"
        )


def adopt(node: Node) -> dict[str, str]:
    books = node.station.books
    found = adopt_uploads(books.database, node.archive, SPRINGFIELD, node=books.node)
    return {adoption.upload_id: adoption.what for adoption in found}


def elsewhere(node: Node) -> ReceiptsElsewhere:
    return ReceiptsElsewhere(
        database=node.station.books.database,
        folders=node.station.folders,
        keeper=node.station.keeper,
        clock=node.station.clock,
        node=node.station.books.node,
        receipt_days=90,
    )


def test_a_client_finds_its_receipts_at_every_node(nodes: tuple[Node, Node]) -> None:
    """Whichever machine a balancer chooses, a district sees what became of its files."""
    here, there = nodes
    here.close(charges(ROW, "WALLET,T1,S2,MEAL,,2.00"))
    here.look()
    assert here.station.worker().run_next()
    receipts = elsewhere(there)
    assert there.station.books.receipts() == {}
    assert receipts.bring(SPRINGFIELD) == 1
    assert there.station.books.receipts() == here.station.books.receipts()
    assert len(there.station.books.receipts()) == 2
    # What was swept, or lost with a disk, is made anew by a node that is started again.
    shutil.rmtree(there.station.folders.receipts(SPRINGFIELD))
    assert receipts.bring(SPRINGFIELD) == 0
    assert elsewhere(there).bring(SPRINGFIELD) == 1
    # Its own come by their delivery.
    assert elsewhere(here).bring(SPRINGFIELD) == 0


def test_receipts_that_have_had_their_time_are_not_brought(nodes: tuple[Node, Node]) -> None:
    """A folder of receipts does not grow for ever."""
    here, there = nodes
    here.close(charges(ROW))
    here.look()
    assert here.station.worker().run_next()
    old = elsewhere(there)
    old.receipt_days = -1
    assert old.bring(SPRINGFIELD) == 0


def test_what_a_lost_node_had_noted_is_adopted(nodes: tuple[Node, Node], shared: Database) -> None:
    """A disk that is lost while the database is away costs a district nothing either."""
    here, there = nodes
    with shared.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE upload RENAME TO away")
    sent = here.close(charges(ROW))
    with shared.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO upload")
    heard(shared, "here", ago="1 second")
    assert adopt(there) == {sent.upload_id: "its node is live, and queues it"}
    heard(shared, "here", ago="1 hour")
    here.lose_disk()
    assert adopt(there) == {sent.upload_id: ADOPTED}
    assert adopt(there) == {}
    assert there.station.worker().run_next()
    assert posted(there) == ["T1"]
    receipt = there.station.receipts()[sent.upload_id]
    assert (receipt["filename"], receipt["received_at"][:10]) == (
        sent.filename,
        sent.received_at.date().isoformat(),
    )


def test_a_note_whose_bytes_nobody_has_is_left(nodes: tuple[Node, Node]) -> None:
    """What cannot be processed is told of, and not queued."""
    here, there = nodes
    arrival = replace(here.station.arrival(b"x", "student_billing.csv"), sha256="0" * 64)
    note = json.dumps({"upload_id": arrival.upload_id, "account": SPRINGFIELD}).encode()
    there.archive.put_note(SPRINGFIELD, arrival.upload_id, note)
    assert adopt(there) == {arrival.upload_id: "not a note of ours"}
    assert there.station.books.dump("upload")["upload"] == []


def test_what_a_lost_node_kept_is_adopted_where_there_is_another_copy(
    nodes: tuple[Node, Node], shared: Database, bucket: Bucket
) -> None:
    """The same file, sent again to a node that lives, brings back the first one, too."""
    here, there = nodes
    here.archive.accepts_when_away = True  # type: ignore[misc]
    bucket.lasting = Fault.AWAY
    first = here.close(charges(ROW))
    here.look()
    bucket.lasting = Fault.NONE
    here.lose_disk()
    let_time_pass(shared)
    assert not there.station.worker().run_next()
    heard(shared, "here", ago="1 hour")
    with shared.reading() as connection:
        [node] = list_nodes(connection)
    assert node.is_stranding
    assert "does not have its bytes" in adopt(there)[first.upload_id]
    there.close(charges(ROW))
    assert adopt(there) == {first.upload_id: ADOPTED}
    assert there.station.worker().run_next()
    assert there.station.receipts()[first.upload_id]["status"] == "processed"


@pytest.mark.parametrize("is_live", [True, False])
def test_what_any_node_will_process_is_not_given_up(
    nodes: tuple[Node, Node], shared: Database, is_live: bool
) -> None:
    """A slip of the hand loses no file; and where no node lives, somebody may still decide."""
    here, _ = nodes
    sent = here.close(charges(ROW))
    heard(shared, "here", ago="1 hour")
    heard(shared, "there", ago="1 second" if is_live else "1 hour")
    why_not = shared.write(
        lambda connection: give_up_upload(connection, SPRINGFIELD, sent.upload_id, node="there")
    )
    assert ("any node that is live" in why_not) is is_live
