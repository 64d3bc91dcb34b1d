"""What becomes of a file that is sent again, or continued, after an upload that broke off.

A client that resumes compares sizes and no more: after a new export it would put the tail of one
version behind the head of another, and every row of the mix would be good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import String

from ingestd.spool.claimed import take
from tests.integration.sftp import programs

School = Any  # the fixture of conftest.py, which cannot be imported
Resume = Callable[[School, Path, str], Awaitable[tuple[int, str]]]

ACCOUNT = "SPRINGFIELD"
NAME = "student_billing.csv"
PART = f"{NAME}.part"
INCOMING = f"/{ACCOUNT}/incoming"
OK, FAILURE = 0, 4
WRITE_ONLY, WRITE_CREATE, APPEND = 0x02, 0x0A, 0x0E
OLD = b"key,amount\n" + b"".join(b"T%05d,18.50\n" % number for number in range(5_000))
NEW = b"key,amount\n" + b"".join(b"T%05d,5.00\n" % number for number in range(9_000))
HEAD = 30_001  # bytes of the old version that arrived: the cut is inside a row


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """The file that a job sends: it was exported anew since the first try."""
    path = tmp_path / NAME
    path.write_bytes(NEW)
    return path


@pytest.fixture
def resuming(school: School) -> School:
    """A door at which the account's uploads may be continued."""
    set_resume(school, resume=True)
    return school


def set_resume(school: School, *, resume: bool) -> None:
    accounts = dict(school.keeper.current.accounts)
    account = accounts[ACCOUNT]
    accounts[ACCOUNT] = replace(account, policy=replace(account.policy, resume=resume))
    school.change_access(accounts=accounts)


def partial(school: School, name: str = NAME) -> Path:
    path: Path = school.folders.partials(ACCOUNT) / name
    return path


def claim(school: School, name: str = NAME) -> None:
    assert take(school.folders, school.notes()[-1].account, name)


async def interrupt(school: School, content: bytes, name: str = NAME) -> None:
    """Send the beginning of a file, then lose the connection."""
    before = len(school.events("upload_interrupted"))
    raw = await school.raw()
    await raw.write(await raw.open(name), 0, content)
    raw.connection.abort()
    await school.until(lambda: len(school.events("upload_interrupted")) > before, "the drop")


async def put(school: School, content: bytes, name: str = NAME) -> None:
    """Send a file and close it, whole or not: Ctrl-C in `sftp` closes what it has sent."""
    raw = await school.raw()
    handle = await raw.open(name)
    await raw.write(handle, 0, content)
    assert (await raw.close(handle))[0] == OK


def published(school: School) -> list[bytes]:
    """Return every file that was published: what waits, and what was claimed."""
    claimed = school.folders.claimed(ACCOUNT)
    paths = [path for folder in claimed.iterdir() for path in folder.glob("[!.]*")]
    return [path.read_bytes() for path in [*paths, *school.incoming.iterdir()]]


# Every way in which something of an older version can stand under the name.


async def broke_off(school: School, name: str) -> None:
    await interrupt(school, OLD[:HEAD], name)


async def was_closed_half_way(school: School, name: str) -> None:
    await put(school, OLD[:HEAD], name)


async def waits(school: School, name: str) -> None:
    await put(school, OLD, name)


async def was_claimed(school: School, name: str) -> None:
    await put(school, OLD, name)
    claim(school, name)


async def was_claimed_then_broke_off(school: School, name: str) -> None:
    await was_claimed(school, name)
    await interrupt(school, OLD[:HEAD], name)


STATES = [broke_off, was_closed_half_way, waits, was_claimed, was_claimed_then_broke_off]


