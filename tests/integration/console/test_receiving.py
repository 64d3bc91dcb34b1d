"""Files that come by HTTP: whole and on disk, or not at all; the same as by SFTP."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingestd.access.accounts import Account
from ingestd.service.files.receiving import AT_ONCE_MAX, NotReceivedError, Origin
from ingestd.sftp.uploads.staged_upload import sweep_staging
from ingestd.spool.arrivals import list_interrupted, list_notes
from ingestd.spool.queue import list_uploads
from tests.integration.console.conftest import SPRINGFIELD, Console
from tests.integration.console.pipeline import process
from tests.integration.http.peers import PATIENCE

ADA = Origin(source="api", by="ada", peer="192.0.2.7", client="curl/8")
NAME = "student_billing_x.csv"


def account_of(console: Console) -> Account:
    return console.keeper.current.accounts[SPRINGFIELD]


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def cut(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
    raise ConnectionResetError


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def test_a_file_is_queued_under_the_id_that_was_answered(either: Console) -> None:
    """With its door, its sender and the bytes that were sent, as the queue and the log tell."""
    receiver = either.surroundings.receiver
    content = b"charge_tracking_id\n" * 9000
    with capture_logs() as lines:
        received = await receiver.receive(
            account_of(either), NAME, pieces(content[:70_000], b"", content[70_000:]), origin=ADA
        )
    assert received.sha256 == hashlib.sha256(content).hexdigest()
    assert received.size_bytes == len(content)
    started, told = lines
    assert (started["event"], told["event"]) == ("upload_started", "upload_received")
    assert (told["user"], told["peer"], told["source"]) == ("ada", "192.0.2.7", "api")
    await asyncio.to_thread(process, either)
    with either.database.reading() as connection:
        [upload] = list_uploads(connection, SPRINGFIELD, status=None, limit=9)
    assert upload.upload_id == received.upload_id
    assert (upload.source, upload.sent_by, upload.peer) == ("api", "ada", "192.0.2.7")
    assert (upload.sha256, upload.client_version) == (received.sha256, "curl/8")
    assert upload.status == "rejected"


async def test_a_stream_that_is_cut_leaves_nothing_but_a_receipt(console: Console) -> None:
    """Its sender sends it again; nobody continues it, and no client of SFTP sees it."""
    receiver, folders = console.surroundings.receiver, console.installation.folders
    with capture_logs() as lines, pytest.raises(ConnectionResetError):
        await receiver.receive(account_of(console), NAME, cut(b"a,b\n", b"1,"), origin=ADA)
    assert [line["event"] for line in lines] == ["upload_started", "upload_interrupted"]
    [note] = list_interrupted(folders, SPRINGFIELD)
    assert (note.loss, note.size_bytes, note.sent_by) == ("connection_lost", 6, "ada")
    assert files_below(folders.work) == []
    assert files_below(folders.incoming(SPRINGFIELD)) == []


async def test_a_file_of_the_same_name_replaces_none_that_was_acknowledged(
    console: Console,
) -> None:
    """Whichever came first, and however many come at once."""
    receiver = console.surroundings.receiver
    answers = await asyncio.gather(
        *(
            receiver.receive(account_of(console), NAME, pieces(b"%d" % number), origin=ADA)
            for number in range(8)
        )
    )
    await asyncio.to_thread(process, console)
    with console.database.reading() as connection:
        uploads = list_uploads(connection, SPRINGFIELD, status="rejected", limit=20)
    assert {upload.upload_id for upload in uploads} == {answer.upload_id for answer in answers}
    assert {upload.sha256 for upload in uploads} == {answer.sha256 for answer in answers}


@pytest.mark.parametrize(
    "name",
    [
        "../student_billing.csv",
        "/etc/student_billing.csv",
        "student_billing\0.csv",
        "student_billing\n.csv",
        "student_billing\ud800.csv",
        f"student_billing_{'x' * 300}.csv",
        "",
        "..",
        ".student_billing.csv",
        "student_billing.csv.part",
        "grades.csv",
        "products.csv",
    ],
)
async def test_a_name_that_no_file_can_have_or_that_is_none_of_ours_is_refused(
    console: Console, name: str
) -> None:
    """Before a byte is read: nothing would be done with it but to set it aside."""
    receiver, folders = console.surroundings.receiver, console.installation.folders
    with pytest.raises(NotReceivedError) as told:
        await receiver.receive(account_of(console), name, cut(), origin=ADA)
    assert told.value.status == 422
    assert files_below(folders.work) == files_below(folders.spool) == []


async def test_what_is_too_large_is_refused_when_it_is_told_and_when_it_is_counted(
    console: Console,
) -> None:
    """A receipt says what to do; nothing of it is kept."""
    receiver, folders = console.surroundings.receiver, console.installation.folders
    receiver.uploads._limits = replace(receiver.limits, max_upload_bytes=10)
    for size_bytes, chunks in ((11, cut()), (None, pieces(b"12345678", b"901"))):
        with pytest.raises(NotReceivedError) as told:
            await receiver.receive(
                account_of(console), NAME, chunks, origin=ADA, size_bytes=size_bytes
            )
        assert (told.value.reason, told.value.status) == ("too_large", 413)
    assert files_below(folders.work) == []
    assert [note.loss for note in list_notes(folders, SPRINGFIELD)] == ["too_large"]


async def test_a_size_that_was_announced_and_did_not_come_is_no_file(console: Console) -> None:
    """Whoever stops in the middle and closes well is answered that it is not whole."""
    receiver = console.surroundings.receiver
    with pytest.raises(NotReceivedError) as told:
        await receiver.receive(account_of(console), NAME, pieces(b"half"), origin=ADA, size_bytes=8)
    assert told.value.reason == "size_mismatch"


async def test_an_account_that_is_taken_out_meanwhile_sends_nothing(console: Console) -> None:
    """Revocation wins, however far a file has come."""
    receiver, folders = console.surroundings.receiver, console.installation.folders
    account, access = account_of(console), console.keeper.current

    async def until_taken_out() -> AsyncIterator[bytes]:
        yield b"charge_tracking_id\n"
        console.keeper.replace(replace(access, accounts={}))

    with pytest.raises(NotReceivedError) as told:
        await receiver.receive(account, NAME, until_taken_out(), origin=ADA)
    assert told.value.status == 403
    assert files_below(folders.incoming(SPRINGFIELD)) == []


async def test_who_sends_many_files_slowly_keeps_others_out_of_no_account_but_its_own(
    console: Console,
) -> None:
    """Each file that is on its way holds a connection."""
    receiver, folders = console.surroundings.receiver, console.installation.folders
    begun, go_on = asyncio.Semaphore(0), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        begun.release()
        await go_on.wait()

    slow = [
        asyncio.create_task(receiver.receive(account_of(console), NAME, slowly(), origin=ADA))
        for _ in range(AT_ONCE_MAX)
    ]
    for _ in slow:
        await asyncio.wait_for(begun.acquire(), PATIENCE)
    with pytest.raises(NotReceivedError) as told:
        await receiver.receive(account_of(console), NAME, pieces(b"y"), origin=ADA)
    assert told.value.reason == "too_many_at_once"
    go_on.set()
    assert len({answer.upload_id for answer in await asyncio.gather(*slow)}) == AT_ONCE_MAX
    await receiver.receive(account_of(console), NAME, pieces(b"y"), origin=ADA)
    assert sweep_staging(folders) == 0
