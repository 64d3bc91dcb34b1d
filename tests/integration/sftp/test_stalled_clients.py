"""Clients that ask for much and read nothing: they wait, and whoever reads on gets everything."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest
from asyncssh.packet import Byte, SSHPacket, String, UInt32, UInt64

from ingestd.sftp.bounds.limits import DoorLimits

School = Any  # the fixture of conftest.py, which cannot be imported

READ, OPENDIR, READDIR, OPEN = 5, 11, 12, 3
STATUS, HANDLE, DATA, NAME = 101, 102, 103, 104
CONTENT = bytes(range(256)) * 1024  # one answer of the largest size
READS = 40
WINDOW_WIDE, WINDOW_NARROW = 2**31 - 1, 2**15


class Channel:
    """One SFTP channel that asks now and reads later."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def begin(
        cls, connection: asyncssh.SSHClientConnection, *, window: int, packet: int = 32_768
    ) -> Channel:
        writer, reader, _ = await connection.open_session(
            subsystem="sftp", encoding=None, window=window, max_pktsize=packet
        )
        channel = cls(reader, writer)
        channel._write(Byte(1) + UInt32(3))
        await channel.answer()
        return channel

    def ask(self, kind: int, number: int, *fields: bytes) -> None:
        self._write(Byte(kind) + UInt32(number) + b"".join(fields))

    async def answer(self) -> SSHPacket:
        async with asyncio.timeout(30):
            length = int.from_bytes(await self.reader.readexactly(4), "big")
            return SSHPacket(await self.reader.readexactly(length))

    async def open(self, name: str) -> bytes:
        path = String(f"/SPRINGFIELD/incoming/{name}".encode())
        self.ask(OPEN, 0, path, UInt32(1), UInt32(0))
        answer = await self.answer()
        assert answer.get_byte() == HANDLE
        answer.get_uint32()
        return answer.get_string()

    async def begin_listing(self) -> tuple[int, bytes]:
        """Open `incoming/` and ask for its first names; return what kind of answer came."""
        self.ask(OPENDIR, 1, String(b"/SPRINGFIELD/incoming"))
        answer = await self.answer()
        assert answer.get_byte() == HANDLE
        answer.get_uint32()
        handle = answer.get_string()
        self.ask(READDIR, 2, String(handle))
        return (await self.answer()).get_byte(), handle

    def _write(self, payload: bytes) -> None:
        self.writer.write(UInt32(len(payload)) + payload)


async def flood(channel: Channel, handle: bytes, count: int = READS) -> None:
    for number in range(count):
        offset = number % 7 * 1000
        channel.ask(READ, number, String(handle), UInt64(offset), UInt32(len(CONTENT)))


async def check_answers(channel: Channel, count: int = READS) -> None:
    """Read every answer of a flood: in its order, with the bytes that were asked for."""
    for number in range(count):
        answer = await channel.answer()
        assert (answer.get_byte(), answer.get_uint32()) == (DATA, number)
        assert answer.get_string() == CONTENT[number % 7 * 1000 :]


@pytest.mark.parametrize("window", [WINDOW_WIDE, WINDOW_NARROW])
async def test_whoever_reads_in_the_end_gets_every_answer(school: School, window: int) -> None:
    """A laptop that was asleep, or a client that first asks for everything, loses nothing."""
    (school.incoming / "x.part").write_bytes(CONTENT)
    connection = await school.connect()
    channels = [await Channel.begin(connection, window=window) for _ in range(3)]
    handles = [await channel.open("x.part") for channel in channels]
    connection._transport.pause_reading()
    for channel, handle in zip(channels, handles, strict=True):
        await flood(channel, handle)
    # The others are served all the while.
    async with (await school.sftp()).open("/SPRINGFIELD/incoming/y.part", "wb") as file:
        await file.write(CONTENT)
    connection._transport.resume_reading()
    await asyncio.gather(*(check_answers(channel) for channel in channels))


async def test_a_channel_that_is_not_read_does_not_hold_up_its_neighbour(school: School) -> None:
    """A client may need the answers of one channel before it reads those of another."""
    (school.incoming / "x.part").write_bytes(CONTENT)
    connection = await school.connect()
    unread = await Channel.begin(connection, window=WINDOW_NARROW)
    await flood(unread, await unread.open("x.part"))
    async with await connection.start_sftp_client() as sftp:
        async with sftp.open("/SPRINGFIELD/incoming/y.part", "wb") as file:
            await file.write(CONTENT * 12)  # more than a window holds
        async with sftp.open("/SPRINGFIELD/incoming/y.part", "rb") as file:
            assert await file.read() == CONTENT * 12
    await check_answers(unread)


async def test_keys_that_are_exchanged_often_lose_no_answer(school: School) -> None:
    """While keys are exchanged nothing is answered, and afterwards everything is."""
    (school.incoming / "x.part").write_bytes(CONTENT)
    connection = await school.connect(rekey_bytes=400_000)
    channels = [await Channel.begin(connection, window=WINDOW_WIDE) for _ in range(2)]
    for channel in channels:
        await flood(channel, await channel.open("x.part"))
    async with (
        await connection.start_sftp_client() as sftp,
        sftp.open("/SPRINGFIELD/incoming/y.part", "wb") as file,
    ):
        await file.write(CONTENT * 12)
    assert (school.incoming / "y.part").read_bytes() == CONTENT * 12
    await asyncio.gather(*(check_answers(channel) for channel in channels))


