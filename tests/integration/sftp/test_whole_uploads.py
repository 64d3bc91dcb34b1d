"""What makes an upload whole, and what a client hears when it is not."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import String, UInt32, UInt64

from ingestd.sftp.bounds.limits import DoorLimits

School = Any  # the fixture of conftest.py, which cannot be imported

NAME = "student_billing.csv"
PATH = f"/SPRINGFIELD/incoming/{NAME}"
OK, FAILURE = 0, 4
WRITE_CREATE, APPEND = 0x0A, 0x0E
OLD = b"old " * 1000
NEW = b"new " * 500


@pytest.fixture
def file_size_limit() -> Iterator[int]:
    """The kernel writes no byte beyond this offset of any file: a disk that fills up."""
    limit_bytes = 100_000
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    yield limit_bytes
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def put(school: School, content: bytes, name: str = NAME) -> None:
    client = await school.sftp()
    async with client.open(f"/SPRINGFIELD/incoming/{name}", "wb") as file:
        await file.write(content)


async def test_a_hole_fails_the_close_and_keeps_what_precedes_it(school: School) -> None:
    """A client that lost a packet hears so; what came before the hole is kept aside."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, b"head")
    await raw.write(handle, 10, b"tail")
    code, message = await raw.close(handle)
    assert code == FAILURE
    assert "missing" in message
    assert not (school.incoming / NAME).exists()
    assert (school.folders.partials("SPRINGFIELD") / NAME).read_bytes() == b"head"
    assert school.events("upload_interrupted")[0]["reason"] == "hole"


async def test_pieces_in_any_order_without_a_hole_are_whole(school: School) -> None:
    """Clients may write in parallel; the hash is that of the file, not of the order."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    for offset in (4, 8, 0):
        await raw.write(handle, offset, b"%04d" % offset)
    assert (await raw.close(handle))[0] == OK
    content = b"000000040008"
    assert (school.incoming / NAME).read_bytes() == content
    assert school.notes()[0].sha256 == hashlib.sha256(content).hexdigest()


async def test_fewer_bytes_than_announced_fail_the_close(school: School) -> None:
    """WinSCP says at OPEN how large the file is: a cut-off one is found out."""
    raw = await school.raw()
    handle = await raw.open(NAME, announced_bytes=100)
    await raw.write(handle, 0, b"x" * 99)
    assert (await raw.close(handle))[0] == FAILURE
    assert school.events("upload_interrupted")[0]["reason"] == "size_mismatch"
    handle = await raw.open(NAME, announced_bytes=100)
    await raw.write(handle, 0, b"x" * 100)
    assert (await raw.close(handle))[0] == OK


async def test_a_short_write_fails_and_poisons_the_handle(
    school: School, file_size_limit: int
) -> None:
    """A write of which only a part fits is an error at once, and stays one until CLOSE."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    block = b"x" * 30_000
    for number in range(3):
        assert (await raw.write(handle, number * len(block), block))[0] == OK
    code, message = await raw.write(handle, 90_000, block)
    assert (code, message) == (FAILURE, "no space")
    assert (await raw.write(handle, 0, b"x"))[0] == FAILURE
    assert await raw.close(handle) == (FAILURE, "no space")
    assert school.events("upload_refused")[0]["reason"] == "no_space"
    assert school.staged() == []
    assert not (school.incoming / NAME).exists()


async def test_the_bytes_and_their_hash_are_published_exactly(school: School) -> None:
    """Four mebibytes and more go through the background hash; it must be that of the file."""
    content = os.urandom(20 * 1024 * 1024 + 17)
    await put(school, content)
    assert (school.incoming / NAME).read_bytes() == content
    [note] = school.notes()
    received = school.events("upload_received")[0]
    assert note.sha256 == received["sha256"] == hashlib.sha256(content).hexdigest()
    assert received["size_bytes"] == len(content)
    assert (school.incoming / NAME).stat().st_mode & 0o777 == 0o640
    assert (school.incoming / NAME).stat().st_ino == note.inode


