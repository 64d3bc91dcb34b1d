"""A real door on a free loopback port, and clients for it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import asyncssh
import pytest
from asyncssh.packet import Byte, SSHPacket, String, UInt32, UInt64
from structlog.testing import capture_logs

from ingestd.access.accounts import Access, Account
from ingestd.access.allowlist import Allowlist, Rule
from ingestd.access.keeper import AccessKeeper
from ingestd.config.judging.authorized_keys import parse_authorized_key
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.sftp.door.listener import SftpDoor
from ingestd.spool.arrivals import Arrival, list_notes
from ingestd.spool.folders import Folders
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId
from ingestd.values.public_keys import PublicKey

SPRINGFIELD = AccountId("SPRINGFIELD")
SHELBYVILLE = AccountId("SHELBYVILLE")
PATIENCE_SECONDS = 15.0

OPEN, CLOSE, WRITE, FSETSTAT = 3, 4, 6, 10
STATUS, HANDLE = 101, 102


class SystemClock:
    """The system's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def allowlist(
    *everyone: str, deny: tuple[str, ...] = (), accounts: Mapping[str, str] | None = None
) -> Allowlist:
    def rules(networks: tuple[str, ...], listed_in: str) -> tuple[Rule, ...]:
        return tuple(Rule(network=ip_network(text), listed_in=listed_in) for text in networks)

    return Allowlist(
        everyone=rules(everyone, "everyone"),
        deny=rules(deny, "deny"),
        accounts={
            AccountId(account): rules((network,), account)
            for account, network in (accounts or {}).items()
        },
    )


def public_key(key: asyncssh.SSHKey) -> PublicKey:
    """Return the public half of a key, as the accounts file would give it."""
    return parse_authorized_key(key.export_public_key().decode())


@dataclass
class School:
    """Two accounts with a key each, a door, and everything that the door wrote to its log."""

    door: SftpDoor
    keeper: AccessKeeper
    folders: Folders
    metrics: Metrics
    keys: dict[AccountId, asyncssh.SSHKey]
    key_files: dict[AccountId, Path]
    log: list[dict[str, Any]]
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def port(self) -> int:
        return self.door.addresses[0][1]

    @property
    def incoming(self) -> Path:
        return self.folders.incoming(SPRINGFIELD)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == name]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Return as soon as the condition holds; fail the test when it does not in time."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            await asyncio.sleep(0.01)

    async def until_event(self, name: str) -> dict[str, Any]:
        """Return the first event of this name, as soon as there is one."""
        await self.until(lambda: self.events(name), name)
        return self.events(name)[0]

    def notes(self) -> list[Arrival]:
        return list_notes(self.folders, SPRINGFIELD)

    def staged(self) -> list[str]:
        return os.listdir(self.folders.staging(SPRINGFIELD))

    async def connect(
        self,
        account: str = SPRINGFIELD,
        *,
        key: asyncssh.SSHKey | None = None,
        source: str = "127.0.0.1",
        port: int | None = None,
        **options: Any,
    ) -> asyncssh.SSHClientConnection:
        """Log in; the connection is cut when the test ends."""
        options.setdefault("client_keys", [key or self.keys[SPRINGFIELD]])
        connection = await asyncssh.connect(
            "127.0.0.1",
            self.port if port is None else port,
            username=account,
            known_hosts=None,
            config=None,
            agent_path=None,
            local_addr=(source, 0),
            **options,
        )
        self._open.push_async_callback(_cut, connection)
        return connection

    async def sftp(self, **options: Any) -> asyncssh.SFTPClient:
        return await (await self.connect(**options)).start_sftp_client()

    async def raw(self) -> RawSftp:
        """Log in and speak SFTP packet by packet."""
        connection = await self.connect()
        writer, reader, _ = await connection.open_session(subsystem="sftp", encoding=None)
        raw = RawSftp(connection, cast(Any, reader), cast(Any, writer))
        await raw.start()
        return raw

    def change_access(self, **changes: Any) -> None:
        self.keeper.replace(replace(self.keeper.current, **changes))

    async def run(self, *command: str, stdin: str = "") -> tuple[int, str]:
        """Run a client program; return its exit code and what it said."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            output, _ = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, output.decode()

    async def openssh(self, program: str, *arguments: str, stdin: str = "") -> tuple[int, str]:
        """Run `sftp` or `scp` with the account's key and no question asked."""
        options = {
            "IdentityFile": str(self.key_files[SPRINGFIELD]),
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "BatchMode": "yes",
        }
        flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        return await self.run(
            program, "-F", "none", "-P", str(self.port), *flags, *arguments, stdin=stdin
        )


async def _cut(connection: asyncssh.SSHClientConnection) -> None:
    connection.abort()
    await connection.wait_closed()


