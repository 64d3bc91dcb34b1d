"""Packets that no client sends: the session may end, the door and the disk must not care."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import Byte, String, UInt32, UInt64

School = Any  # the fixture of conftest.py, which cannot be imported

PATHS = [
    b"/SPRINGFIELD/incoming/student_billing.csv",
    b"/SPRINGFIELD/incoming/a.part",
    b"/SPRINGFIELD/receipts/r.json",
    b"/SPRINGFIELD/incoming",
    b"/../../../etc/passwd",
    b"/SPRINGFIELD/incoming/\x00",
    b"",
]
EXTENSIONS = [b"posix-rename@openssh.com", b"copy-data", b"statvfs@openssh.com", b"limits", b"\xff"]


def some_field(chance: random.Random) -> bytes:
    return chance.choice(
        [
            String(chance.choice(PATHS)),
            String(chance.randrange(4).to_bytes(4, "big")),
            String(chance.choice(EXTENSIONS)),
            UInt32(chance.choice([0, 1, 2, 8, 0x1A, 0xFFFFFFFF])),
            UInt64(chance.choice([0, 1, 4096, 2**63, 2**64 - 1])),
            Byte(chance.randrange(256)),
            chance.randbytes(chance.randrange(20)),
        ]
    )


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("seed", range(6))
async def test_nonsense_harms_nobody(school: School, seed: int) -> None:
    """What is stored lies where uploads lie, and other sessions go on."""
    chance = random.Random(seed)
    elsewhere = files_below(school.folders.host_keys)
    other = await school.sftp()
    raw = await school.raw()
    for _ in range(300):
        kind = chance.choice([*range(3, 21), 200, 200])
        raw.send(kind, *(some_field(chance) for _ in range(chance.randrange(5))))
    raw.writer.write_eof()
    await raw.writer.channel.wait_closed()
    async with other.open("/SPRINGFIELD/incoming/student_billing_after.csv", "wb") as file:
        await file.write(b"rows")
    assert (school.incoming / "student_billing_after.csv").read_bytes() == b"rows"
    assert files_below(school.folders.host_keys) == elsewhere
    assert files_below(school.folders.receipts("SPRINGFIELD")) == set()
    assert school.staged() == []


async def test_a_packet_beyond_the_limit_ends_its_channel(school: School) -> None:
    """A length field cannot make the server reserve gigabytes."""
    raw = await school.raw()
    raw.writer.write(UInt32(2**31) + b"x" * 100)
    await raw.writer.channel.wait_closed()
    client: asyncssh.SFTPClient = await raw.connection.start_sftp_client()
    assert "SPRINGFIELD" in await client.listdir("/")


async def test_folders_that_are_listed_at_once_are_limited(school: School) -> None:
    """Handles of folders cost memory too."""
    raw = await school.raw()
    answers = [(await raw.ask(11, String(b"/")))[0] for _ in range(66)]
    assert answers.count(102) == 64
    assert answers[-2:] == [101, 101]
