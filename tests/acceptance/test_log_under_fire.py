"""Floods of connections that are reset: the log stays one of named lines, each short and JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

import asyncssh
from asyncssh.packet import Byte, String, UInt32, UInt64

from ingestd.telemetry.events import Event

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

EVENTS = {event.value for event in Event}
LINE_BYTES_MAX = 16_000
ROUNDS = 12
READS = 300


def reset(sock: socket.socket) -> None:
    """Close as a crash or a firewall does: whatever was on its way is thrown away."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def strike(port: int, content: bytes, *, listen: bool) -> None:
    """Connect, say something, hear something or not, and be gone."""
    with contextlib.suppress(OSError):
        sock = socket.create_connection(("127.0.0.1", port), 10)
        sock.sendall(content)
        if listen:
            sock.recv(100)
        reset(sock)


async def ask_and_be_gone(school: School, path: str) -> None:
    """Log in, ask for a hundred megabytes, and reset the connection while they come."""
    connection: Any = await asyncssh.connect(
        "127.0.0.1",
        school.sftp_port,
        username=school.account,
        client_keys=[str(school.key)],
        known_hosts=None,
        config=None,
        agent_path=None,
    )
    writer, reader, _ = await connection.open_session(
        subsystem="sftp", encoding=None, window=2**31 - 1
    )

    def say(payload: bytes) -> None:
        writer.write(UInt32(len(payload)) + payload)

    say(Byte(1) + UInt32(3))
    say(Byte(3) + UInt32(1) + String(path.encode()) + UInt32(1) + UInt32(0))
    for number in range(READS):
        # The first handle of a channel is number 0.
        say(Byte(5) + UInt32(number) + String(bytes(4)) + UInt64(0) + UInt32(256 * 1024))
    await reader.readexactly(100_000)
    sock = connection.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()
    await connection.wait_closed()


async def test_every_line_of_the_log_is_an_event_of_ours(school: School) -> None:
    """Whoever watches it by name sees everything, and no flood fills the disk with texts."""
    seed = int(os.environ.get("INGESTD_TEST_SEED", random.randrange(2**32)))
    sys.stdout.write(f"INGESTD_TEST_SEED={seed}\n")  # shown when it fails
    chance = random.Random(seed)
    school.set(sftp__ban_after_failures=1000)
    school.start()
    (school.incoming / "x.part").write_bytes(os.urandom(256 * 1024))
    path = f"/{school.account}/incoming/x.part"
    words = [b"", b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 5000, b"SSH-2.0-x\r\n\xff"]
    for _ in range(ROUNDS):
        await asyncio.gather(*(ask_and_be_gone(school, path) for _ in range(3)))
        for port in (school.sftp_port, school.http_port):
            content = chance.choice([*words, chance.randbytes(300)])
            listen = chance.random() < 0.5 and port == school.sftp_port
            await asyncio.to_thread(strike, port, content, listen=listen)
    school.upload(school.write("student_billing_after.csv", "LIABILITY,A-1,00042,LATE_FEE,,5.00,"))
    assert school.wait_until_receipt("student_billing_after.csv")["status"] == "processed"
    assert school.stop() == 0
    lines = school.log.path.read_bytes().splitlines()
    events = [json.loads(line) for line in lines]
    assert {line["event"] for line in events} <= EVENTS
    assert max(map(len, lines)) < LINE_BYTES_MAX
    told = [line for line in events if line["event"] in {"library_reported", "error_escaped"}]
    assert told == []
