"""One canary for each way in which an upload can end: a clean-up must never look like a CLOSE.

They speak raw packets, since they guard what `internals/packets.py` relies on in asyncssh.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

from asyncssh import DISC_BY_APPLICATION
from asyncssh.packet import String, UInt64

School = Any  # the fixture of conftest.py, which cannot be imported

NAME = "student_billing_canary.csv"
CONTENT = b"charge_tracking_id,amount\nA1,10.00\n"
WRITE, CLOSE = 6, 4
OK = 0


def interrupted(school: School) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = school.events("upload_interrupted")
    return events


async def begun_upload(school: School) -> tuple[Any, bytes]:
    raw = await school.raw()
    handle = await raw.open(NAME)
    assert (await raw.write(handle, 0, CONTENT))[0] == OK
    return raw, handle


async def check_interrupted(school: School, reason: str) -> None:
    await school.until(lambda: interrupted(school), "upload_interrupted")
    assert [event["reason"] for event in interrupted(school)] == [reason]
    assert interrupted(school)[0]["bytes"] == len(CONTENT)
    assert not (school.incoming / NAME).exists()
    assert school.staged() == []
    [note] = school.notes()
    assert (note.whole, note.size_bytes, note.filename) == (False, len(CONTENT), NAME)


async def test_close_by_the_client_publishes(school: School) -> None:
    """The one ending that makes a file: everything else must leave nothing to process."""
    raw, handle = await begun_upload(school)
    assert (await raw.close(handle))[0] == OK
    assert (school.incoming / NAME).read_bytes() == CONTENT
    [note] = school.notes()
    assert (note.whole, note.size_bytes) == (True, len(CONTENT))
    assert school.events("upload_received")[0]["filename"] == NAME


async def test_tcp_reset_interrupts(school: School) -> None:
    """A cable is pulled mid-upload: half a file is never billed."""
    raw, _ = await begun_upload(school)
    sock = raw.connection.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.connection.abort()
    await check_interrupted(school, "connection_lost")


async def test_ssh_disconnect_without_close_interrupts(school: School) -> None:
    """A client is closed while it uploads: half a file is never billed."""
    raw, _ = await begun_upload(school)
    raw.connection.disconnect(DISC_BY_APPLICATION, "bye")
    await check_interrupted(school, "connection_lost")


async def test_channel_eof_without_close_interrupts(school: School) -> None:
    """A client is killed and its ssh lives on: from within asyncssh this looks like a CLOSE."""
    raw, _ = await begun_upload(school)
    raw.writer.write_eof()
    await check_interrupted(school, "session_ended")


async def test_channel_close_without_close_interrupts(school: School) -> None:
    """A client drops its channel: half a file is never billed."""
    raw, _ = await begun_upload(school)
    raw.writer.close()
    await check_interrupted(school, "connection_lost")


async def test_channel_signal_interrupts_and_leaks_nothing(school: School) -> None:
    """A signal request ends asyncssh's loop without any clean-up of its own."""
    raw, _ = await begun_upload(school)
    raw.writer.channel.send_signal("INT")
    await check_interrupted(school, "session_ended")
    other = await raw.connection.start_sftp_client()
    assert await other.listdir("/") == [".", "..", "SPRINGFIELD"]


async def test_writes_and_close_sent_before_a_disconnect_publish(school: School) -> None:
    """All bytes and the CLOSE arrived: that the client did not wait for the answer is no loss."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    for offset in range(len(CONTENT)):
        raw.send(WRITE, String(handle), UInt64(offset), String(CONTENT[offset : offset + 1]))
    raw.send(CLOSE, String(handle))
    # The message alone: `disconnect` also resets the socket, and takes what is under way along.
    raw.connection._send_disconnect(DISC_BY_APPLICATION, "bye", "")
    await school.until(lambda: school.events("upload_received"), "upload_received")
    assert (school.incoming / NAME).read_bytes() == CONTENT
    assert interrupted(school) == []


async def test_half_a_packet_interrupts(school: School) -> None:
    """A client dies in the middle of a WRITE: what came before it is kept for a resume."""
    raw, _ = await begun_upload(school)
    raw.writer.write(b"\0\0\xff\xff\x06")
    raw.writer.write_eof()
    await check_interrupted(school, "session_ended")


async def test_garbage_ends_only_its_own_channel(school: School) -> None:
    """One broken client program does not take the others of its connection down."""
    raw, _ = await begun_upload(school)
    other = await raw.connection.start_sftp_client()
    raw.writer.write(b"\xff" * 64)
    await check_interrupted(school, "session_ended")
    assert "SPRINGFIELD" in await other.listdir("/")


async def test_two_uploads_of_one_connection_end_apart(school: School) -> None:
    """One channel ends badly, the other well: each upload has the ending of its own channel."""
    raw, _ = await begun_upload(school)
    channel = await raw.connection.start_sftp_client()
    async with channel.open("/SPRINGFIELD/incoming/student_billing_2.csv", "wb") as file:
        raw.writer.write_eof()
        await school.until(lambda: interrupted(school), "upload_interrupted")
        await file.write(CONTENT)
    assert (school.incoming / "student_billing_2.csv").read_bytes() == CONTENT
    assert not (school.incoming / NAME).exists()


async def test_an_upload_that_never_wrote_leaves_a_note_only(school: School) -> None:
    """A client that opens a file and vanishes is seen in the uploads, and keeps nothing."""
    raw = await school.raw()
    await raw.open(NAME)
    raw.connection.abort()
    await school.until(school.notes, "a note")
    [note] = school.notes()
    assert (note.whole, note.size_bytes) == (False, 0)
    await school.until(lambda: not school.staged(), "an empty staging")
    assert not (school.folders.partials("SPRINGFIELD") / NAME).exists()


async def test_an_interrupted_session_is_closed_in_the_log_after_its_uploads(
    school: School,
) -> None:
    """An operator who reads the log finds the upload's end before the session's."""
    raw, _ = await begun_upload(school)
    raw.connection.abort()
    await school.until(lambda: school.events("session_closed"), "session_closed")
    names = [line["event"] for line in school.log]
    assert names.index("upload_interrupted") < names.index("session_closed")
    assert school.events("session_closed")[0]["uploads"] == 0
