"""Billing > Queued charges: dropped, tried, queued once, and what became of it."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from ingestd.formats.names import FormatName, is_recognised
from ingestd.intake.work.upkeep import Upkeep
from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from ingestd.service.files.kept_files import FILES_MAX
from ingestd.service.files.previews import queued_name
from ingestd.service.people.audit import list_audit
from ingestd.service.people.roles import Role, RoleKind
from ingestd.service.people.users import read_user, set_disabled
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.sftp.uploads.losses import Loss, UploadLostError
from ingestd.spool.queue import list_uploads
from ingestd.values.identifiers import UploadId
from tests.integration.console.conftest import SHELBYVILLE, SPRINGFIELD, Answer, Console, Visitor
from tests.integration.console.pipeline import charges, drop, process, take_catalog
from tests.integration.http.peers import PATIENCE

PAGE = "/billing/queued-charges"
OFFICE = frozenset({Role(RoleKind.OFFICE, SPRINGFIELD)})
GOOD = charges("WALLET,T1,S1,MEAL,,1.00", "WALLET,T2,S1,MEAL,,")


def private_files(console: Console) -> list[Path]:
    return sorted(console.installation.folders.previews(SPRINGFIELD).iterdir())


async def read_preview(visitor: Visitor, way: str) -> Answer:
    """Return a preview's page once its file is read, as the page itself goes on."""
    async with asyncio.timeout(3 * PATIENCE):
        answer = await visitor.get(way)
        while 'http-equiv="refresh"' in answer.text:
            answer = await visitor.get(way)
    return answer


async def previewed(visitor: Visitor, content: bytes, filename: str = "export.csv") -> str:
    """Return the way to a preview."""
    answer = await drop(visitor, PAGE, content, filename, format="student_billing")
    assert answer.status == 303, answer.text
    return answer.way


def deed(way: str, name: str) -> str:
    path, _, query = way.partition("?")
    return f"{path}/{name}?{query}"


async def test_a_file_is_tried_then_queued_and_becomes_what_the_preview_said(
    either: Console, tmp_path: Path
) -> None:
    """The office sees before anything counts what it will see afterwards."""
    take_catalog(either, tmp_path)
    visitor = await either.let_in("ada", OFFICE)
    content = GOOD + b"WALLET,T1,S1,MEAL,,9.00\nWALLET,T3,S9,MEAL,,1.00\nWALLET,T4,S1,MEAL,,x\n"
    preview = await read_preview(visitor, await previewed(visitor, content))
    assert "3.50 USD" in preview.text
    for code in ("student_unknown", "amount_invalid", "conflict"):
        assert f"<code>{code}</code>" in preview.text
    with either.database.reading() as connection:
        assert list_uploads(connection, SPRINGFIELD, status=None, limit=9) == []
    queued = await visitor.post(deed(preview_way(preview), "queue"))
    assert queued.status == 303
    assert "on its way" in (await visitor.get(queued.way)).text.lower()
    await asyncio.to_thread(process, either)
    upload_id = UploadId(queued.way.rpartition("/")[2].partition("?")[0])
    with either.database.reading() as connection:
        outcome = read_file_outcome(connection, SPRINGFIELD, upload_id)
        [event] = [one for one in list_audit(connection, limit=9) if one.deed == "file_queued"]
    assert outcome is not None
    assert outcome.rows is not None
    assert numbers(preview.text)[:5] == [5, 2, 0, 1, 2]
    counts = outcome.rows
    assert [counts.total, counts.applied, counts.duplicate, counts.conflict, counts.rejected] == [
        *(5, 2, 0, 1, 2)
    ]
    assert outcome.applied_amount == 350
    provenance = outcome.provenance
    assert (provenance.source, provenance.sent_by) == ("console", "ada")
    assert provenance.filename == "student_billing_export.csv"
    assert (event.by, event.subject, event.account) == ("ada", upload_id, SPRINGFIELD)
    story = (await visitor.get(queued.way)).text
    assert "3.50 USD" in story
    assert 'http-equiv="refresh"' not in story


def numbers(text: str) -> list[int]:
    return [int(found) for found in re.findall(r'<td class="number">(\d+)</td>', text)]


def preview_way(answer: Answer) -> str:
    [way] = set(re.findall(r'action="([^"]*)/queue\?account=SPRINGFIELD"', answer.text))
    return f"{way}?account=SPRINGFIELD"


async def test_queued_by_two_people_at_once_it_is_one_upload(
    console: Console, tmp_path: Path
) -> None:
    """Whoever asks, and however often: it posts once."""
    take_catalog(console, tmp_path)
    ada, bob = await console.let_in("ada", OFFICE), await console.let_in("bob", OFFICE)
    way = await previewed(ada, GOOD)
    answers = await asyncio.gather(
        *(visitor.post(deed(way, "queue")) for visitor in (ada, bob, ada, bob))
    )
    assert len({answer.way for answer in answers}) == 1
    await asyncio.to_thread(process, console)
    again = await bob.post(deed(way, "queue"))
    assert again.way == answers[0].way
    await asyncio.to_thread(process, console)
    with console.database.reading() as connection:
        [upload] = list_uploads(connection, SPRINGFIELD, status=None, limit=9)
        queued = [one for one in list_audit(connection, limit=9) if one.deed == "file_queued"]
    assert upload.status == "processed"
    assert len(queued) == 1
    assert "It was queued" in (await ada.get(way)).text


