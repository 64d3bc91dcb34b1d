"""What clients do to a file that was received, while it waits and after it was claimed.

Its bytes are safe by then, so that nothing that is said about it may sound as if they were not.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from ingestd.spool.claimed import take
from tests.integration.sftp import programs

School = Any  # the fixture of conftest.py, which cannot be imported

ACCOUNT, NAME = "SPRINGFIELD", "student_billing.csv"
TARGET = f"/{ACCOUNT}/incoming/{NAME}"
OK, FAILURE = 0, 4
WRITE_ONLY, WRITE_CREATE, APPEND = 0x02, 0x0A, 0x0E
CONTENT = b"key,amount\n" + b"".join(b"T%05d,5.00\n" % number for number in range(5_000))


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=["waits", "was claimed"])
async def received(school: School, request: pytest.FixtureRequest) -> School:
    """A door that has received a file, which waits or was claimed."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, CONTENT)
    assert (await raw.close(handle))[0] == OK
    if request.param == "was claimed":
        assert take(school.folders, school.notes()[0].account, NAME)
    return school


def check_nothing_came_of_it(school: School) -> None:
    """Fail unless the one upload is all that there ever was, and no receipt will say otherwise."""
    assert len(school.events("upload_received")) == 1
    assert not school.events("upload_interrupted")
    assert all(note.whole for note in school.notes())
    assert school.staged() == []
    assert os.listdir(school.folders.partials(ACCOUNT)) == []
    claimed = list(school.folders.claimed(ACCOUNT).glob(f"*/{NAME}"))
    waiting = list(school.incoming.iterdir())
    assert [path.read_bytes() for path in [*claimed, *waiting]] == [CONTENT]


async def lftp_put_c(school: School, local: Path) -> tuple[int, str]:
    return await programs.lftp(school, f"put -c {local} -o {TARGET}")


async def curl_continue(school: School, local: Path) -> tuple[int, str]:
    return await programs.curl(school, TARGET, "-C", "-", "-T", str(local))


@pytest.mark.parametrize("way", [lftp_put_c, curl_continue])
async def test_a_client_that_looks_after_its_file_hears_that_it_is_there(
    received: School, local: Path, way: Callable[[School, Path], Awaitable[tuple[int, str]]]
) -> None:
    """A job that continues until all is there is done, and no second upload comes of it."""
    code, output = await way(received, local)
    assert code == 0, output
    check_nothing_came_of_it(received)


async def test_sftp_reput_of_a_file_that_is_there_takes_nothing(
    received: School, local: Path
) -> None:
    """It sees the same size, says so, and ends with an error of its own."""
    await programs.sftp(received, f"reput {local} {TARGET}")
    check_nothing_came_of_it(received)


@pytest.mark.parametrize("flags", [WRITE_ONLY, WRITE_CREATE, APPEND])
@pytest.mark.parametrize("resized", [False, True])
async def test_a_file_that_is_opened_and_closed_is_left_alone(
    received: School, flags: int, resized: bool
) -> None:
    """`touch`, `utime` and `lftp put -c`: at most the size that it has is asked for."""
    raw = await received.raw()
    handle = await raw.open(NAME, flags)
    if resized:
        assert (await raw.set_size(handle, len(CONTENT)))[0] == OK
    assert (await raw.close(handle))[0] == OK
    check_nothing_came_of_it(received)


@pytest.mark.parametrize("size_bytes", [1, len(CONTENT) - 1, len(CONTENT) + 1])
async def test_another_size_is_refused_without_a_receipt(received: School, size_bytes: int) -> None:
    """The file that was received is what it was; a receipt of its name would deny that."""
    raw = await received.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    await raw.set_size(handle, size_bytes)
    code, message = await raw.close(handle)
    assert (code, "keeps its size" in message) == (FAILURE, True)
    check_nothing_came_of_it(received)
    assert received.events("upload_refused")[0]["reason"] == "not_resized"


async def test_a_file_that_is_cut_and_stretched_is_not_what_it_was(received: School) -> None:
    """The size is the same again, but what it would hold is not."""
    raw = await received.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    await raw.set_size(handle, 0)
    await raw.set_size(handle, len(CONTENT))
    assert (await raw.close(handle))[0] == FAILURE
    check_nothing_came_of_it(received)


@pytest.mark.parametrize("flags", [WRITE_ONLY, APPEND])
async def test_a_connection_that_is_lost_while_it_is_open_interrupts_nothing(
    received: School, flags: int
) -> None:
    """A laptop is closed between OPEN and CLOSE: the file arrived long before."""
    raw = await received.raw()
    await raw.open(NAME, flags)
    raw.connection.abort()
    await received.until(lambda: received.staged() == [], "the end of the session")
    await received.until_event("session_closed")
    check_nothing_came_of_it(received)


async def test_the_size_is_told_through_an_open_handle_too(received: School) -> None:
    """A client that appends asks where the end is; 0 would make a file of its tail."""
    client = await received.sftp()
    async with client.open(TARGET, "r+b") as file:
        assert (await file.stat()).size == len(CONTENT)
    check_nothing_came_of_it(received)


async def test_the_name_used_again_an_instant_later_is_an_upload_of_its_own(
    received: School,
) -> None:
    """One session looks after its file while another sends the next one."""
    looking, sending = await received.raw(), await received.raw()
    handle = await looking.open(NAME, WRITE_ONLY)
    other = await sending.open(NAME)
    await sending.write(other, 0, b"next")
    assert (await sending.close(other))[0] == OK
    await looking.set_size(handle, len(CONTENT))
    assert (await looking.close(handle))[0] == OK
    assert (received.incoming / NAME).read_bytes() == b"next"
    assert len(received.events("upload_received")) == 2
    assert not received.events("upload_interrupted")


@pytest.mark.parametrize("size_bytes", [None, 0])
async def test_an_empty_file_that_is_opened_again_stays_one_upload(
    school: School, size_bytes: int | None
) -> None:
    """Nothing is what it had, and nothing is what it is asked to have."""
    raw = await school.raw()
    assert (await raw.close(await raw.open(NAME)))[0] == OK
    assert take(school.folders, school.notes()[0].account, NAME)
    handle = await raw.open(NAME, WRITE_CREATE)
    if size_bytes is not None:
        await raw.set_size(handle, size_bytes)
    assert (await raw.close(handle))[0] == OK
    assert len(school.events("upload_received")) == 1
    assert list(school.incoming.iterdir()) == []


async def test_a_first_write_that_fails_is_told_at_the_close_too(received: School) -> None:
    """A file that could not be written is no file that was merely looked at."""
    raw = await received.raw()
    handle = await raw.open(NAME, WRITE_CREATE)
    assert (await raw.write(handle, 2**40, b"x"))[0] == FAILURE
    assert (await raw.close(handle))[0] == FAILURE
