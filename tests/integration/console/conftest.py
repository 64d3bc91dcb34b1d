"""A console that runs, and visitors with browsers that keep cookies."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from argon2 import PasswordHasher

from ingestd.access.keeper import AccessKeeper
from ingestd.config.editing.examples import write_examples
from ingestd.config.files.settings import Settings
from ingestd.config.judging.values import ListenAddress
from ingestd.console.app import make_console
from ingestd.console.door import gate
from ingestd.database.engine import Database
from ingestd.service.daemon.bounds import door_limits
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.files.receiving import Receiver
from ingestd.service.http.health import Health
from ingestd.service.http.server import HttpServer
from ingestd.service.installation.bootstrap import Installation, open_installation
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.letting_in import Doorkeeper
from ingestd.service.people.links import use_links
from ingestd.service.people.roles import Role, RoleKind
from ingestd.service.people.users import read_user, set_password
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.spool.files import make_folder
from ingestd.telemetry.metrics import Metrics
from ingestd.values.identifiers import AccountId
from tests.integration.database import conftest as databases
from tests.integration.database.conftest import database, make_database, server, sqlite_pattern
from tests.integration.http.peers import PATIENCE, ask, running

__all__ = ["database", "make_database", "server", "sqlite_pattern"]

PASSWORD = "correct horse battery"
QUICK_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
"""What a hash costs to verify stands in it: few tests are about that."""

HOST = "console.test"
TEST = Doer(name="test", via=Via.COMMAND)
ADMIN = frozenset({Role(RoleKind.ADMIN)})
SPRINGFIELD, SHELBYVILLE = AccountId("SPRINGFIELD"), AccountId("SHELBYVILLE")


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.instant = datetime(2026, 3, 2, 18, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant

    def monotonic(self) -> float:
        return self.instant.timestamp()

    def pass_(self, time: timedelta) -> None:
        self.instant += time


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def way(self) -> str:
        """Where it sends the browser."""
        return self.headers["location"]


@dataclass(slots=True, kw_only=True)
class Visitor:
    """A browser: it sends back the cookies that it was given, and says which page asks."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, {"Sec-Fetch-Site": "none", **named(headers)}, b"")

    async def post(
        self, path: str, fields: Mapping[str, str] | None = None, **headers: str
    ) -> Answer:
        told = {"Sec-Fetch-Site": "same-origin"} if "Origin" not in named(headers) else {}
        return await self._ask(
            "POST", path, {**told, **named(headers)}, urlencode(fields or {}).encode()
        )

    async def post_form(self, path: str, body: bytes, boundary: str) -> Answer:
        """Post a form that brings a file."""
        kind = f"multipart/form-data; boundary={boundary}"
        headers = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
        return await self._ask("POST", path, headers, body)

    async def sign_in(self, name: str, password: str = PASSWORD, way: str = "/") -> Answer:
        return await self.post("/sign-in", {"name": name, "password": password, "next": way})

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        lines = {
            "Host": HOST,
            "Connection": "close",
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Length": str(len(body)),
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        sent = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
        answer = await ask(self.port, sent)
        top, _, text = answer.decode().partition("\r\n\r\n")
        first, *rest = top.split("\r\n")
        pairs = [
            (name.lower(), value) for name, _, value in (line.partition(": ") for line in rest)
        ]
        for name, value in pairs:
            if name == "set-cookie":
                self.given.append(value)
                for key, morsel in SimpleCookie(value).items():
                    self.cookies[key] = morsel.value
                    if morsel["max-age"] == "0":
                        del self.cookies[key]
        return Answer(status=int(first.split()[1]), headers=dict(pairs), text=text)


def named(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as they are called: `sec_fetch_site` is Sec-Fetch-Site."""
    return {name.replace("_", "-").title(): value for name, value in headers.items()}


@dataclass(slots=True, kw_only=True)
class Console:
    """A console that runs on a database of its own."""

    installation: Installation
    keeper: AccessKeeper
    clock: Clock
    doorkeeper: Doorkeeper
    port: int = 0
    surroundings: Surroundings = field(init=False)

    @property
    def database(self) -> Database:
        """What it is kept in."""
        return self.installation.database

    def visitor(self) -> Visitor:
        """Return a new browser."""
        return Visitor(port=self.port)

    def invite(self, name: str, roles: frozenset[Role] = ADMIN) -> str:
        """Let somebody in; return the path of the link."""
        secret = self.doorkeeper.invite(name, roles, email=None, by=TEST).secret
        return f"/invite/{secret}"

    async def let_in(self, name: str, roles: frozenset[Role] = ADMIN) -> Visitor:
        """Return somebody who has a password and is signed in."""
        self.invite(name, roles)
        with self.database.writing() as connection:
            user = read_user(connection, name)
            use_links(connection, user)
            set_password(connection, user, QUICK_HASH)
        visitor = self.visitor()
        answer = await visitor.sign_in(name)
        assert (answer.status, answer.way) == (303, "/")
        return visitor


def furnish(
    folder: Path, database: Database, clock: Clock, north: Database | None = None
) -> Installation:
    """Return an installation of two districts whose books a database holds.

    With `north` the second one's are there.
    """
    write_examples(folder)
    settings = folder / "ingestd.toml"
    told = f'data_dir = "{folder / "data"}"\n'
    if north is not None:
        url = north.engine.url.render_as_string(hide_password=False)
        told += f'[databases.north]\nurl = "{url}"\naccounts = ["{SHELBYVILLE}"]\n'
    settings.write_text(told)
    accounts = "".join(
        f'[{name}]\nname = "{name.title()}"\ntimezone = "America/Chicago"\ncurrency = "USD"\n'
        for name in (SPRINGFIELD, SHELBYVILLE)
    )
    (folder / "accounts.toml").write_text(accounts)
    (folder / "allowlist.toml").write_text("everyone = []\ndeny = []\n[accounts]\n")
    opened = open_installation(settings)
    opened.close()
    further = tuple(replace(one, database=north or database, clock=clock) for one in opened.further)
    for one in opened.shards:
        make_folder(one.folders.data_dir)
    return replace(opened, database=database, clock=clock, further=further)


@asynccontextmanager
async def console_on(
    database: Database,
    folder: Path,
    set_up: Callable[[Settings], Settings] = lambda same: same,
    north: Database | None = None,
) -> AsyncIterator[Console]:
    """Run a console, with other settings where `set_up` makes them."""
    clock = Clock()
    gate.SEEN_SECONDS = PATIENCE  # its clock leaps: nothing may be remembered late
    installation = furnish(folder, database, clock, north)
    installation = replace(installation, settings=set_up(installation.settings))
    keeper = AccessKeeper(installation.access)
    doorkeeper = Doorkeeper(database, clock)
    console = Console(installation=installation, keeper=keeper, clock=clock, doorkeeper=doorkeeper)

    async def well() -> str:
        return ""

    metrics = Metrics()
    health = Health(checks={"sftp": well}, pending=list, metrics=metrics)
    folders, limits = installation.folders, door_limits(installation.settings)
    uploads = Uploads(folders=folders, keeper=keeper, limits=limits, clock=clock, metrics=metrics)
    console.surroundings = Surroundings(
        installation=installation,
        keeper=keeper,
        health=health,
        receiver=Receiver(uploads=uploads, folders=folders, keeper=keeper, limits=limits),
    )
    app = health.app(make_console(console.surroundings))
    listen = ListenAddress(host="127.0.0.1", port=0)
    server = HttpServer(app, listen=listen, tls=None, trusted_proxies=())
    async with running(server):
        console.port = server.port
        yield console


@pytest.fixture
async def console(make_database: databases.MakeDatabase, tmp_path: Path) -> AsyncIterator[Console]:
    """Return a console on SQLite, for what no database decides."""
    async with console_on(make_database("sqlite"), tmp_path) as found:
        yield found


@pytest.fixture
async def either(database: Database, tmp_path: Path) -> AsyncIterator[Console]:
    """Return a console; every test that asks for it runs on both databases."""
    async with console_on(database, tmp_path) as found:
        yield found


def fields_of(page: str) -> dict[str, Any]:
    """Return the hidden fields of a page's forms."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
