"""Clients that try several keys: paramiko as everybody uses it, agents, and OpenSSH."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncssh
import paramiko  # type: ignore[import-untyped]
import pytest
from argon2 import PasswordHasher
from asyncssh.constants import MSG_SERVICE_REQUEST
from asyncssh.packet import String

from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.values.identifiers import AccountId

School = Any  # the fixture of conftest.py, which cannot be imported

SPRINGFIELD = AccountId("SPRINGFIELD")
PASSWORD = "correct horse battery"
STRICT = DoorLimits(ban_after_failures=2, disk_reserve_bytes=0)


@pytest.fixture(scope="session")
def password_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)


@pytest.fixture
def wrong_keys(tmp_path: Path) -> list[Path]:
    """Ten keys of other servers, of the kinds that lie in a home folder."""
    kinds = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-ed25519", "ecdsa-sha2-nistp521"]
    return [
        _written(asyncssh.generate_private_key(kinds[number % 4]), tmp_path / f"other{number}")
        for number in range(10)
    ]


def _written(key: asyncssh.SSHKey, path: Path) -> Path:
    key.write_private_key(str(path))
    key.write_public_key(f"{path}.pub")
    path.chmod(0o600)
    return path


@pytest.fixture
async def agent(
    tmp_path: Path, wrong_keys: list[Path], school: School, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Path]:
    """A real ssh-agent that holds ten wrong keys, then the right one."""
    socket = tmp_path / "agent"
    process = await asyncio.create_subprocess_exec(
        "ssh-agent", "-D", "-a", str(socket), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await school.until(socket.exists, "the agent")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        for path in (*wrong_keys, school.key_files[SPRINGFIELD]):
            code, output = await school.run("ssh-add", "-q", str(path))
            assert code == 0, output
        yield socket
    finally:
        process.terminate()
        await process.wait()


def _listed(school: School, **proof: Any) -> list[str]:
    """Log in with paramiko's usual client, and return what it sees."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    with client:
        options = {"look_for_keys": False, "allow_agent": False} | proof
        client.connect("127.0.0.1", school.port, "SPRINGFIELD", **options)
        with client.open_sftp() as sftp:
            return list(sftp.listdir("/"))


async def test_paramiko_tries_several_key_files(open_door: Any, wrong_keys: list[Path]) -> None:
    """A script that names all keys of its machine gets in with the one that is right."""
    school = await open_door(limits=STRICT)
    names = [str(path) for path in (*wrong_keys, school.key_files[SPRINGFIELD])]
    for _ in range(3):
        assert await asyncio.to_thread(_listed, school, key_filename=names) == ["SPRINGFIELD"]
    assert school.events("auth_failed") == []
    assert school.events("address_banned") == []


async def test_paramiko_tries_the_keys_of_an_agent(agent: Path, school: School) -> None:
    """`SSHClient().connect()` without an option asks the agent for all that it holds."""
    del agent
    assert await asyncio.to_thread(_listed, school, allow_agent=True) == ["SPRINGFIELD"]
    assert school.events("auth_failed") == []