async def test_a_rewritten_byte_is_in_the_hash(school: School) -> None:
    """Clients may go back and correct what was hashed long before."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    block = bytes(200 * 1024)
    blocks = 30
    for number in range(blocks):
        await raw.write(handle, number * len(block), block)
    await raw.write(handle, 5, b"!")
    assert (await raw.close(handle))[0] == OK
    content = bytes(5) + b"!" + bytes(blocks * len(block) - 6)
    assert school.notes()[0].sha256 == hashlib.sha256(content).hexdigest()


async def test_truncation_cuts_what_was_written(school: School) -> None:
    """A scp sets the size at the end; what lies behind it is not part of the file."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, b"keep and drop")
    assert (await raw.set_size(handle, 4))[0] == OK
    assert (await raw.close(handle))[0] == OK
    assert (school.incoming / NAME).read_bytes() == b"keep"


async def test_a_size_that_was_set_but_not_written_is_a_hole(school: School) -> None:
    """A client that reserves space and dies has not sent zeros; it has sent nothing."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.set_size(handle, 100)
    await raw.write(handle, 0, b"x" * 50)
    assert (await raw.close(handle))[0] == FAILURE


async def test_an_upload_over_the_limit_is_refused_and_removed(open_door: Any) -> None:
    """One client cannot fill the disk; it hears at OPEN if it announces, else at the WRITE."""
    school = await open_door(limits=DoorLimits(max_upload_bytes=1000, disk_reserve_bytes=0))
    raw = await school.raw()
    path = String(PATH.encode())
    code, message = await raw.status(3, path, UInt32(0x1A), UInt32(1) + UInt64(1001))
    assert (code, message) == (FAILURE, "too large")
    handle = await raw.open(NAME)
    assert await raw.write(handle, 0, b"x" * 1001) == (FAILURE, "too large")
    assert await raw.close(handle) == (FAILURE, "too large")
    assert [event["reason"] for event in school.events("upload_refused")] == ["too_large"] * 2
    assert school.staged() == []
    (note,) = school.notes()  # of the one of which something came
    assert (note.whole, note.loss) == (False, "too_large")


async def test_a_full_disk_refuses_at_open(open_door: Any) -> None:
    """SSH.NET and others look at the answers to OPEN and CLOSE only: say it there."""
    school = await open_door(limits=DoorLimits(disk_reserve_bytes=2**60))
    client = await school.sftp()
    with pytest.raises(asyncssh.SFTPFailure, match="no space"):
        await client.open(PATH, "wb")
    assert school.events("upload_refused")[0]["reason"] == "no_space"


async def test_a_waiting_file_is_not_touched_by_an_upload_that_is_cut_off(school: School) -> None:
    """A scp writes over an existing file in place: a drop would mix a new head and an old tail."""
    await put(school, OLD)
    raw = await school.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    await raw.write(handle, 0, NEW)
    raw.connection.abort()
    await school.until_event("upload_interrupted")
    assert (school.incoming / NAME).read_bytes() == OLD


async def test_a_new_head_on_an_old_tail_is_not_whole(school: School) -> None:
    """The same mix, closed properly: the client is told, and the old file stays."""
    await put(school, OLD)
    raw = await school.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    await raw.write(handle, 0, NEW)
    assert (await raw.close(handle))[0] == FAILURE
    assert (school.incoming / NAME).read_bytes() == OLD


async def test_a_shorter_file_with_its_size_set_replaces_a_longer_one(school: School) -> None:
    """What scp does over an older longer file: the result is the new file, and only that."""
    await put(school, OLD)
    raw = await school.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    await raw.write(handle, 0, NEW)
    await raw.set_size(handle, len(NEW))
    assert (await raw.close(handle))[0] == OK
    assert (school.incoming / NAME).read_bytes() == NEW


async def test_a_waiting_file_that_is_replaced_is_claimed_not_lost(school: School) -> None:
    """Both uploads were acknowledged, so both will be processed."""
    await put(school, OLD)
    await put(school, NEW)
    [claimed] = list(school.folders.claimed("SPRINGFIELD").iterdir())
    assert (claimed / NAME).read_bytes() == OLD
    assert (school.incoming / NAME).read_bytes() == NEW


async def test_two_uploads_of_one_name_at_once_are_two_uploads(school: School) -> None:
    """Two people send the same name: neither file is mixed with the other, none is lost."""
    first, second = await school.raw(), await school.raw()
    handles = [await client.open(NAME) for client in (first, second)]
    await first.write(handles[0], 0, OLD)
    await second.write(handles[1], 0, NEW)
    assert (await first.close(handles[0]))[0] == OK
    assert (await second.close(handles[1]))[0] == OK
    [claimed] = list(school.folders.claimed("SPRINGFIELD").iterdir())
    assert (claimed / NAME).read_bytes() == OLD
    assert (school.incoming / NAME).read_bytes() == NEW


async def test_many_closes_of_one_name_at_the_same_moment_lose_none(school: School) -> None:
    """Every OK is a promise, also when a dozen answers are given within a millisecond."""
    clients = [await school.raw() for _ in range(6)]
    handles = [await client.open(NAME) for client in clients]
    for number, (client, handle) in enumerate(zip(clients, handles, strict=True)):
        await client.write(handle, 0, b"%d" % number)
    for client, handle in zip(clients, handles, strict=True):
        client.send(4, String(handle))
    await school.until(lambda: len(school.events("upload_received")) == 6, "six uploads")
    claimed = [path / NAME for path in school.folders.claimed("SPRINGFIELD").iterdir()]
    contents = {path.read_bytes() for path in [*claimed, school.incoming / NAME]}
    assert contents == {b"%d" % number for number in range(6)}


async def test_a_tail_for_a_file_that_is_gone_is_not_a_file(school: School) -> None:
    """The file was claimed between the client's look and its append: a tail is no file."""
    raw = await school.raw()
    handle = await raw.open(NAME, APPEND)
    await raw.write(handle, len(OLD), NEW)
    assert (await raw.close(handle))[0] == FAILURE
    assert not (school.incoming / NAME).exists()


