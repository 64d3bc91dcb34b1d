"""Files that go where none can be, or under a name that none can have: who hears what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import String, UInt32

from ingestd.sftp.requests.misplaced import LINES_A_SESSION_MAX
from tests.integration.sftp import programs

School = Any  # the fixture of conftest.py, which cannot be imported
Put = Callable[[School, Path, str], Awaitable[tuple[int, str]]]

ACCOUNT, NAME = "SPRINGFIELD", "student_billing.csv"
INCOMING = f"/{ACCOUNT}/incoming"
CONTENT = b"key,amount\nT1,5.00\n"
DENIED, FAILURE = 3, 4
WORDS = "files go to /SPRINGFIELD/incoming/"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    return path


async def sftp_put(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.sftp(school, f"put {path} {target}")


async def curl_put(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.curl(school, target, "--ftp-create-dirs", "-T", str(path))


async def lftp_put(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.lftp(school, f"put {path} -o {target}")


async def psftp_put(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.psftp(school, f"put {path} {target}")


async def rclone_put(school: School, path: Path, target: str) -> tuple[int, str]:
    return await programs.rclone(school, "copyto", str(path), f":sftp:{target}")


CLIENTS = [sftp_put, curl_put, lftp_put, psftp_put, rclone_put]
ELSEWHERE = [
    f"/{NAME}",
    f"/{ACCOUNT}/{NAME}",
    f"/upload/{NAME}",
    f"/home/{ACCOUNT}/incoming/{NAME}",
    f"{INCOMING}/2026/{NAME}",
    f"/{ACCOUNT}/receipts/{NAME}",
    f"/SHELBYVILLE/incoming/{NAME}",
]


@pytest.mark.parametrize("put", CLIENTS)
async def test_the_short_way_is_the_accounts_own_folder(
    school: School, local: Path, put: Put
) -> None:
    """Who is used to a server of its own says `/incoming`."""
    code, output = await put(school, local, f"/incoming/{NAME}")
    assert code == 0, output
    assert (school.incoming / NAME).read_bytes() == CONTENT


@pytest.mark.parametrize("put", CLIENTS)
@pytest.mark.parametrize("target", ELSEWHERE)
async def test_an_upload_elsewhere_fails_and_the_operator_sees_it(
    school: School, local: Path, put: Put, target: str
) -> None:
    """Most clients show "Permission denied" and no more; somebody calls, and the log has it."""
    code, output = await put(school, local, target)
    assert code != 0, output
    told = school.events("upload_misplaced")
    assert told
    assert {line["account"] for line in told} == {ACCOUNT}
    # rclone and curl make the folder first, where there is one to be made.
    assert told[-1]["request"] in {"open", "mkdir"}
    assert told[-1]["folder"].rstrip("/") in target
    assert list(school.incoming.iterdir()) == []
    assert not school.events("upload_started")


async def test_both_short_ways_can_be_listed_and_are_not_shown(school: School) -> None:
    """They are no second place: what looks around sees each file once."""
    (school.folders.receipts(ACCOUNT) / "r.json").write_bytes(b"{}")
    client = await school.sftp()
    async with client.open("incoming/a.part", "wb") as file:
        await file.write(b"a")
    await client.rename("/incoming/a.part", f"{INCOMING}/b.part")
    assert await client.listdir("/") == [".", "..", ACCOUNT]
    assert await client.listdir("/incoming") == [".", "..", "b.part"]
    assert await client.listdir("/receipts") == [".", "..", "r.json"]
    assert await client.isdir("/receipts")
    with pytest.raises(asyncssh.SFTPFailure, match="already exists"):
        await client.mkdir("/incoming")
    await client.remove("/incoming/b.part")
    assert await client.listdir(INCOMING) == [".", ".."]


async def opening(raw: Any, path: bytes) -> tuple[int, str]:
    status: tuple[int, str] = await raw.status(3, String(path), UInt32(0x1A), UInt32(0))
    return status


@pytest.mark.parametrize("kind", ["open", "mkdir", "stat", "remove"])
async def test_another_accounts_folder_looks_like_none(school: School, kind: str) -> None:
    """Who guesses names of other districts learns nothing."""
    school.folders.create_for("SHELBYVILLE")
    (school.folders.incoming("SHELBYVILLE") / NAME).write_bytes(b"theirs")
    raw = await school.raw()
    answers = []
    for account in (b"SHELBYVILLE", b"OGDENVILLE"):
        paths = [b"/" + account, b"/%b/incoming" % account, b"/%b/incoming/%b" % (account, b"a")]
        paths.append(paths[1] + b"/" + NAME.encode())
        for path in paths:
            number = {"mkdir": 14, "stat": 17, "remove": 13}.get(kind)
            attributes = UInt32(0) if kind == "mkdir" else b""
            answers.append(
                await opening(raw, path)
                if number is None
                else await raw.status(number, String(path), attributes)
            )
    assert answers[: len(answers) // 2] == answers[len(answers) // 2 :]


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        (b"/x.csv", DENIED, WORDS),
        (b"/SPRINGFIELD/x.csv", DENIED, WORDS),
        (b"/receipts/x.csv", DENIED, f"receipts are read only; {WORDS}"),
        (b"/", FAILURE, f"is a folder; {WORDS}"),
        (b"/SPRINGFIELD", FAILURE, f"is a folder; {WORDS}"),
        (b"/incoming/", FAILURE, f"is a folder; {WORDS}"),
        (b"~/incoming/x.csv", DENIED, WORDS),
        (b"/INCOMING/x.csv", DENIED, WORDS),
    ],
)
async def test_each_wrong_place_has_its_words(
    school: School, path: bytes, code: int, words: str
) -> None:
    """Clients that show what the server says (lftp, WinSCP, FileZilla) show the remedy."""
    raw = await school.raw()
    assert await opening(raw, path) == (code, words)
    [told] = school.events("upload_misplaced")
    assert told["log_level"] == "warning"
    assert told["request"] == "open"


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        (b"caf\xe9.csv", "name_not_utf8", "the file name is not in UTF-8"),
        (b"a" * 256, "name_too_long", "the file name is longer than 255 bytes"),
        ("é".encode() * 128, "name_too_long", "the file name is longer than 255 bytes"),
        (b"a\nb.csv", "name_control_character", "has a control character or a line break"),
        (b"a\x1b[2Jb.csv", "name_control_character", "has a control character"),
        ("a\u2028b.csv".encode(), "name_control_character", "has a control character"),
    ],
)
@pytest.mark.parametrize("request_name", ["open", "rename"])
async def test_a_name_that_cannot_be_taken_says_why(
    school: School, name: bytes, reason: str, words: str, request_name: str
) -> None:
    """Somebody whose export has a strange name need not guess; its log line is one line."""
    raw = await school.raw()
    path = f"{INCOMING}/".encode() + name
    if request_name == "open":
        code, message = await opening(raw, path)
    else:
        await raw.close(await raw.open("a.part"))
        code, message = await raw.status(18, String(f"{INCOMING}/a.part".encode()), String(path))
    assert (code, words in message) == (DENIED, True)
    [told] = school.events("upload_refused")
    assert (told["reason"], told["account"], told["folder"]) == (reason, ACCOUNT, INCOMING)
    assert told["filename"].isprintable()
    assert len(told["filename"]) <= 100


async def test_a_rename_to_elsewhere_is_told_and_keeps_the_file(school: School) -> None:
    """The commit of a job that was given a wrong folder; without it nothing is ever taken."""
    client = await school.sftp()
    async with client.open("/incoming/a.part", "wb") as file:
        await file.write(b"a")
    for rename in (client.rename, client.posix_rename):
        for target in ("/done/a.csv", "/receipts/a.csv", "/"):
            with pytest.raises(asyncssh.SFTPError, match=WORDS):
                await rename("/incoming/a.part", target)
    assert await client.listdir(INCOMING) == [".", "..", "a.part"]
    assert {line["request"] for line in school.events("upload_misplaced")} == {"rename"}


async def test_a_session_tells_of_its_first_tries_only(school: School) -> None:
    """A mirror of a thousand folders fills no log; the last line that is told says so."""
    raw = await school.raw()
    for number in range(LINES_A_SESSION_MAX + 5):
        await opening(raw, b"/elsewhere/%d.csv" % number)
    told = school.events("upload_misplaced")
    assert len(told) == LINES_A_SESSION_MAX
    assert [line["last_told"] for line in told] == [False] * (LINES_A_SESSION_MAX - 1) + [True]
    counted = school.metrics.registry.get_sample_value(
        "ingestd_uploads_total", {"outcome": "misplaced"}
    )
    assert counted == LINES_A_SESSION_MAX + 5