class RawSftp:
    """An SFTP client that says exactly what it is told to say."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        reader: asyncssh.SSHReader[bytes],
        writer: asyncssh.SSHWriter[bytes],
    ) -> None:
        self.connection = connection
        self.reader = reader
        self.writer = writer
        self._request_id = 0

    async def start(self) -> None:
        self._write(Byte(1) + UInt32(3))
        await self._packet()

    def send(self, kind: int, *fields: bytes) -> int:
        self._request_id += 1
        self._write(Byte(kind) + UInt32(self._request_id) + b"".join(fields))
        return self._request_id

    async def ask(self, kind: int, *fields: bytes) -> tuple[int, SSHPacket]:
        """Send a request and return its answer: the packet's type and what follows its id."""
        request_id = self.send(kind, *fields)
        answer = await self._packet()
        answer_kind = answer.get_byte()
        assert answer.get_uint32() == request_id
        return answer_kind, answer

    async def status(self, kind: int, *fields: bytes) -> tuple[int, str]:
        """Send a request that is answered with a status; return its code and message."""
        answer_kind, answer = await self.ask(kind, *fields)
        assert answer_kind == STATUS
        return answer.get_uint32(), answer.get_string().decode()

    async def open(
        self, name: str, flags: int = 0x1A, *, announced_bytes: int | None = None
    ) -> bytes:
        """Open `incoming/NAME` and return the handle. 0x1a is WRITE, CREAT and TRUNC."""
        attributes = UInt32(0)
        if announced_bytes is not None:
            attributes = UInt32(1) + UInt64(announced_bytes)
        path = f"/{SPRINGFIELD}/incoming/{name}".encode()
        kind, answer = await self.ask(OPEN, String(path), UInt32(flags), attributes)
        assert kind == HANDLE, (kind, answer.get_consumed_payload())
        return answer.get_string()

    async def write(self, handle: bytes, offset: int, content: bytes) -> tuple[int, str]:
        return await self.status(WRITE, String(handle), UInt64(offset), String(content))

    async def close(self, handle: bytes) -> tuple[int, str]:
        return await self.status(CLOSE, String(handle))

    async def set_size(self, handle: bytes, size_bytes: int) -> tuple[int, str]:
        return await self.status(FSETSTAT, String(handle), UInt32(1), UInt64(size_bytes))

    def _write(self, payload: bytes) -> None:
        self.writer.write(UInt32(len(payload)) + payload)

    async def _packet(self) -> SSHPacket:
        async with asyncio.timeout(PATIENCE_SECONDS):
            length = int.from_bytes(await self.reader.readexactly(4), "big")
            return SSHPacket(await self.reader.readexactly(length))


OpenDoor = Callable[..., Awaitable[School]]


@pytest.fixture
def log() -> Iterator[list[dict[str, Any]]]:
    with capture_logs() as lines:
        yield cast(list[dict[str, Any]], lines)


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def allow() -> Callable[..., Allowlist]:
    """Write an allowlist from plain networks."""
    return allowlist


@pytest.fixture(scope="session")
def keys() -> dict[AccountId, asyncssh.SSHKey]:
    return {
        account: asyncssh.generate_private_key("ssh-ed25519")
        for account in (SPRINGFIELD, SHELBYVILLE)
    }


@pytest.fixture
async def open_door(
    tmp_path: Path, log: list[dict[str, Any]], keys: dict[AccountId, asyncssh.SSHKey]
) -> AsyncIterator[OpenDoor]:
    """Open doors with the limits and accounts that a test asks for; all are closed after it."""
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            limits: DoorLimits | None = None,
            access: Access | None = None,
            passwords: Mapping[AccountId, str] | None = None,
            proxies: tuple[str, ...] = (),
        ) -> School:
            school = _school(tmp_path, log, keys, limits, access, passwords or {}, proxies)
            await stack.enter_async_context(_open(school))
            return school

        yield open_one


@pytest.fixture
async def school(open_door: OpenDoor) -> School:
    """A door for two accounts that listens to every loopback address."""
    return await open_door()


def _school(
    folder: Path,
    log: list[dict[str, Any]],
    keys: dict[AccountId, asyncssh.SSHKey],
    limits: DoorLimits | None,
    access: Access | None,
    passwords: Mapping[AccountId, str],
    proxies: tuple[str, ...] = (),
) -> School:
    key_files: dict[AccountId, Path] = {}
    for account, key in keys.items():
        key_files[account] = folder / f"{account}.key"
        key.write_private_key(str(key_files[account]))
        key_files[account].chmod(0o600)
    accounts = {
        account: Account(
            account_id=account,
            name=account.title(),
            timezone=ZoneInfo("America/Chicago"),
            currency="USD",
            authorized_keys=(public_key(key),),
            password_hash=passwords.get(account),
        )
        for account, key in keys.items()
    }
    access = access or Access(accounts=accounts, allowlist=allowlist("127.0.0.0/8"))
    if not access.accounts:
        access = replace(access, accounts=accounts)
    keeper = AccessKeeper(access)
    folders = Folders(folder / "data")
    folders.create_for(SPRINGFIELD)
    metrics = Metrics()
    door = SftpDoor(
        listen=[("127.0.0.1", 0)],
        folders=folders,
        keeper=keeper,
        limits=limits or DoorLimits(disk_reserve_bytes=0),
        clock=SystemClock(),
        metrics=metrics,
        proxies=[ip_network(text) for text in proxies],
    )
    return School(
        door=door,
        keeper=keeper,
        folders=folders,
        metrics=metrics,
        keys=keys,
        key_files=key_files,
        log=log,
    )


@asynccontextmanager
async def _open(school: School) -> AsyncIterator[None]:
    await school.door.start()
    try:
        yield
    finally:
        await school._open.aclose()
        await school.door.stop(deadline_seconds=0)
    # Whatever clients do: it is never an error of ours. A test that makes one clears the log.
    assert school.events("session_failed") == []
