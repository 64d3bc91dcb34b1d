"""Programs with tokens that ask the API, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingestd.service.people.scopes import TokenScope
from ingestd.service.people.tokens import TokenKeeper
from ingestd.values.identifiers import AccountId
from tests.integration.console.conftest import (
    SPRINGFIELD,
    TEST,
    Console,
    console,
    database,
    either,
    make_database,
    server,
    sqlite_pattern,
)
from tests.integration.http.peers import ask

__all__ = ["console", "database", "either", "make_database", "server", "sqlite_pattern"]

ROOT = "/api/v1"
JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a program got."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON of it."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        fields = self.fields
        assert fields["status"] == self.status
        assert fields["type"] == f"urn:ingestd:problem:{fields['code']}"
        assert fields["detail"]
        assert fields["title"]
        return str(fields["code"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that sends its token with all that it asks."""

    port: int
    token: str | None = None

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, b"", **headers)

    async def post(self, path: str, order: object = None) -> Reply:
        body = b"" if order is None else json.dumps(order).encode()
        return await self.send("POST", path, body, content_type=JSON)

    async def put(self, name: str, content: bytes, **headers: str) -> Reply:
        return await self.send("PUT", f"/incoming/{name}", content, **headers)

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Ask; a path without `/api` is one of the API's, a header's `_` is a `-`."""
        where = path if path.startswith("/api") else ROOT + path
        lines = {
            "host": "api.test",
            "connection": "close",
            "content-length": str(len(body)),
            "authorization": f"Bearer {self.token}" if self.token else "",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        return reply_of(
            await ask(self.port, f"{method} {where} HTTP/1.1\r\n{head}\r\n".encode() + body)
        )


def reply_of(answer: bytes) -> Reply:
    """Return what a server sent."""
    top, _, content = answer.partition(b"\r\n\r\n")
    first, *rest = top.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    if headers.get("transfer-encoding") == "chunked":
        content = _joined(content)
    return Reply(status=int(first.split()[1]), headers=headers, content=content)


def _joined(chunked: bytes) -> bytes:
    pieces = []
    while chunked:
        size, _, rest = chunked.partition(b"\r\n")
        pieces.append(rest[: int(size, 16)])
        chunked = rest[int(size, 16) + 2 :]
    return b"".join(pieces)


def program(
    console: Console,
    *scopes: TokenScope,
    accounts: Iterable[AccountId] = (SPRINGFIELD,),
    name: str = "erp",
) -> Program:
    """Return a program with a new token; without scopes it has all of them."""
    tokens = TokenKeeper(console.database, console.clock)
    made = tokens.add(name, scopes or TokenScope, accounts, by=TEST)
    return Program(port=console.port, token=made.written)
