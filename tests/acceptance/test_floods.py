"""Clients that ask for gigabytes and read nothing: the daemon stays small, others are served."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncssh
import pytest
from asyncssh.packet import Byte, SSHPacket, String, UInt32, UInt64

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

OPEN, READ, HANDLE = 3, 5, 102
ANSWER_BYTES = 256 * 1024
CONNECTIONS, CHANNELS, READS = 4, 2, 400  # 800 MB of answers
GROWTH_BYTES_MAX = 60_000_000
WINDOW_WIDE, WINDOW_NARROW = 2**31 - 1, 2**15


def memory_bytes(pid: int, what: str) -> int:
    """Return what /proc says of a process, such as VmRSS now or VmHWM at its highest."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {what}")


@contextlib.asynccontextmanager
async def connected(school: School) -> AsyncIterator[asyncssh.SSHClientConnection]:
    connection = await asyncssh.connect(
        "127.0.0.1",
        school.sftp_port,
        username=school.account,
        client_keys=[str(school.key)],
        known_hosts=None,
        config=None,
        agent_path=None,
    )
    try:
        yield connection
    finally:
        connection.abort()
        await connection.wait_closed()


async def opened(connection: Any, path: str, window: int) -> tuple[Any, bytes]:
    """Open one more channel and the file on it; return where to write to, and the handle."""
    writer, reader, _ = await connection.open_session(
        subsystem="sftp", encoding=None, window=window
    )

    async def answer() -> SSHPacket:
        length = int.from_bytes(await reader.readexactly(4), "big")
        return SSHPacket(await reader.readexactly(length))

    writer.write(UInt32(5) + Byte(1) + UInt32(3))
    await answer()
    say(writer, OPEN, String(path.encode()), UInt32(1), UInt32(0))
    packet = await answer()
    assert (packet.get_byte(), packet.get_uint32()) == (HANDLE, 1)
    return writer, packet.get_string()


def say(writer: Any, kind: int, *fields: bytes) -> None:
    payload = Byte(kind) + UInt32(1) + b"".join(fields)
    writer.write(UInt32(len(payload)) + payload)


def ask_for_everything(channels: list[tuple[Any, bytes]]) -> None:
    for writer, handle in channels:
        for _ in range(READS):
            say(writer, READ, String(handle), UInt64(0), UInt32(ANSWER_BYTES))


async def leave_the_socket_unread(connection: Any, path: str) -> None:
    """A program that hangs, or means harm: its side of the line fills up."""
    channels = [await opened(connection, path, WINDOW_WIDE) for _ in range(CHANNELS)]
    connection._transport.pause_reading()
    ask_for_everything(channels)


async def leave_the_channels_unread(connection: Any, path: str) -> None:
    """A client that answers the server's signs of life, and takes not one answer."""
    ask_for_everything([await opened(connection, path, WINDOW_NARROW) for _ in range(CHANNELS)])


async def begin_an_exchange_of_keys(connection: Any, path: str) -> None:
    """Until it ends nothing but its own packets is sent: answers would be kept for afterwards."""
    channels = [await opened(connection, path, WINDOW_WIDE) for _ in range(CHANNELS)]
    connection._transport.pause_reading()
    connection._send_kexinit()
    connection._kex_complete = True  # so that this client goes on to ask meanwhile
    ask_for_everything(channels)


async def set_many_variables(connection: Any, path: str) -> None:
    """Variables of an environment need no window, and nothing here reads them."""
    writer, _ = await opened(connection, path, WINDOW_NARROW)
    for number in range(CHANNELS * READS):
        writer.channel._send_request(b"env", UInt32(4) + UInt32(number), String(bytes(30_000)))


@pytest.mark.parametrize(
    "flood",
    [
        leave_the_socket_unread,
        leave_the_channels_unread,
        begin_an_exchange_of_keys,
        set_many_variables,
    ],
)
async def test_a_flood_of_requests_does_not_make_the_daemon_grow(
    school: School, flood: Callable[[Any, str], Any]
) -> None:
    """One client with a valid key could end the daemon, and with it every district's day."""
    school.start()
    content = bytes(range(256)) * (ANSWER_BYTES // 256)
    path = f"/{school.account}/incoming/x.part"
    async with contextlib.AsyncExitStack() as stack:
        sftp = await stack.enter_async_context(
            await (await stack.enter_async_context(connected(school))).start_sftp_client()
        )
        async with sftp.open(path, "wb") as file:
            await file.write(content)
        before_bytes = memory_bytes(school.daemon.pid, "VmRSS")
        for _ in range(CONNECTIONS):
            await flood(await stack.enter_async_context(connected(school)), path)
        # What comes now is served after all that the flood asked for, as far as that is served.
        for number in range(5):
            async with sftp.open(f"{path}.{number}.part", "wb") as file:
                await file.write(content * 8)
            async with sftp.open(f"{path}.{number}.part", "rb") as file:
                received: object = await file.read()
                assert received == content * 8
        grown_bytes = memory_bytes(school.daemon.pid, "VmHWM") - before_bytes
    assert grown_bytes < GROWTH_BYTES_MAX
    assert school.stop() == 0