async def test_paramiko_looks_for_keys_in_the_home_folder(
    school: School, wrong_keys: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual names are tried one after the other."""
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True)
    os.link(wrong_keys[1], folder / "id_ecdsa")
    os.link(school.key_files[SPRINGFIELD], folder / "id_ed25519")
    monkeypatch.setenv("HOME", str(folder.parent))
    assert await asyncio.to_thread(_listed, school, look_for_keys=True) == ["SPRINGFIELD"]


async def test_paramiko_tries_keys_and_then_a_password(
    open_door: Any, wrong_keys: list[Path], password_hash: str
) -> None:
    """A district that cannot use its keys here still has them on its machine."""
    school = await open_door(limits=STRICT, passwords={SPRINGFIELD: password_hash})
    proof = {"key_filename": [str(path) for path in wrong_keys], "password": PASSWORD}
    for _ in range(3):
        assert await asyncio.to_thread(_listed, school, **proof) == ["SPRINGFIELD"]
    assert school.events("auth_failed") == []
    assert PASSWORD not in str(school.log)


async def test_paramiko_without_a_right_key_fails_once_for_each_connection(
    open_door: Any, wrong_keys: list[Path]
) -> None:
    """A job with the wrong keys is told of, and in the end it is a guesser like any other."""
    school = await open_door(limits=STRICT)
    names = [str(path) for path in wrong_keys[:3]]
    for failures in (1, 2):
        with pytest.raises(paramiko.AuthenticationException):
            await asyncio.to_thread(_listed, school, key_filename=names)
        await school.until(lambda n=failures: len(school.events("auth_failed")) == n, "a failure")
    assert (await school.until_event("address_banned"))["peer"] == "127.0.0.1"
    with pytest.raises((paramiko.SSHException, OSError, EOFError)):
        await asyncio.to_thread(_listed, school)


async def test_openssh_offers_many_identities(open_door: Any, wrong_keys: list[Path]) -> None:
    """More keys than sshd would look at, and the right one comes last."""
    school = await open_door(limits=STRICT)
    identities = [*wrong_keys, school.key_files[SPRINGFIELD]]
    for _ in range(3):
        code, output = await school.run(
            *("sftp", "-F", "none", "-b", "-", "-P", str(school.port)),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes"),
            *(part for path in identities for part in ("-i", str(path))),
            "SPRINGFIELD@127.0.0.1",
            stdin="ls\n",
        )
        assert code == 0, output
    assert school.events("auth_failed") == []


async def test_openssh_offers_the_keys_of_an_agent(agent: Path, school: School) -> None:
    """Whoever works with an agent names no key at all."""
    code, output = await school.run(
        *("sftp", "-F", "none", "-b", "-", "-P", str(school.port)),
        *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
        *("-o", f"IdentityAgent={agent}", "SPRINGFIELD@127.0.0.1"),
        stdin="ls\n",
    )
    assert code == 0, output
    assert school.events("auth_failed") == []


async def test_keys_tried_on_connections_of_their_own_ban_nobody(open_door: Any) -> None:
    """Some programs connect anew for each key; the right one forgives those before it."""
    school = await open_door(limits=DoorLimits(ban_after_failures=3, disk_reserve_bytes=0))
    for _ in range(4):
        with pytest.raises(asyncssh.PermissionDenied):
            await school.connect(key=asyncssh.generate_private_key("ssh-ed25519"))
        await school.connect()
    await school.until(lambda: len(school.events("auth_failed")) == 4, "four failures")
    assert school.events("address_banned") == []


async def test_an_account_of_ones_own_does_not_pay_for_guesses_at_others(open_door: Any) -> None:
    """Else an insider would log in between two guesses and never be banned."""
    school = await open_door(limits=DoorLimits(ban_after_failures=3, disk_reserve_bytes=0))
    own = school.keys[AccountId("SHELBYVILLE")]
    for _ in range(3):
        await school.connect("SHELBYVILLE", key=own)
        with pytest.raises(asyncssh.PermissionDenied):
            await school.connect(SPRINGFIELD, key=own)
    assert (await school.until_event("address_banned"))["peer"] == "127.0.0.1"


async def test_wrong_keys_on_one_connection_have_a_limit(school: School) -> None:
    """Looking at keys costs little, but not nothing."""
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(30)]
    with pytest.raises(asyncssh.DisconnectError, match="Too many"):
        await school.connect(client_keys=keys)
    assert (await school.until_event("connection_refused"))["reason"] == "too_many_tries"


class _Impatient(asyncssh.SSHClient):
    """Asks for the login service again and again, and never reads on."""

    def __init__(self, times: int) -> None:
        self._times = times
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn

    def password_auth_requested(self) -> str | None:
        assert self._connection is not None
        for _ in range(self._times):
            self._connection.send_packet(MSG_SERVICE_REQUEST, String("ssh-userauth"))
        return None


async def test_asking_for_the_login_service_again_is_answered(
    open_door: Any, password_hash: str
) -> None:
    """The canary for what `DoorConnection` relies on; and what is answered has a bound."""
    school = await open_door(passwords={SPRINGFIELD: password_hash})
    with pytest.raises(asyncssh.DisconnectError) as caught:
        await school.connect(client_keys=None, client_factory=lambda: _Impatient(1000))
    assert not re.search("service", str(caught.value), re.IGNORECASE)
    assert (await school.until_event("connection_refused"))["reason"] == "too_many_tries"


async def test_another_service_than_the_login_is_refused(school: School) -> None:
    """Only what a client needs is answered."""

    class Lost(asyncssh.SSHClient):
        def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
            self.connection = conn

        def public_key_auth_requested(self) -> None:
            self.connection.send_packet(MSG_SERVICE_REQUEST, String("ssh-connection"))

    with pytest.raises(asyncssh.DisconnectError):
        await school.connect(client_keys=None, client_factory=Lost)
    refused = await school.until_event("connection_refused")
    assert (refused["reason"], refused["error"]) == ("handshake_failed", "ServiceNotAvailable")