async def test_a_waiting_file_that_is_opened_and_closed_is_untouched(school: School) -> None:
    """`touch` over sshfs publishes no empty file in a full one's place."""
    await put(school, OLD)
    raw = await school.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    assert (await raw.close(handle))[0] == OK
    assert (school.incoming / NAME).read_bytes() == OLD
    assert len(school.events("upload_received")) == 1


async def test_trailing_bytes_of_a_write_are_tolerated(school: School) -> None:
    """An old rclone 1.60 of Debian 12 sends some behind its last WRITE."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    code, _ = await raw.status(6, String(handle), UInt64(0), String(b"rows"), b"\0\0\0\0")
    assert code == OK
    assert (await raw.close(handle))[0] == OK
    assert (school.incoming / NAME).read_bytes() == b"rows"


async def test_an_empty_file_is_an_upload_too(school: School) -> None:
    """An empty export is a fact that its school wants to hear about."""
    await put(school, b"")
    assert (school.incoming / NAME).read_bytes() == b""
    assert school.notes()[0].sha256 == hashlib.sha256(b"").hexdigest()


async def test_another_account_sees_no_partial(school: School) -> None:
    """What one district sent by halves is nobody else's business."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, OLD)
    raw.connection.abort()
    await school.until_event("upload_interrupted")
    key = next(key for account, key in school.keys.items() if account == "SHELBYVILLE")
    other = await school.sftp(account="SHELBYVILLE", key=key)
    assert await other.listdir("/SHELBYVILLE/incoming") == [".", ".."]
    for path in (PATH, "/SPRINGFIELD", "/SPRINGFIELD/incoming"):
        assert not await other.exists(path)


async def test_what_a_crash_left_in_staging_is_gone_after_a_start(open_door: Any) -> None:
    """Nobody was told OK about those bytes, and they have no name."""
    school = await open_door()
    (school.folders.staging("SPRINGFIELD") / "01K00000000000000000000000").write_bytes(b"x")
    await open_door()
    assert school.staged() == []


async def test_a_folder_that_cannot_be_synced_publishes_nothing(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that was told of a failure sends again at once, and the file is there once."""
    incoming = school.incoming.stat().st_ino
    sync = os.fsync
    failures = [OSError(errno.EIO, "a broken disk")]

    def fsync(descriptor: int) -> None:
        if failures and os.fstat(descriptor).st_ino == incoming:
            raise failures.pop()
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(asyncssh.SFTPFailure):
        await put(school, b"first")
    assert os.listdir(school.incoming) == school.staged() == []
    # The account gets a receipt that says so.
    assert [(note.whole, note.loss) for note in school.notes()] == [(False, "publish_failed")]
    await put(school, b"second")
    assert (school.incoming / NAME).read_bytes() == b"second"
    assert [note.whole for note in school.notes()] == [False, True]
    assert open_below(school.folders.data_dir) == []


def open_below(folder: Path) -> list[Path]:
    """Return the files below a folder that this process holds open."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [path for link in links if (path := link.readlink()).is_relative_to(folder)]
