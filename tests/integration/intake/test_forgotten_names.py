"""Temporary names that nobody renames: set aside with a receipt, and never a file lost."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.intake.work.portions import ALONE_AN_HOUR
from ingestd.spool.claimed import take_together
from ingestd.telemetry.events import Event
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import SPRINGFIELD, charges

ROW = "WALLET,T1,S1,MEAL,,1.00"
MOMENT_HOURS = 1e-6


def quarantined(station: Station) -> dict[str, bytes]:
    """Return every file in quarantine by its name; notes are not files."""
    root = station.folders.data_dir / "quarantine" / SPRINGFIELD
    paths = [path for path in root.glob("*/*") if not path.name.startswith(".arrival")]
    assert len({path.name for path in paths}) == len(paths)
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("name", ["student_billing.csv.part", ".student_billing.csv", ".in.1"])
async def test_a_forgotten_name_is_set_aside_with_a_receipt(station: Station, name: str) -> None:
    """The job died before its rename: the district hears that this file was not taken."""
    station.settings = replace(station.settings, partial_hours=MOMENT_HOURS)
    sent = station.send(charges(ROW), name)
    async with station.running():
        await station.until_delivered(1)
    receipt = station.receipts()[sent]
    assert (receipt["status"], receipt["rows"], receipt["filename"]) == ("rejected", None, name)
    (finding,) = receipt["findings"]
    assert finding["code"] == "file_name_temporary"
    assert "kept a temporary name for" in finding["message"]
    assert quarantined(station) == {name: charges(ROW)}
    assert os.listdir(station.incoming) == os.listdir(station.folders.arrivals(SPRINGFIELD)) == []
    [told] = station.events(Event.FILE_QUARANTINED)
    assert (told["reason"], told["files"]) == ("file_name_temporary", 1)
    assert station.books.balances() == {}


async def test_a_temporary_name_that_has_time_left_stays(station: Station) -> None:
    """Its rename may come any moment, and must find it."""
    station.send(charges(ROW), "student_billing.csv.part")
    station.send(charges(ROW))
    async with station.running():
        await station.until_delivered(1)
    assert os.listdir(station.incoming) == ["student_billing.csv.part"]
    gauge = station.metrics.registry.get_sample_value(
        "ingestd_temporary_files", {"account": SPRINGFIELD}
    )
    assert gauge == 1


async def test_of_a_crowd_the_oldest_go_and_share_their_receipts(station: Station) -> None:
    """A client that never renames locks nobody out, fills no folder of receipts, loses nothing."""
    kept, count = 3, 40
    station.settings = replace(station.settings, max_temporary_files=kept)
    contents = {f"{number:03}.part": b"%d" % number for number in range(count)}
    for number, (name, content) in enumerate(contents.items()):
        station.send(content, name)
        os.utime(station.incoming / name, (number, number))
    async with station.running():
        await station.until(
            lambda: sum(e["files"] for e in station.events(Event.FILE_QUARANTINED)) == count - kept,
            "the quarantine",
        )
        await station.until_delivered(ALONE_AN_HOUR + 1)
        await station.until(lambda: len(quarantined(station)) == count - kept, "the files")
    left = {name: (station.incoming / name).read_bytes() for name in os.listdir(station.incoming)}
    assert quarantined(station) | left == contents
    assert set(left) == set(list(contents)[-kept:])
    receipts = station.receipts().values()
    assert len(receipts) == ALONE_AN_HOUR + 1
    (shared,) = (r for r in receipts if "27 files" in r["findings"][0]["message"])
    assert "and 17 more" in shared["findings"][0]["message"]
    alone = [r for r in receipts if r is not shared]
    assert all("the oldest of more than 3" in r["findings"][0]["message"] for r in alone)
    # Their notes went with them: who sent each is still known.
    notes = list((station.folders.data_dir / "quarantine").glob("*/*/.arrival*.json"))
    assert len(notes) == count - kept
    assert len(os.listdir(station.folders.arrivals(SPRINGFIELD))) == kept


async def test_files_that_were_taken_before_a_crash_get_their_receipt(station: Station) -> None:
    """The daemon died between moving them and writing it down."""
    names = [".a.csv", "b.part", "c.tmp"]
    for name in names:
        station.send(b"x", name)
    assert take_together(station.folders, SPRINGFIELD, names)
    async with station.running():
        await station.until_delivered(1)
    (receipt,) = station.receipts().values()
    assert receipt["filename"] == ".a.csv"
    assert "3 files" in receipt["findings"][0]["message"]
    assert set(quarantined(station)) == set(names)


async def test_a_file_called_like_a_note_of_ours_is_not_overwritten_by_it(
    station: Station, log: list[dict[str, Any]]
) -> None:
    """Clients choose their names, also those that we use inside."""
    station.settings = replace(station.settings, partial_hours=MOMENT_HOURS)
    sent = station.send(b"mine", ".arrival.json")
    async with station.running():
        await station.until_delivered(1)
    home: Path = station.folders.quarantine(SPRINGFIELD, sent)
    assert (home / "_.arrival.json").read_bytes() == b"mine"
    assert (home / ".arrival.json").exists()
