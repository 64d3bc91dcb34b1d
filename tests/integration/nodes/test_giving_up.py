"""An upload whose node never returns: its district is told, by a node that lives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database
from ingestd.service.files.giving_up import give_up_upload
from ingestd.values.errors import LeaseLostError, UsageError
from ingestd.values.identifiers import UploadId
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station, open_station, open_station_on
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges

ROW = "WALLET,T1,S1,MEAL,,1.00"


@pytest.fixture
def shared(make_database: MakeDatabase) -> Database:
    return make_database("postgresql")


def serve(database: Database, node: str, *, heard: str) -> None:
    """Let a node have been heard of at an instant, as the database sees it."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO node SELECT '" + node + "', 'i', '1.0', '0001', 'cellar', '', 0,"
            f" CAST(EXTRACT(EPOCH FROM {heard}) * 1000000 AS BIGINT), 1"
            " ON CONFLICT (node) DO UPDATE SET heard_at = excluded.heard_at"
        )


def give_up(station: Station, upload_id: UploadId) -> str:
    books = station.books
    return books.database.write(
        lambda connection: give_up_upload(connection, SPRINGFIELD, upload_id, node=books.node)
    )


def test_what_a_lost_node_had_is_answered_by_another(
    shared: Database, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """No acknowledged file ends in silence; and should its bytes turn up, they post nothing."""
    here = open_station(shared, tmp_path / "here", log, node="here")
    cellar = open_station_on(Books(database=shared, folder=tmp_path / "cellar", node="cellar"), log)
    sent = cellar.books.queue(charges(ROW))
    held = cellar.books.lease()
    assert held is not None
    serve(shared, "cellar", heard="NOW()")
    assert "which is live" in give_up(here, sent)
    serve(shared, "cellar", heard="NOW() - INTERVAL '1 hour'")
    assert give_up(here, sent) == ""
    # It comes back in the very moment, and works on.
    with pytest.raises(LeaseLostError):
        cellar.books.process(held)
    assert not cellar.worker().run_next()
    assert here.worker().run_next()
    receipt = here.receipts()[sent]
    assert (receipt["status"], receipt["rows"]) == ("interrupted", None)
    assert "lost on the server" in receipt["findings"][0]["message"]
    assert here.books.balances() == {}
    assert "is interrupted" in give_up(here, sent)


def test_what_somebody_will_process_is_not_given_up(station: Station) -> None:
    """A slip of the hand loses no file."""
    sent = station.books.queue(charges(ROW))
    assert "is waiting" in give_up(station, sent)
    with station.books.database.writing() as connection:
        connection.exec_driver_sql("UPDATE upload SET state = 'failed'")
    assert give_up(station, sent) == ""
    with pytest.raises(UsageError):
        give_up(station, UploadId("0" * 26))
