"""The intake as a whole: from a file that appears to its receipt, on both databases."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingestd.access.accounts import Access
from ingestd.spool.claimed import take
from ingestd.spool.queue import enqueue, entry_of_arrival, lease_next
from ingestd.telemetry.events import Event
from ingestd.values.identifiers import AccountId
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station, open_station
from tests.integration.ledger.conftest import SPRINGFIELD, charges

ROW = "WALLET,T1,S1,MEAL,,1.00"
OTHER = "WALLET,T1,S1,MEAL,,2.00"


async def test_every_file_gets_its_receipt(station: Station) -> None:
    """Good, bad, cut off or by hand: each ends with an answer, an archived file and a log line."""
    async with station.running():
        good = station.send(charges(ROW), "student_billing_a.csv")
        await station.until_delivered(1)
        bad = station.send(b"\xff\xfe", "student_billing_b.csv")
        cut_off = station.interrupt()
        (station.incoming / "student_billing_hand.csv").write_bytes(charges(ROW))
        await station.until_delivered(4)
    receipts = station.receipts()
    by_hand = (receipts.keys() - {good, bad, cut_off}).pop()
    assert [receipts[upload]["status"] for upload in (good, bad, cut_off, by_hand)] == [
        *("processed", "rejected", "interrupted", "processed")
    ]
    assert receipts[good]["rows"]["applied"] == receipts[by_hand]["rows"]["duplicate"] == 1
    assert receipts[bad]["rows"] is receipts[cut_off]["rows"] is None
    assert [f["code"] for f in receipts[cut_off]["findings"]] == ["upload_interrupted"]
    assert os.listdir(station.incoming) == []
    assert os.listdir(station.folders.claimed(SPRINGFIELD)) == []
    assert os.listdir(station.folders.arrivals(SPRINGFIELD)) == []
    archived = sorted(
        path.parent.name for path in station.folders.data_dir.glob("archive/**/*.csv")
    )
    assert archived == sorted([good, bad, by_hand])
    assert len(station.events(Event.FILE_PROCESSED)) == 2
    [rejected] = station.events(Event.FILE_REJECTED)
    # Who is woken by this line knows why without asking the database.
    assert rejected["codes"] == sorted({f["code"] for f in receipts[bad]["findings"]}) != []
    assert len(station.events(Event.FILE_CLAIMED)) == 3


async def test_what_waits_is_counted_once_nothing_comes_any_more(station: Station) -> None:
    """A dashboard does not show files as waiting until the next rescan, half a minute later."""
    async with station.running():
        for number in range(5):
            row = f"WALLET,T{number},S1,MEAL,,1.00"
            station.send(charges(row), f"student_billing_{number}.csv")
        await station.until_delivered(5)
        waiting = station.metrics.files_waiting
        await station.until(lambda: waiting._value.get() == 0, "a count of nothing")


async def test_the_receipt_of_a_file_that_was_too_large_says_so(station: Station) -> None:
    """OpenSSH shows "Failure" and no more: district IT needs to know what to change."""
    too_large = station.interrupt(loss="too_large")
    full = station.interrupt("student_billing_full.csv", loss="no_space")
    async with station.running():
        await station.until_delivered(2)
    receipts = station.receipts()
    assert receipts[too_large]["status"] == "rejected"
    assert [f["code"] for f in receipts[too_large]["findings"]] == ["file_too_large"]
    assert receipts[full]["status"] == "interrupted"
    assert "no space left" in receipts[full]["findings"][0]["message"]


async def test_files_of_one_name_are_judged_in_the_order_of_their_arrival(
    station: Station,
) -> None:
    """The first of two contradicting files wins, also when the second replaced its name."""
    first = station.send(charges(ROW))
    second = station.send(charges(OTHER))
    async with station.running():
        await station.until_delivered(2)
    receipts = station.receipts()
    assert receipts[first]["rows"]["applied"] == 1
    assert receipts[second]["rows"]["conflict"] == 1
    assert station.events(Event.ROW_CONFLICTS_FOUND)


async def test_a_killed_daemon_picks_up_wherever_it_was(station: Station) -> None:
    """Taken, queued, leased or decided: after a restart each file ends with one receipt."""
    sent = []
    for step in range(4):
        name = f"student_billing_{step}.csv"
        sent.append(station.send(charges(f"WALLET,T{step},S1,MEAL,,1.00"), name))
        claimed = take(station.folders, SPRINGFIELD, name)
        assert claimed is not None
        assert claimed.arrival is not None
        if step == 0:
            continue
        entry = entry_of_arrival(claimed.arrival, format_name="student_billing", node="node-a")
        with station.books.database.writing() as connection:
            enqueue(connection, entry)
            if step == 1:
                continue
            connection.exec_driver_sql("UPDATE upload SET next_try_at = 0")
            upload = lease_next(connection, node="node-a", owner="dead", now=0)
        assert upload is not None
        if step == 3:
            continue
        station.books.process(upload)
    async with station.running():
        await station.until_delivered(4)
    receipts = station.receipts()
    assert sorted(receipts) == sorted(sent)
    assert all(receipt["rows"]["applied"] == 1 for receipt in receipts.values())
    assert station.books.balances() == {("S1", "WALLET"): "-4.00"}


async def test_a_name_that_is_no_text_stops_nobody(station: Station) -> None:
    """One broken file name, copied in by hand, must not stop every district's billing."""
    broken = os.fsdecode(b"student_billing_\xff.csv")
    (station.incoming / broken).write_bytes(charges(ROW))
    good = station.send(charges("WALLET,T2,S1,MEAL,,1.00"))
    async with station.running():
        await station.until_delivered(2)
    receipts = station.receipts()
    assert receipts.pop(good)["rows"]["applied"] == 1
    (other,) = receipts.values()
    assert other["filename"] == "student_billing_\\xff.csv"
    assert other["rows"]["applied"] == 1


