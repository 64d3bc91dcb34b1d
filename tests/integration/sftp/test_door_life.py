"""The door opens, says where, and closes without losing what was under way."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from asyncssh.connection import SSHClientConnection
from asyncssh.constants import MSG_DISCONNECT, MSG_GLOBAL_REQUEST, MSG_IGNORE
from asyncssh.packet import SSHPacket, String, UInt32

from ingestd.access.keeper import AccessKeeper
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.door.host_keys import fingerprints, load_or_create_host_keys
from ingestd.sftp.door.listener import SftpDoor
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ListenError, StorageError

School = Any  # the fixture of conftest.py, which cannot be imported

NAME = "student_billing.csv"


async def test_a_client_is_sent_nothing_that_says_nothing(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each packet costs both sides; what only ciphers in CBC mode would need is left out."""
    received: list[int] = []
    handlers = SSHClientConnection._packet_handlers
    monkeypatch.setitem(handlers, MSG_IGNORE, lambda _, kind, *__: received.append(kind))
    monkeypatch.setitem(handlers, MSG_GLOBAL_REQUEST, lambda _, kind, *__: received.append(kind))
    sftp = await school.sftp()
    async with sftp.open(f"incoming/{NAME}", "wb") as file:
        await file.write(b"x")
    # The door tells its host keys, unless the client does not want to learn them.
    assert received == [MSG_GLOBAL_REQUEST]


async def test_an_address_that_is_taken_is_one_clear_line(school: School, clock: Any) -> None:
    """The operator reads what is in the way, and what to do."""
    taken = SftpDoor(
        listen=[("127.0.0.1", 0), ("127.0.0.1", school.port)],
        folders=school.folders,
        keeper=AccessKeeper(school.keeper.current),
        limits=DoorLimits(),
        clock=clock,
        metrics=Metrics(),
    )
    with pytest.raises(ListenError) as caught:
        await taken.start()
    assert f"127.0.0.1:{school.port}" in caught.value.message
    assert "\n" not in caught.value.message
    assert not taken.listening
    await taken.stop(deadline_seconds=0)


async def test_the_door_tells_where_it_listens(school: School) -> None:
    """Port 0 asks for any free port; the demo and the tests need to know which."""
    [(host, port)] = school.door.addresses
    assert (host, port > 0) == ("127.0.0.1", True)
    assert school.door.listening
    listening = school.events("sftp_listening")[0]
    assert listening["addresses"] == [f"127.0.0.1:{port}"]
    await school.door.stop(deadline_seconds=0)
    assert not school.door.listening


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
async def test_ipv6_is_listened_on(school: School, clock: Any) -> None:
    """`[::]` stands next to `0.0.0.0`, each for its own family, on the same port."""
    door = SftpDoor(
        listen=[("127.0.0.1", 0), ("::1", 0)],
        folders=school.folders,
        keeper=AccessKeeper(school.keeper.current),
        limits=DoorLimits(),
        clock=clock,
        metrics=Metrics(),
    )
    await door.start()
    try:
        (_, _), (host, port) = door.addresses
        assert (host, port > 0) == ("::1", True)
        reader, writer = await asyncio.open_connection("::1", port)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        refused = await school.until_event("connection_refused")
        assert (refused["peer"], refused["reason"]) == ("::1", "not_listed")
    finally:
        await door.stop(deadline_seconds=0)