async def test_who_goes_on_asking_during_an_exchange_of_keys_is_closed(school: School) -> None:
    """Until it ends no answer may be sent, so each would be kept."""
    connection: Any = await school.connect()
    connection._transport.pause_reading()
    connection._send_kexinit()
    connection._kex_complete = True  # so that this client breaks the rule (RFC 4253, section 7.1)
    for _ in range(2000):
        connection._send_global_request(b"keepalive@openssh.com", want_reply=True)
    assert (await school.until_event("session_closed"))["reason"] == "connection_lost"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        pytest.param(DoorLimits(keepalive_seconds=0.2), "connection_lost", id="keepalive"),
        pytest.param(DoorLimits(idle_seconds=0.5), "idle", id="idle"),
    ],
)
@pytest.mark.parametrize("window", [WINDOW_WIDE, WINDOW_NARROW])
async def test_a_client_that_reads_no_more_is_closed(
    open_door: Any, limits: DoorLimits, reason: str, window: int
) -> None:
    """What it holds in memory is given back, and so is its place."""
    school = await open_door(limits=limits)
    (school.incoming / "x.part").write_bytes(CONTENT)
    connection = await school.connect()
    channel = await Channel.begin(connection, window=window)
    handle = await channel.open("x.part")
    connection._transport.pause_reading()
    await flood(channel, handle)
    closed = await school.until_event("session_closed")
    assert closed["reason"] == reason
    assert school.door.listening


async def test_a_client_whose_other_side_dies_leaves_nothing_behind(school: School) -> None:
    """Thousands of requests that nobody waits for cost nobody a second."""
    (school.incoming / "x.part").write_bytes(CONTENT)
    connection = await school.connect()
    channel = await Channel.begin(connection, window=WINDOW_NARROW)
    await flood(channel, await channel.open("x.part"), 5000)
    connection.abort()
    await school.until_event("session_closed")
    assert [line["event"] for line in school.log if line.get("log_level") == "warning"] == []


async def test_listings_that_are_begun_and_not_read_are_limited(open_door: Any) -> None:
    """Each holds a folder's names in memory; one is always to be had, however large."""
    school = await open_door(limits=DoorLimits(connection_windows_bytes=500 * 1024))
    for number in range(200):
        (school.incoming / f"{number:05}.part").touch()
    connection = await school.connect()
    channel = await Channel.begin(connection, window=WINDOW_WIDE)
    begun = [await channel.begin_listing() for _ in range(6)]
    kinds = [kind for kind, _ in begun]
    assert kinds[0] == NAME
    assert STATUS in kinds
    # Read to its end, a listing makes room for the next.
    for _, handle in begun:
        kind = NAME
        while kind == NAME:
            channel.ask(READDIR, 3, String(handle))
            kind = (await channel.answer()).get_byte()
    assert (await channel.begin_listing())[0] == NAME


async def test_channels_beyond_what_memory_there_is_are_refused(open_door: Any) -> None:
    """The first of each connection is always given: nobody can keep others out."""
    limits = DoorLimits(disk_reserve_bytes=0, channels_bytes=1024**2)
    school = await open_door(limits=limits)
    greedy = await school.connect()
    opened = [await greedy.start_sftp_client() for _ in range(2)]
    with pytest.raises(asyncssh.ChannelOpenError):
        await greedy.start_sftp_client()
    assert "SPRINGFIELD" in await (await school.sftp()).listdir("/")
    opened[1].exit()
    await opened[1].wait_closed()
    await school.until(
        lambda: school.door._door.channels.left_bytes == 1024**2, "memory given back"
    )
    assert "SPRINGFIELD" in await (await greedy.start_sftp_client()).listdir("/")


async def test_answers_are_not_cut_into_a_flood_of_packets(school: School) -> None:
    """A client that takes packets of a few bytes would keep everybody waiting for its answer."""
    connection = await school.connect()
    with pytest.raises((asyncssh.Error, OSError)):
        await Channel.begin(connection, window=WINDOW_WIDE, packet=64)
    await school.until_event("session_closed")
    other = await Channel.begin(await school.connect(), window=WINDOW_WIDE, packet=1024)
    assert (await other.begin_listing())[0] == NAME


async def test_everything_is_given_back(school: School) -> None:
    """Budgets that leak would keep out everybody after some weeks."""
    door = school.door._door

    def left() -> tuple[int, int]:
        return door.channels.left_bytes, door.windows.left_bytes

    before = left()
    connection = await school.connect()
    for _ in range(3):
        client = await connection.start_sftp_client()
        async with client.open("/SPRINGFIELD/incoming/y.part", "wb") as file:
            await file.write(CONTENT * 12)
        await connection.open_session(encoding=None, subsystem="sftp")
    assert all(now < once for now, once in zip(left(), before, strict=True))
    connection.abort()
    await school.until_event("session_closed")
    await school.until(lambda: left() == before, "memory given back")


@pytest.mark.parametrize("end", ["refused", "gone"])
async def test_a_channel_that_never_came_to_be_leaves_nothing_behind(
    school: School, end: str
) -> None:
    """Else one account could use up, channel by channel, what is there for everybody."""
    door = school.door._door
    before = door.channels.left_bytes
    for _ in range(3):
        connection = await school.connect()
        await connection.start_sftp_client()
        packet = 64 if end == "refused" else 1024
        opening = asyncio.create_task(Channel.begin(connection, window=WINDOW_WIDE, packet=packet))
        await asyncio.sleep(0)
        if end == "gone":  # both arrive together
            connection.disconnect(asyncssh.DISC_BY_APPLICATION, "gone")
        with pytest.raises((asyncssh.Error, OSError, EOFError)):
            await opening
        await connection.wait_closed()
    await school.until(lambda: len(school.events("session_closed")) == 3, "the ends")
    await school.until(lambda: door.channels.left_bytes == before, "memory given back")
