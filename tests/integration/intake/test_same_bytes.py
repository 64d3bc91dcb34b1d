"""A file that was sent before is told apart from one that only looks like it."""

from __future__ import annotations

import shutil

from ingestd.telemetry.events import Event
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import SPRINGFIELD, charges

MONDAY = charges("WALLET,T1,S1,MEAL,,1.00", "WALLET,T2,S2,MEAL,,2.00")
TUESDAY = charges("WALLET,T1,S1,MEAL,,1.00", "WALLET,T3,S2,MEAL,,2.00")


def test_the_line_of_a_file_names_the_first_upload_of_its_bytes(station: Station) -> None:
    """Whoever asks why nothing was applied sees at once that the district sent it again."""
    worker = station.worker()
    first, other, again, once_more = (
        station.books.queue(content) for content in (MONDAY, TUESDAY, MONDAY, MONDAY)
    )
    for _ in range(4):
        assert worker.run_next()
    told = {line["upload_id"]: line["same_bytes_as"] for line in station.events("file_processed")}
    assert told == {first: None, other: None, again: first, once_more: first}


def test_it_is_told_though_the_receipt_cannot_be_written(station: Station) -> None:
    """The line comes once: it must not say less because a folder is in the way."""
    worker = station.worker()
    first, again = station.books.queue(MONDAY), station.books.queue(MONDAY)
    assert worker.run_next()
    receipts = station.folders.receipts(SPRINGFIELD)
    shutil.rmtree(receipts)
    receipts.write_bytes(b"no folder")
    assert worker.run_next()
    assert station.events(Event.WORKER_FAILED)
    [line] = [told for told in station.events("file_processed") if told["upload_id"] == again]
    assert line["same_bytes_as"] == first
    receipts.unlink()
    assert worker.deliver_left_over() == 1
    assert [name.split(".")[1] for name in station.books.receipts()] == [again, again]
