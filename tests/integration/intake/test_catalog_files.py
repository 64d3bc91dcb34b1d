"""Catalog files among all others: who may send them, and what everybody else is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingestd.access.accounts import Access, FilePolicy
from ingestd.formats.names import FormatName
from ingestd.intake.answering.dry_run import check_file
from ingestd.spool.claimed import take
from ingestd.telemetry.events import Event
from ingestd.values.errors import UsageError
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges

ROSTER = b"student_id,name,status\nS1,Bartholomew,enrolled\nS77,Hyacinth,enrolled\nS2,Ann,gone\n"
DIFFERS = ("upload_id", "received_at", "finished_at")


def allow(station: Station) -> None:
    """Let the account send its catalog, from now on."""
    account = replace(station.books.account, catalog_over_sftp=True)
    station.books.account = account
    rules = Access(accounts={SPRINGFIELD: account}, allowlist=station.keeper.current.allowlist)
    station.keeper.replace(rules)


async def test_a_roster_gets_its_receipt_and_its_one_line(station: Station) -> None:
    """Whoever watches charge files watches rosters with the same eyes."""
    allow(station)
    async with station.running():
        sent = station.send(ROSTER, "students_nightly.csv")
        await station.until_delivered(1)
        await station.until(lambda: station.events(Event.FILE_PROCESSED), "the line")
    receipt = station.receipts()[sent]
    assert (receipt["format"], receipt["status"]) == ("students", "processed_with_findings")
    assert receipt["rows"]["applied"] == 2
    assert receipt["applied_amount"] == "0.00"
    (line,) = station.events(Event.FILE_PROCESSED)
    assert (line["rows"], line["format"]) == (receipt["rows"], "students")
    archived = list(station.folders.data_dir.glob("archive/**/students_nightly.csv"))
    assert [path.read_bytes() for path in archived] == [ROSTER]


async def test_the_log_holds_no_student_of_a_roster(station: Station) -> None:
    """Whoever runs the machine need not be allowed to see the children's records."""
    allow(station)
    async with station.running():
        station.send(ROSTER, "students.csv")
        await station.until_delivered(1)
        await station.until(lambda: station.events(Event.LEDGER_SEALED), "the seal")
    text = json.dumps(station.log, default=str)
    assert not [word for word in ("S77", "S3", "Hyacinth", "Bartholomew") if f'"{word}' in text]


async def test_two_rosters_under_one_name_are_both_taken_in_order(station: Station) -> None:
    """A roster that was acknowledged is not lost because the next one came at once."""
    allow(station)
    first = station.send(b"student_id,name\nS1,First\n", "students.csv")
    second = station.send(b"student_id,name\nS1,Second\n", "students.csv")
    async with station.running():
        await station.until_delivered(2)
    assert station.receipts().keys() == {first, second}
    names = {row[1]: row[2] for row in station.books.dump("student")["student"]}
    assert names["S1"] == "Second"


async def test_a_catalog_that_is_not_allowed_is_set_aside_and_told_why(station: Station) -> None:
    """Who may send charges does not by that alone decide who is on the roster."""
    before = station.books.dump("student")
    (station.incoming / "students.csv").write_bytes(ROSTER)
    claimed = take(station.folders, SPRINGFIELD, "students.csv")
    assert claimed is not None
    async with station.running():
        await station.until_delivered(1)
    receipt = station.receipts()[claimed.upload_id]
    assert (receipt["status"], receipt["format"]) == ("rejected", None)
    (finding,) = receipt["findings"]
    assert finding["code"] == "file_name_unrecognised"
    assert "catalog_over_sftp = true" in finding["message"]
    assert station.events(Event.FILE_QUARANTINED)
    assert station.books.dump("student") == before


async def test_a_catalog_that_is_not_allowed_waits_as_any_unknown_name(station: Station) -> None:
    """A file that an operator is about to allow is still there when it is allowed."""
    sent = station.send(ROSTER, "students.csv")
    async with station.running():
        station.send(charges("WALLET,T1,S1,MEAL,,1.00"))
        await station.until_delivered(1)
        assert [path.name for path in station.incoming.iterdir()] == ["students.csv"]
        allow(station)
        await station.until_delivered(2)
    assert station.receipts()[sent]["format"] == "students"


@pytest.mark.parametrize("allowed", [False, True])
async def test_an_unknown_name_is_told_the_names_that_this_account_may_use(
    station: Station, allowed: bool
) -> None:
    """Nobody is sent from one name that is set aside to the next."""
    if allowed:
        allow(station)
    (station.incoming / "roster.csv").write_bytes(ROSTER)
    claimed = take(station.folders, SPRINGFIELD, "roster.csv")
    assert claimed is not None
    async with station.running():
        await station.until_delivered(1)
    message = station.receipts()[claimed.upload_id]["findings"][0]["message"]
    assert "student_billing*.csv" in message
    assert ("students*.csv" in message) is allowed


@pytest.mark.parametrize("file", FilePolicy)
@pytest.mark.parametrize("content", [ROSTER, ROSTER.rstrip(b"\n"), b"student_id\n", b""])
def test_a_dry_run_gives_the_receipt_that_the_roster_would_get(
    station: Station, tmp_path: Path, content: bytes, file: FilePolicy
) -> None:
    """A district tries its first roster without fear of what it does to the catalog."""
    allow(station)
    books = station.books.under(file=file)
    path = tmp_path / "students.csv"
    path.write_bytes(content)
    before = books.dump()
    _, dry = check_file(books.works, books.account, path)
    assert books.dump() == before
    outcome = books.post_bytes(content, "students.csv")
    books.deliver(outcome.upload_id)
    receipt = station.receipts()[outcome.upload_id]
    for key in DIFFERS:
        del dry[key], receipt[key]
    assert dry == receipt


@pytest.mark.parametrize(
    ("name", "given"),
    [("students.csv", None), ("export.csv", FormatName.STUDENTS)],
)
def test_a_dry_run_of_a_catalog_that_is_not_allowed_names_the_setting(
    books: Books, tmp_path: Path, name: str, given: FormatName | None
) -> None:
    """An operator who tries a roster learns at once what its upload would still need."""
    path = tmp_path / name
    path.write_bytes(ROSTER)
    with pytest.raises(UsageError, match="catalog_over_sftp = true"):
        check_file(books.works, books.account, path, given)


async def test_a_space_around_a_good_name_is_pointed_at(station: Station) -> None:
    """The names that are recognised look the same to whoever reads them."""
    (station.incoming / "student_billing.csv ").write_bytes(ROSTER)
    claimed = take(station.folders, SPRINGFIELD, "student_billing.csv ")
    assert claimed is not None
    async with station.running():
        await station.until_delivered(1)
    (finding,) = station.receipts()[claimed.upload_id]["findings"]
    assert "a space" in finding["message"]
    assert "to student_billing.csv and" in finding["message"]