async def sftp_reput(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.sftp(school, f"reput {path} {target}")


async def sftp_put_a(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.sftp(school, f"put -a {path} {target}")


async def curl_continue(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.curl(school, target, "-C", "-", "-T", str(path))


async def curl_append(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.curl(school, target, "--append", "-T", str(path))


async def lftp_put_c(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.lftp(school, f"put -c {path} -o {target}")


async def psftp_reput(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.psftp(school, f"reput {path} {target}")


CLIENTS = [sftp_reput, sftp_put_a, curl_continue, curl_append, lftp_put_c, psftp_reput]


@pytest.mark.parametrize("name", [NAME, PART])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("resume", CLIENTS)
async def test_no_client_splices_two_versions(
    school: School,
    export: Path,
    resume: Resume,
    state: Callable[[School, str], Awaitable[None]],
    name: str,
) -> None:
    """Whatever is published is what one client sent in one go; a tail alone is never published."""
    await state(school, name)
    code, output = await resume(school, export, f"{INCOMING}/{name}")
    received = published(school)
    assert set(received) <= {OLD, OLD[:HEAD], NEW}
    assert received.count(NEW) <= 1
    if code == 0:
        assert NEW in received, output


@pytest.mark.parametrize("resume", [sftp_reput, psftp_reput])
async def test_after_a_drop_reput_stops(school: School, export: Path, resume: Resume) -> None:
    """It continues what is there, or nothing: the job hears so, and has to `put`."""
    await interrupt(school, OLD[:HEAD])
    code, output = await resume(school, export, f"{INCOMING}/{NAME}")
    assert code != 0
    assert "no such file" in output.lower()
    assert published(school) == []


@pytest.mark.parametrize("resume", [curl_continue, lftp_put_c])
async def test_after_a_drop_other_clients_send_the_whole_file(
    school: School, export: Path, resume: Resume
) -> None:
    """What arrived is not seen, so that there is nothing to continue."""
    await interrupt(school, OLD[:HEAD])
    code, output = await resume(school, export, f"{INCOMING}/{NAME}")
    assert code == 0, output
    assert published(school) == [NEW]


async def test_a_retry_that_fails_once_starts_from_the_beginning(
    school: School, export: Path
) -> None:
    """A job that always continues gets through: what it broke off is not in its way."""
    await was_claimed(school, NAME)
    code, output = await curl_continue(school, export, f"{INCOMING}/{NAME}")
    assert code != 0, output
    code, output = await curl_continue(school, export, f"{INCOMING}/{NAME}")
    assert code == 0, output
    assert NEW in published(school)


async def test_what_arrived_is_kept_aside_and_not_seen(school: School) -> None:
    """No client can come to continue what it cannot see; an operator still has the bytes."""
    await interrupt(school, OLD[:HEAD])
    assert partial(school).read_bytes() == OLD[:HEAD]
    client = await school.sftp()
    assert not await client.exists(f"{INCOMING}/{NAME}")
    assert await client.listdir(INCOMING) == [".", ".."]
    for mode in ("rb", "r+b"):
        with pytest.raises(asyncssh.SFTPNoSuchFile):
            await client.open(f"{INCOMING}/{NAME}", mode)
    with pytest.raises(asyncssh.SFTPFailure, match="whole"):
        await client.rename(f"{INCOMING}/{NAME}", f"{INCOMING}/student_billing_2.csv")


async def test_what_arrived_can_be_removed_by_who_knows_of_it(school: School) -> None:
    """A cancel is often CLOSE, then REMOVE: an error would be one too many."""
    await interrupt(school, OLD[:HEAD])
    client = await school.sftp()
    await client.remove(f"{INCOMING}/{NAME}")
    assert not partial(school).exists()
    with pytest.raises(asyncssh.SFTPNoSuchFile):
        await client.remove(f"{INCOMING}/{NAME}")


@pytest.mark.parametrize("flags", [WRITE_CREATE, APPEND])
async def test_a_tail_behind_what_is_not_seen_fails_the_close(school: School, flags: int) -> None:
    """A client that remembers how far it came hears that it has to start again."""
    await interrupt(school, OLD[:HEAD])
    raw = await school.raw()
    handle = await raw.open(NAME, flags)
    assert (await raw.write(handle, HEAD, NEW[HEAD:]))[0] == OK
    code, message = await raw.close(handle)
    assert (code, "from the start" in message) == (FAILURE, True)
    assert published(school) == []
    assert partial(school).read_bytes() == OLD[:HEAD]


@pytest.mark.parametrize("claimed", [False, True])
@pytest.mark.parametrize(("flags", "offset"), [(WRITE_ONLY, len(OLD)), (APPEND, 0)])
async def test_a_tail_behind_a_received_file_fails(
    school: School, flags: int, offset: int, claimed: bool
) -> None:
    """A header-less payment file would be taken for a file of its own."""
    await put(school, OLD)
    if claimed:
        claim(school)
    raw = await school.raw()
    handle = await raw.open(NAME, flags)
    # At once: curl does not look at how CLOSE is answered.
    for code, message in (await raw.write(handle, offset, NEW), await raw.close(handle)):
        assert code == FAILURE
        assert "not continued" in message
    assert published(school) == [OLD]
    assert not partial(school).exists()
    assert school.events("upload_interrupted")[0]["reason"] == "not_continued"


async def test_a_waiting_file_may_still_be_written_over_from_the_start(school: School) -> None:
    """What `scp` does: it truncates nothing, and sends all."""
    await put(school, OLD)
    raw = await school.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    await raw.write(handle, 0, NEW)
    await raw.set_size(handle, len(NEW))
    assert (await raw.close(handle))[0] == OK
    assert sorted(published(school)) == sorted([OLD, NEW])


# With `resume = true`


async def test_a_partial_is_seen_read_and_resumed_under_its_name(resuming: School) -> None:
    """`reput`: the client looks at the size, appends the rest, and the file is whole."""
    await interrupt(resuming, OLD[:HEAD])
    client = await resuming.sftp()
    assert (await client.stat(f"{INCOMING}/{NAME}")).size == HEAD
    assert NAME in await client.listdir(INCOMING)
    async with client.open(f"{INCOMING}/{NAME}", "rb") as file:
        assert await file.read() == OLD[:HEAD]
    raw = await resuming.raw()
    handle = await raw.open(NAME, APPEND)
    await raw.write(handle, HEAD, OLD[HEAD:])
    assert (await raw.close(handle))[0] == OK
    assert published(resuming) == [OLD]
    [note] = [note for note in resuming.notes() if note.whole]
    assert note.sha256 == hashlib.sha256(OLD).hexdigest()
    assert not partial(resuming).exists()


@pytest.mark.parametrize("resume", [sftp_reput, curl_continue, lftp_put_c, psftp_reput])
async def test_clients_send_only_the_rest(resuming: School, export: Path, resume: Resume) -> None:
    """On a bad line a large file arrives in pieces."""
    await interrupt(resuming, NEW[:HEAD])
    partial(resuming).write_bytes(b"!" * HEAD)
    code, output = await resume(resuming, export, f"{INCOMING}/{NAME}")
    assert code == 0, output
    assert published(resuming) == [b"!" * HEAD + NEW[HEAD:]]


async def test_a_resume_without_append_starts_at_the_end(resuming: School) -> None:
    """FileZilla resumes with WRITE only, at the offset that it saw."""
    await put(resuming, OLD[:HEAD], PART)
    raw = await resuming.raw()
    handle = await raw.open(PART, WRITE_ONLY)
    await raw.write(handle, HEAD, OLD[HEAD:])
    assert (await raw.close(handle))[0] == OK
    assert published(resuming) == [OLD]


async def test_a_resume_that_is_cut_off_again_keeps_all_that_arrived(resuming: School) -> None:
    """The third try starts where the second one ended."""
    await interrupt(resuming, OLD[:HEAD])
    raw = await resuming.raw()
    handle = await raw.open(NAME, APPEND)
    await raw.write(handle, HEAD, OLD[HEAD : 2 * HEAD])
    raw.connection.abort()
    await resuming.until(lambda: len(resuming.events("upload_interrupted")) == 2, "the drop")
    assert partial(resuming).read_bytes() == OLD[: 2 * HEAD]


async def test_a_partial_that_is_opened_and_closed_is_still_not_whole(resuming: School) -> None:
    """A resume that has nothing to add cannot know that nothing was missing."""
    await interrupt(resuming, OLD)
    raw = await resuming.raw()
    handle = await raw.open(NAME, APPEND)
    assert (await raw.close(handle))[0] == FAILURE
    assert partial(resuming).read_bytes() == OLD


async def test_the_policy_counts_when_a_file_is_opened(school: School) -> None:
    """An account for which resuming was switched off is safe from then on."""
    await interrupt(school, OLD[:HEAD])
    set_resume(school, resume=True)
    client = await school.sftp()
    assert await client.exists(f"{INCOMING}/{NAME}")
    set_resume(school, resume=False)
    assert not await client.exists(f"{INCOMING}/{NAME}")
    raw = await school.raw()
    answer = await raw.ask(3, String(f"{INCOMING}/{NAME}".encode()), b"\0\0\0\x02", b"\0\0\0\0")
    assert answer[0] != 102
