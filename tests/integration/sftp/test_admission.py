"""Who gets in, what a refused one learns (nothing), and what trying costs."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import asyncssh
import pytest
from argon2 import PasswordHasher

from ingestd.access.accounts import Access
from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.values.identifiers import AccountId
from tests.public_keys import ed25519_blob, line_of

School = Any  # the fixture of conftest.py, which cannot be imported

SPRINGFIELD, SHELBYVILLE = AccountId("SPRINGFIELD"), AccountId("SHELBYVILLE")
OGDENVILLE = AccountId("OGDENVILLE")
PASSWORD = "correct horse battery"
NO_RESERVE = DoorLimits(disk_reserve_bytes=0)


@pytest.fixture(scope="session")
def password_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)


def bytes_received(port: int, source: str) -> bytes:
    """Connect, say nothing, and return what comes before the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), 10, source_address=(source, 0)) as sock:
        return sock.recv(100)


async def test_an_unlisted_address_gets_no_byte(open_door: Any, allow: Any) -> None:
    """A scanner does not even learn that this is an SSH server."""
    school = await open_door(access=Access(accounts={}, allowlist=allow("127.0.0.1")))
    assert await asyncio.to_thread(bytes_received, school.port, "127.0.0.9") == b""
    refused = await school.until_event("connection_refused")
    assert (refused["peer"], refused["reason"]) == ("127.0.0.9", "not_listed")
    assert (await asyncio.to_thread(bytes_received, school.port, "127.0.0.1"))[:4] == b"SSH-"


async def test_a_denied_address_gets_no_byte(open_door: Any, allow: Any) -> None:
    """`deny` wins over a list that admits."""
    access = Access(accounts={}, allowlist=allow("127.0.0.0/8", deny=("127.0.0.9",)))
    school = await open_door(access=access)
    assert await asyncio.to_thread(bytes_received, school.port, "127.0.0.9") == b""
    assert (await school.until_event("connection_refused"))["reason"] == "denied"


async def test_an_address_of_another_account_fails_as_a_wrong_key_does(
    open_door: Any, allow: Any
) -> None:
    """An insider of one district learns nothing about another: not even that it exists."""
    rules = allow(accounts={SPRINGFIELD: "127.0.0.1", SHELBYVILLE: "127.0.0.9"})
    school = await open_door(access=Access(accounts={}, allowlist=rules))
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    answers: list[tuple[type[Exception], str]] = []
    for account, key, source in (
        (SPRINGFIELD, school.keys[SPRINGFIELD], "127.0.0.9"),
        (SHELBYVILLE, stranger, "127.0.0.9"),
        ("NOBODY", stranger, "127.0.0.9"),
    ):
        with pytest.raises(asyncssh.PermissionDenied) as caught:
            await school.connect(account, key=key, source=source)
        answers.append((type(caught.value), str(caught.value).replace(account, "USER")))
    assert len(set(answers)) == 1
    await school.until(lambda: len(school.events("auth_failed")) == 3, "three failures")
    assert [event["reason"] for event in school.events("auth_failed")] == [
        "listed_for_another_account",
        "wrong_key",
        "unknown_account",
    ]
    assert "account" not in school.events("auth_failed")[2]
    await school.connect(SPRINGFIELD, source="127.0.0.1")


async def test_every_line_of_a_session_says_who_it_was(school: School) -> None:
    """One grep for a session's id tells its whole story."""
    await (await school.sftp()).listdir("/")
    opened = school.events("session_opened")[0]
    assert opened["account"] == SPRINGFIELD
    assert opened["peer"] == "127.0.0.1"
    assert opened["key_fingerprint"] == school.keys[SPRINGFIELD].get_fingerprint()
    assert opened["client_version"].startswith("SSH-2.0-AsyncSSH")
    assert len(opened["session_id"]) == 8