async def test_an_unrecognised_name_is_set_aside_with_a_receipt(station: Station) -> None:
    """The district hears which names are recognised; the file itself is kept."""
    station.incoming.joinpath("students.xlsx").write_bytes(b"x")
    claimed = take(station.folders, SPRINGFIELD, "students.xlsx")
    assert claimed is not None
    async with station.running():
        await station.until_delivered(1)
    receipt = station.receipts()[claimed.upload_id]
    assert (receipt["status"], receipt["format"]) == ("rejected", None)
    assert "student_billing*.csv" in receipt["findings"][0]["message"]
    kept = station.folders.quarantine(SPRINGFIELD, claimed.upload_id) / "students.xlsx"
    assert kept.read_bytes() == b"x"
    assert station.events(Event.FILE_QUARANTINED)


async def test_a_watcher_that_only_begins_is_not_called_down(station: Station) -> None:
    """Whoever waits for the start, as the daemon does before it says so, finds all well."""
    async with station.running() as intake:
        await intake.wait_until_begun()
        assert intake.trouble == ""


async def test_a_watcher_that_died_is_started_again(station: Station) -> None:
    """File events stop now and then on real machines; files must not wait for the rescan."""
    async with station.running() as intake:
        await station.until(lambda: station.events(Event.WATCHER_STARTED), "the watcher")
        assert intake._watcher is not None
        intake._watcher.stop()
        assert "watcher" in intake.watcher_trouble
        assert (intake.trouble, intake.worker_trouble) == (intake.watcher_trouble, "")
        await station.until(lambda: station.events(Event.WATCHER_RESTARTED), "a restart")
        station.send(charges(ROW))
        await station.until_delivered(1)
        assert intake.trouble == ""


async def test_a_receipt_that_cannot_be_written_is_written_later(station: Station) -> None:
    """A full or broken disk delays a receipt; it never loses one, and never spins."""
    folder = station.folders.receipts(SPRINGFIELD)
    folder.rmdir()
    folder.write_text("in the way")
    sent = station.send(charges(ROW))
    async with station.running():
        await station.until(lambda: station.events(Event.WORKER_FAILED), "a complaint")
        folder.unlink()
        folder.mkdir()
        station.keeper.replace(station.keeper.current)  # brings a look, as any event does
        await station.until_delivered(1)
    assert station.receipts()[sent]["status"] == "processed"


async def test_a_failing_delivery_does_not_bring_the_next_look_by_itself(
    station: Station,
) -> None:
    """On a full disk the daemon waits for the next rescan; it does not fill the log."""
    async with station.running():
        station.send(charges(ROW))
        await station.until_delivered(1)
        for number in range(20):
            (station.folders.receipts(SPRINGFIELD) / f".in.{number}").write_text("x")
            (station.folders.receipts(SPRINGFIELD) / f"{number}.json").write_text("x")
        (station.folders.incoming(SPRINGFIELD) / "student_billing_2.csv").write_bytes(charges(ROW))
        await station.until_delivered(2)
    assert not station.events(Event.WORKER_FAILED)


async def test_one_accounts_broken_folder_does_not_stop_the_others(station: Station) -> None:
    """A district whose folder an admin moved away is told of; the others go on."""
    broken = AccountId("BROKEN")
    (station.folders.spool / broken).write_text("not a folder")
    accounts = {
        broken: replace(station.books.account, account_id=broken),
        SPRINGFIELD: station.books.account,
    }
    access = station.keeper.current
    station.keeper.replace(Access(accounts=accounts, allowlist=access.allowlist))
    sent = station.send(charges(ROW))
    async with station.running() as intake:
        await station.until_delivered(1)
        assert "BROKEN" in intake.worker_trouble
        assert intake.trouble == intake.worker_trouble
    assert sent in station.receipts()


async def test_two_daemons_on_one_server_apply_a_charge_once(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """Two nodes that get the same export at the same moment bill nobody twice."""
    server = make_database("postgresql")
    stations = [open_station(server, tmp_path / node, log, node=node) for node in ("n1", "n2")]
    rows = [f"WALLET,T{number},S{number % 5 + 1},MEAL,," for number in range(50)]
    for number in range(4):
        for station in stations:
            station.send(charges(*rows), f"student_billing_{number}.csv")
    async with stations[0].running(), stations[1].running():
        await stations[0].until_delivered(8)
    receipts = [receipt for station in stations for receipt in station.receipts().values()]
    assert len(receipts) == 8
    assert sum(receipt["rows"]["applied"] for receipt in receipts) == 50
    assert sum(receipt["rows"]["duplicate"] for receipt in receipts) == 350
    assert set(stations[0].books.balances().values()) == {"-32.50"}
    seals = stations[0].books.dump("seal")["seal"]
    numbers = [row[1] for row in sorted(seals, key=lambda row: int(str(row[1])))]
    assert numbers == list(range(1, len(seals) + 1))
    assert len([row for row in seals if row[2] == "upload"]) == 8


async def test_a_stopping_intake_hands_back_what_it_has_not_begun(station: Station) -> None:
    """A restart loses nothing and leaves nothing half done."""
    for number in range(30):
        station.send(charges(f"WALLET,T{number},S1,MEAL,,1.00"), f"student_billing_{number}.csv")
    async with station.running():
        await station.until(lambda: station.events(Event.FILE_PROCESSED), "a first file")
    async with station.running():
        await asyncio.gather(station.until_delivered(30))
    assert station.books.balances() == {("S1", "WALLET"): "-30.00"}
    assert len(station.receipts()) == 30
    assert not station.events(Event.WORKER_FAILED)