async def test_what_could_not_be_queued_is_not_said_to_be(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk was full at that moment: the file is still here, and is queued by asking again."""
    take_catalog(console, tmp_path)
    ada = await console.let_in("ada", OFFICE)
    way = await previewed(ada, GOOD)

    async def is_full(*_: object) -> None:
        raise UploadLostError(Loss.NO_SPACE)

    with monkeypatch.context() as full:
        full.setattr(Uploads, "publish_kept", is_full)
        assert (await ada.post(deed(way, "queue"))).status == 507
    page = (await ada.get(way)).text
    assert "It was queued" not in page
    assert "Queue these charges" in page
    assert (await ada.post(deed(way, "queue"))).status == 303
    await asyncio.to_thread(process, console)
    assert "It was queued" in (await ada.get(way)).text
    with console.database.reading() as connection:
        [upload] = list_uploads(connection, SPRINGFIELD, status=None, limit=9)
    assert upload.status == "processed"


async def test_a_preview_is_for_its_account_and_for_a_day(console: Console) -> None:
    """Guessed by another account, asked for the day after, or with a way in its id: nothing."""
    ada = await console.let_in("ada", OFFICE)
    other = await console.let_in("eve", frozenset({Role(RoleKind.OFFICE, SHELBYVILLE)}))
    way = await previewed(ada, GOOD)
    assert (await ada.get(way)).status == 200
    path = way.partition("?")[0]
    for foreign in (path, f"{path}?account=SHELBYVILLE", f"{path}?account=SPRINGFIELD"):
        assert (await other.get(foreign)).status == 404
        assert (await other.post(f"{foreign}".replace(path, f"{path}/queue"))).status == 404
    for made_up in ("../../x", quote("../../../ledger", safe=""), "%00", "0" * 26):
        assert (await ada.get(f"{PAGE}/{made_up}")).status == 404
    assert (await ada.get(way.replace(PAGE, "/receipting/electronic-receipts"))).status == 404
    for file in private_files(console):
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    console.clock.pass_(timedelta(minutes=20))
    assert (await ada.get(way)).status == 200
    console.clock.pass_(timedelta(hours=24))
    ada_again = console.visitor()
    await ada_again.sign_in("ada")
    assert (await ada_again.get(way)).status == 404
    assert (await ada_again.post(deed(way, "queue"))).status == 404


async def test_what_had_its_day_is_removed_with_the_account_s_other_leftovers(
    console: Console,
) -> None:
    """At the start of the intake, and every ten minutes."""
    ada = await console.let_in("ada", OFFICE)
    await read_preview(ada, await previewed(ada, GOOD))
    folders = console.installation.folders
    upkeep = Upkeep(folders=folders, clock=console.clock, partial_hours=1, receipt_days=1)
    files = private_files(console)
    assert len(files) == 3
    now = console.clock.now().timestamp()
    for file in files:
        os.utime(file, (now, now))
    assert upkeep.sweep(SPRINGFIELD) == 0
    console.clock.pass_(timedelta(hours=25))
    assert upkeep.sweep(SPRINGFIELD) == 3
    assert private_files(console) == []


async def test_an_account_keeps_so_many_previews_and_no_more(console: Console) -> None:
    """Nobody fills the disk with what never counts."""
    ada = await console.let_in("ada", OFFICE)
    ways = [await previewed(ada, GOOD) for _ in range(FILES_MAX + 1)]
    assert (await ada.get(ways[0])).status == 404
    assert (await ada.get(ways[1])).status == 200


@pytest.mark.parametrize("content", [b"", b"\0\xff\xfe", b"%PDF-1.7", b"a,b\n1,2\n"])
async def test_what_is_no_charge_file_is_told_so_at_once(console: Console, content: bytes) -> None:
    """A refusal, with its code, and no error page."""
    ada = await console.let_in("ada", OFFICE)
    preview = await read_preview(ada, await previewed(ada, content))
    assert preview.status == 200
    assert "The file would be refused" in preview.text


async def test_a_file_that_is_too_large_or_cut_leaves_nothing(console: Console) -> None:
    """Whether it says how long it is, or not; and the page says what to do."""
    ada = await console.let_in("ada", OFFICE)
    receiver = console.surroundings.receiver
    receiver.limits = replace(receiver.limits, max_upload_bytes=1000)
    answer = await drop(ada, PAGE, b"x" * 1001)
    assert answer.status == 413
    assert "Too large." in answer.text
    cut = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nabc'
    answer = await ada.post_form(PAGE, cut, "b")
    assert answer.status == 400
    assert "did not arrive whole" in answer.text
    assert private_files(console) == []


@pytest.mark.parametrize(
    ("body", "boundary"),
    [
        (b"", "b"),
        (b"--b--\r\n", "b"),
        (b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--b--', "b"),
        (b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + b"y" * 5000, "b"),
        (b"nothing of the kind", "b"),
        (b"--b\r\n" + b"A: b\r\n" * 1000, "b"),
        (b"x", ""),
    ],
)
async def test_a_form_without_a_file_asks_for_one(
    console: Console, body: bytes, boundary: str
) -> None:
    """Whatever a program sends in a browser's name."""
    ada = await console.let_in("ada", OFFICE)
    answer = await ada.post_form(PAGE, body, boundary)
    assert answer.status == 422
    assert "Choose a file first." in answer.text


@pytest.mark.parametrize(
    "filename",
    [
        "<script>alert(1)</script>.csv",
        "../../etc/passwd",
        "C:\\Users\\ada\\charges.csv",
        "a\u202ecsv.exe",
        "student_billing_\u202etxt.csv",
        "student_billing\u2028.csv",
        "x" * 400 + ".csv",
        "é" * 200 + ".csv",
        "\udce9.csv",
        "....",
        ".student_billing.csv",
        "student_billing_a;b=c'd.csv",
    ],
)
async def test_no_file_name_does_harm(console: Console, filename: str) -> None:
    """Markup stays text, a path is none, and what cannot be seen is left out."""
    name = queued_name(filename, FormatName.STUDENT_BILLING)
    assert is_recognised(name, takes_catalogs=False)
    assert name.isprintable()
    assert "/" not in name
    ada = await console.let_in("ada", OFFICE)
    way = await previewed(ada, b"a\n1\n", filename)
    preview = await read_preview(ada, way)
    assert "<script>alert" not in preview.text
    assert "\u202e" not in preview.text
    queued = await ada.post(deed(way, "queue"))
    await asyncio.to_thread(process, console)
    story = await ada.get(queued.way)
    assert story.status == 200
    assert "<script>alert" not in story.text + (await ada.get(PAGE)).text


async def test_who_is_disabled_in_the_middle_queues_nothing(console: Console) -> None:
    """The session is gone with the user, whatever page is still open."""
    ada = await console.let_in("ada", OFFICE)
    way = await previewed(ada, GOOD)
    with console.database.writing() as connection:
        set_disabled(connection, read_user(connection, "ada"), is_disabled=True)
    answer = await ada.post(deed(way, "queue"))
    assert (answer.status, answer.way.partition("?")[0]) == (303, "/sign-in")
    assert os.listdir(console.installation.folders.incoming(SPRINGFIELD)) == []


async def test_a_reader_sees_a_preview_and_queues_none(console: Console) -> None:
    """And is shown no button that would say no."""
    ada = await console.let_in("ada", OFFICE)
    reader = await console.let_in("rea", frozenset({Role(RoleKind.READER, SPRINGFIELD)}))
    way = await previewed(ada, GOOD)
    preview = await read_preview(reader, way)
    assert preview.status == 200
    assert "<form method" not in preview.text.partition("<main")[2]
    assert (await reader.post(deed(way, "queue"))).status == 403
    assert (await drop(reader, PAGE, GOOD)).status == 403


async def test_a_large_preview_keeps_no_file_of_another_account_waiting(
    console: Console, tmp_path: Path
) -> None:
    """While its 100,000 rows are held to the books, another district's file is posted."""
    take_catalog(console, tmp_path, SHELBYVILLE)
    ada = await console.let_in("ada", OFFICE)
    rows = [f"WALLET,T{number},S1,MEAL,,1.00" for number in range(100_000)]
    folders = console.installation.folders
    folders.create_for(SHELBYVILLE)
    (folders.incoming(SHELBYVILLE) / "student_billing.csv").write_bytes(GOOD)
    way = await previewed(ada, charges(*rows))
    asked = asyncio.create_task(read_preview(ada, way))
    await asyncio.wait_for(asyncio.to_thread(process, console, SHELBYVILLE), PATIENCE)
    with console.database.reading() as connection:
        [upload] = list_uploads(connection, SHELBYVILLE, status="processed", limit=9)
    assert upload.account == SHELBYVILLE
    assert numbers((await asked).text)[:5] == [100_000, 0, 0, 0, 100_000]


async def test_after_the_catalog_was_mended_a_preview_is_tried_again(
    console: Console, tmp_path: Path
) -> None:
    """The file itself was right: nobody sends it twice."""
    ada = await console.let_in("ada", OFFICE)
    way = await previewed(ada, GOOD)
    assert numbers((await read_preview(ada, way)).text)[:5] == [2, 0, 0, 0, 2]
    take_catalog(console, tmp_path)
    assert numbers((await read_preview(ada, way)).text)[:5] == [2, 0, 0, 0, 2]
    assert (await ada.post(deed(way, "check"))).way == way
    assert numbers((await read_preview(ada, way)).text)[:5] == [2, 2, 0, 0, 0]