async def test_a_session_is_closed_when_its_address_is_no_longer_allowed(
    school: School, allow: Any
) -> None:
    """An address taken off the list is out at once, with whatever it was sending."""
    raw = await school.raw()
    handle = await raw.open("student_billing.csv")
    await raw.write(handle, 0, b"half")
    school.change_access(allowlist=allow("127.0.0.7"))
    closed = await school.until_event("session_closed")
    assert closed["reason"] == "no_longer_admitted"
    assert school.events("upload_interrupted")[0]["reason"] == "session_closed"
    await raw.connection.wait_closed()


async def test_a_session_is_closed_when_its_key_is_taken_away(school: School) -> None:
    """A stolen key is worth nothing from the moment in which it is removed."""
    connection = await school.connect()
    account = school.keeper.current.accounts[SPRINGFIELD]
    accounts = dict(school.keeper.current.accounts)
    accounts[SPRINGFIELD] = replace(account, authorized_keys=())
    school.change_access(accounts=accounts)
    await connection.wait_closed()
    assert (await school.until_event("session_closed"))["reason"] == "no_longer_admitted"


async def test_a_session_stays_when_a_change_does_not_concern_it(
    school: School, allow: Any
) -> None:
    """Adding one district does not disturb the others."""
    client = await school.sftp()
    school.change_access(allowlist=allow("127.0.0.0/8", "192.0.2.0/24"))
    assert "SPRINGFIELD" in await client.listdir("/")
    assert school.events("session_closed") == []


async def test_one_key_opens_each_account_that_has_it_and_no_other(open_door: Any) -> None:
    """A provider uploads for many districts; the user name says for which."""
    school = await open_door()
    accounts = dict(school.keeper.current.accounts)
    shared = accounts[SPRINGFIELD].authorized_keys
    accounts[SHELBYVILLE] = replace(accounts[SHELBYVILLE], authorized_keys=shared)
    accounts[OGDENVILLE] = replace(
        accounts[SHELBYVILLE],
        account_id=OGDENVILLE,
        authorized_keys=(parse_authorized_key(line_of(ed25519_blob(1))),),
    )
    school.change_access(accounts=accounts)
    key = school.keys[SPRINGFIELD]
    connections = [await school.connect(name, key=key) for name in (SPRINGFIELD, SHELBYVILLE)]
    for connection, name in zip(connections, (SPRINGFIELD, SHELBYVILLE), strict=True):
        assert set(await (await connection.start_sftp_client()).listdir("/")) >= {name}
    opened = [line["key_fingerprint"] for line in school.events("session_opened")]
    assert opened == [key.get_fingerprint()] * 2
    answers = set()
    for name in (OGDENVILLE, AccountId("NOBODY")):
        with pytest.raises(asyncssh.PermissionDenied) as caught:
            await school.connect(name, key=key)
        answers.add(str(caught.value).replace(name, "USER"))
    assert len(answers) == 1
    accounts[SHELBYVILLE] = replace(accounts[SHELBYVILLE], authorized_keys=())
    school.change_access(accounts=accounts)
    await connections[1].wait_closed()
    assert (await school.until_event("session_closed"))["account"] == SHELBYVILLE
    assert "SPRINGFIELD" in await (await connections[0].start_sftp_client()).listdir("/")


async def test_passwords_open_accounts_that_have_one(open_door: Any, password_hash: str) -> None:
    """Some districts cannot make keys; a hash in the accounts file is enough."""
    school = await open_door(passwords={SPRINGFIELD: password_hash}, limits=NO_RESERVE)
    await school.connect(client_keys=None, password=PASSWORD)
    assert school.events("session_opened")[0]["key_fingerprint"] is None
    for account in (SPRINGFIELD, SHELBYVILLE, "NOBODY"):
        with pytest.raises(asyncssh.PermissionDenied):
            await school.connect(account, client_keys=None, password="wrong")
    reasons = [event["reason"] for event in school.events("auth_failed")]
    assert reasons == ["wrong_password", "wrong_password", "unknown_account"]
    assert PASSWORD not in str(school.log)
    assert "wrong'" not in str(school.log).replace("wrong_", "")