async def test_host_keys_are_made_once_and_are_private(school: School) -> None:
    """Clients remember them; nobody else on the machine may read them."""
    folder = school.folders.host_keys
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    made = {line["algorithm"]: line["fingerprint"] for line in school.events("host_key_created")}
    assert set(made) == {"ssh-ed25519", "ecdsa-sha2-nistp256"}
    assert fingerprints(folder) == made
    for name in ("ssh_host_ed25519_key", "ssh_host_ecdsa_key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        assert (folder / f"{name}.pub").exists()
    again = load_or_create_host_keys(folder)
    assert {key.get_fingerprint() for key in again} == set(made.values())
    assert len(school.events("host_key_created")) == 2


def test_a_host_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key that leaked lets anybody pose as this server."""
    load_or_create_host_keys(tmp_path)
    (tmp_path / "ssh_host_ed25519_key").chmod(0o644)
    with pytest.raises(StorageError, match="chmod 600"):
        load_or_create_host_keys(tmp_path)


def test_a_host_key_that_is_no_key_is_refused(tmp_path: Path) -> None:
    """A damaged file is not silently replaced: every client would be alarmed."""
    load_or_create_host_keys(tmp_path)
    (tmp_path / "ssh_host_ed25519_key").write_text("no key")
    with pytest.raises(StorageError, match="cannot be read"):
        load_or_create_host_keys(tmp_path)


async def test_a_coming_host_key_is_announced_before_it_takes_over(school: School) -> None:
    """Rotation without a warning on every client's screen."""
    coming = asyncssh.generate_private_key("ssh-ed25519")
    path = school.folders.host_keys / "ssh_host_ed25519_key.next"
    path.write_bytes(coming.export_private_key())
    path.chmod(0o600)
    keys = load_or_create_host_keys(school.folders.host_keys)
    assert keys[-1].get_fingerprint() == coming.get_fingerprint()
    assert len(fingerprints(school.folders.host_keys)) == 2


async def test_the_server_proves_itself_with_ed25519_only(school: School) -> None:
    """An auditor's scan fails NIST curves and everything that brings SHA-1."""
    key = (await school.connect()).get_server_host_key()
    assert key.get_algorithm() == "ssh-ed25519"
    with pytest.raises(asyncssh.KeyExchangeFailed):
        await school.connect(server_host_key_algs="ecdsa-sha2-nistp256")


async def test_stopping_lets_an_upload_end(school: School) -> None:
    """A restart in the middle of an upload is not noticed by its client."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, b"half")
    stopping = asyncio.create_task(school.door.stop(deadline_seconds=30))
    await school.until(lambda: not school.door.listening, "the listener to close")
    await raw.write(handle, 4, b"half")
    assert (await raw.close(handle))[0] == 0
    await stopping
    assert (school.incoming / NAME).read_bytes() == b"halfhalf"
    assert school.events("session_closed")[0]["reason"] == "stopping"


async def test_who_is_cut_off_hears_why(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last that is sent goes out before the connection is cut in the same moment."""
    heard: list[tuple[int, bytes]] = []

    def hear(_: object, _kind: int, _number: int, packet: SSHPacket) -> None:
        heard.append((packet.get_uint32(), packet.get_string()))

    monkeypatch.setitem(SSHClientConnection._packet_handlers, MSG_DISCONNECT, hear)
    connection = await school.connect()
    await school.door.stop(deadline_seconds=30)
    await connection.wait_closed()
    assert heard == [(asyncssh.DISC_BY_APPLICATION, b"the server is stopping")]


async def test_stopping_begins_no_more_uploads(school: School) -> None:
    """A busy client is told to come back, rather than cut off in the middle."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    stopping = asyncio.create_task(school.door.stop(deadline_seconds=30))
    await school.until(lambda: not school.door.listening, "the listener to close")
    path = String(b"/SPRINGFIELD/incoming/other.csv")
    code, message = await raw.status(3, path, UInt32(0x1A), UInt32(0))
    assert code == 4
    assert "stopping" in message
    await raw.close(handle)
    await raw.connection.wait_closed()
    await stopping


async def test_what_is_under_way_at_the_deadline_is_noted_as_interrupted(school: School) -> None:
    """After the deadline nothing hangs, and nothing is lost that was not said to be."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, b"half")
    await school.door.stop(deadline_seconds=0.2)
    assert school.events("upload_interrupted")[0]["bytes"] == 4
    assert school.events("session_closed")[0]["reason"] == "stopping"
    assert [note.whole for note in school.notes()] == [False]


async def test_rules_that_change_after_the_door_closed_disturb_nothing(school: School) -> None:
    """The config may be saved at the very moment of a shutdown."""
    await school.door.stop(deadline_seconds=0)
    school.change_access()


async def test_the_metrics_tell_what_happened(school: School) -> None:
    """A dashboard counts what the log tells."""
    raw = await school.raw()
    handle = await raw.open(NAME)
    await raw.write(handle, 0, b"12345")
    await raw.close(handle)
    assert b"ingestd_sessions_open 1.0" in school.metrics.render()
    raw.connection.abort()
    await school.until_event("session_closed")
    text = school.metrics.render()
    assert b"ingestd_sessions_open 0.0" in text
    assert b'ingestd_uploads_total{outcome="received"} 1.0' in text
    assert b"ingestd_upload_bytes_total 5.0" in text