async def test_passwords_are_not_offered_when_no_account_has_one(school: School) -> None:
    """Without a hash there is nothing to guess."""
    with pytest.raises(asyncssh.PermissionDenied):
        await school.connect(client_keys=None, password=PASSWORD)
    assert school.events("auth_failed") == []


class Guesser(asyncssh.SSHClient):
    """Tries one password after the other on one connection."""

    def __init__(self) -> None:
        self.guesses = 0

    def password_auth_requested(self) -> str:
        self.guesses += 1
        return f"guess {self.guesses}"


async def test_tries_on_one_connection_are_limited(open_door: Any, password_hash: str) -> None:
    """The library alone lets one connection guess for ever."""
    limits = DoorLimits(max_auth_tries=3, disk_reserve_bytes=0)
    school = await open_door(passwords={SPRINGFIELD: password_hash}, limits=limits)
    guesser = Guesser()
    with pytest.raises(asyncssh.DisconnectError, match="Too many"):
        await school.connect(client_keys=None, client_factory=lambda: guesser)
    assert guesser.guesses == 3
    assert len(school.events("auth_failed")) == 3
    assert (await school.until_event("connection_refused"))["reason"] == "too_many_tries"


async def test_an_address_is_banned_after_repeated_failures(
    open_door: Any, password_hash: str
) -> None:
    """A guesser is out after a few tries, and hears nothing when it comes again."""
    limits = DoorLimits(ban_after_failures=3, disk_reserve_bytes=0)
    school = await open_door(passwords={SPRINGFIELD: password_hash}, limits=limits)
    with pytest.raises(asyncssh.DisconnectError):
        await school.connect(client_keys=None, client_factory=Guesser, source="127.0.0.9")
    assert (await school.until_event("address_banned"))["peer"] == "127.0.0.9"
    assert await asyncio.to_thread(bytes_received, school.port, "127.0.0.9") == b""
    assert "banned" in {event["reason"] for event in school.events("connection_refused")}
    await school.connect(source="127.0.0.1")


async def test_an_address_that_must_not_be_banned_is_not(
    open_door: Any, password_hash: str
) -> None:
    """Behind one gateway sit many schools: one mistyped password must not shut all out."""
    limits = DoorLimits(
        ban_after_failures=1, never_ban=(ip_network("127.0.0.9"),), disk_reserve_bytes=0
    )
    school = await open_door(passwords={SPRINGFIELD: password_hash}, limits=limits)
    with pytest.raises(asyncssh.PermissionDenied):
        await school.connect(client_keys=None, password="wrong", source="127.0.0.9")
    await school.connect(source="127.0.0.9")
    assert school.events("address_banned") == []


async def test_an_agent_full_of_other_keys_is_no_attack(open_door: Any) -> None:
    """An agent offers every key it holds; only a connection without the right one is a failure."""
    school = await open_door(limits=DoorLimits(ban_after_failures=2, disk_reserve_bytes=0))
    others = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(3)]
    for _ in range(3):
        await school.connect(client_keys=[*others, school.keys[SPRINGFIELD]])
    assert school.events("auth_failed") == []


async def test_connections_are_limited_by_address(open_door: Any) -> None:
    """One client cannot take every place."""
    limits = DoorLimits(max_connections_per_address=2, disk_reserve_bytes=0)
    school = await open_door(limits=limits)
    connections = [await school.connect(source="127.0.0.9") for _ in range(2)]
    assert await asyncio.to_thread(bytes_received, school.port, "127.0.0.9") == b""
    refused = await school.until_event("connection_refused")
    assert refused["reason"] == "too_many_connections_from_address"
    await school.connect(source="127.0.0.1")
    connections[0].abort()
    await school.until_event("session_closed")
    await school.connect(source="127.0.0.9")


async def test_connections_are_limited_in_all(open_door: Any) -> None:
    """The server keeps its memory and descriptors, whoever calls."""
    school = await open_door(limits=DoorLimits(max_connections=2, disk_reserve_bytes=0))
    for source in ("127.0.0.1", "127.0.0.2"):
        await school.connect(source=source)
    assert await asyncio.to_thread(bytes_received, school.port, "127.0.0.3") == b""
    assert (await school.until_event("connection_refused"))["reason"] == "too_many_connections"


async def test_sessions_of_one_connection_are_limited(open_door: Any) -> None:
    """Channels cost memory too; a closed one gives its place back."""
    limits = DoorLimits(max_sessions_per_connection=2, disk_reserve_bytes=0)
    school = await open_door(limits=limits)
    connection = await school.connect()
    clients = [await connection.start_sftp_client() for _ in range(2)]
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.start_sftp_client()
    clients[0].exit()
    await clients[0].wait_closed()
    await connection.start_sftp_client()


async def test_open_files_of_one_connection_are_limited(open_door: Any) -> None:
    """Descriptors are finite; a closed file gives its place back."""
    school = await open_door(limits=DoorLimits(max_open_files=2, disk_reserve_bytes=0))
    client = await school.sftp()
    paths = [f"/SPRINGFIELD/incoming/{number}.csv.part" for number in range(3)]
    files = [await client.open(path, "wb") for path in paths[:2]]
    with pytest.raises(asyncssh.SFTPFailure, match="open files"):
        await client.open(paths[2], "wb")
    await files[0].close()
    await (await client.open(paths[2], "wb")).close()


async def test_a_client_that_does_not_log_in_is_closed(open_door: Any) -> None:
    """Half-open connections do not pile up."""
    school = await open_door(limits=DoorLimits(login_seconds=0.2, disk_reserve_bytes=0))
    reader, writer = await asyncio.open_connection("127.0.0.1", school.port)
    async with asyncio.timeout(10):
        await reader.read()
    writer.close()
    await writer.wait_closed()
    assert (await school.until_event("connection_refused"))["reason"] == "login_timeout"


async def test_an_idle_session_is_closed(open_door: Any) -> None:
    """A forgotten window gives its place back, with a word that says why."""
    school = await open_door(limits=DoorLimits(idle_seconds=0.3, disk_reserve_bytes=0))
    connection = await school.connect()
    await connection.wait_closed()
    assert (await school.until_event("session_closed"))["reason"] == "idle"


async def test_forwarding_is_refused(school: School) -> None:
    """An account is for files; it is no way into the network behind the server."""
    connection = await school.connect()
    with pytest.raises(asyncssh.ChannelOpenError):
        await connection.open_connection("127.0.0.1", school.port)
    with pytest.raises(asyncssh.ChannelListenError):
        await connection.start_server(lambda *_: None, "127.0.0.1", 0)


@pytest.mark.parametrize(
    "weak",
    [
        {"kex_algs": "diffie-hellman-group14-sha1,diffie-hellman-group14-sha256"},
        {"encryption_algs": "aes128-cbc,3des-cbc"},
        {"encryption_algs": "aes128-ctr", "mac_algs": "hmac-sha1,hmac-md5"},
        {"server_host_key_algs": "ssh-rsa,rsa-sha2-256"},
    ],
)
async def test_weak_algorithms_are_not_spoken(school: School, weak: dict[str, str]) -> None:
    """An auditor's scan finds nothing to fail."""
    with pytest.raises(asyncssh.KeyExchangeFailed):
        await school.connect(**weak)


async def test_strict_key_exchange_and_post_quantum_are_spoken(school: School) -> None:
    """What is recorded today cannot be read with a quantum computer later."""
    connection = await school.connect(kex_algs="mlkem768x25519-sha256")
    assert connection._strict_kex
