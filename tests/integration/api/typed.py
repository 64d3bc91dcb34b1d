"""What is typed at the command line, as a program asks for it: the same words, the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode

from starlette.types import ASGIApp, Message

from tests.integration.api.conftest import JSON, ROOT, Reply

DEEDS = {
    "payments add": "/payments",
    "payments settle": "/settlements",
    "payments return": "/returns",
    "payments void": "/payments/{payment}/void",
    "charges void": "/charges/{tracking_id}/void",
    "charges refund": "/refunds",
    "charges write-off": "/write-offs",
    "charges penalty": "/penalties",
    "sales add": "/sales",
    "transfers add": "/transfers",
    "payouts add": "/payouts",
    "payouts clear": "/payouts/{payout}/clear",
    "payouts void": "/payouts/{payout}/void",
    "cash deposit": "/cash-deposits",
}
EXIT_CODES = {200: 0, 409: 1, 404: 2, 422: 2}
PROBLEM = {"type", "title", "status", "detail", "code"}


class TypedProgram:
    """Asks the application itself, for whoever tells a story without a loop."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self._token = token
        self.deeds: list[str] = []

    def understands(self, command: str) -> bool:
        """Tell whether the API answers what a command does."""
        words = command.split()
        return words[0] == "report" or " ".join(words[:2]) in DEEDS

    def run(self, command: str) -> tuple[int, dict[str, Any]]:
        """Return the exit code and the JSON that a command would have."""
        words = command.split()
        options = _options(words[2:])
        if words[0] == "report":
            reply = self.ask("GET", f"/reports/{words[1]}?{urlencode(options)}")
        else:
            deed = " ".join(words[:2])
            self.deeds.append(deed)
            if deed in {"sales add", "charges penalty"} and "id" in options:
                options["tracking_id"] = options.pop("id")
            path = DEEDS[deed]
            for name in [name for name in options if f"{{{name}}}" in path]:
                path = path.replace(f"{{{name}}}", quote(str(options.pop(name)), safe=""))
            reply = self.ask("POST", path, options)
        return EXIT_CODES[reply.status], _as_printed(reply)

    def ask(
        self,
        method: str,
        path: str,
        order: Mapping[str, object] | None = None,
        *,
        if_none_match: str = "",
    ) -> Reply:
        """Return the answer to one request."""
        body = b"" if order is None else json.dumps(order).encode()
        headers = [
            (b"authorization", f"Bearer {self._token}".encode()),
            (b"content-type", JSON.encode()),
            (b"if-none-match", if_none_match.encode()),
        ]
        return asyncio.run(self._ask(method, ROOT + path, headers, body))

    async def _ask(
        self, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Reply:
        where, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(where),
            "raw_path": where.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("api.test", 80),
        }
        sent: list[Message] = []

        coming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            if coming:
                return coming.pop()
            await asyncio.Event().wait()  # it stays until it has its answer
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return Reply(
            status=sent[0]["status"],
            headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
            content=b"".join(message.get("body", b"") for message in sent[1:]),
        )


def _options(words: list[str]) -> dict[str, object]:
    """Return what is said behind a command: `--a-b c` is a field, `--d` by itself is true."""
    found: dict[str, object] = {}
    for place, word in enumerate(words):
        if word.startswith("--"):
            following = words[place + 1 : place + 2]
            is_flag = not following or following[0].startswith("--")
            found[word[2:].replace("-", "_")] = True if is_flag else following[0]
    return found


def _as_printed(reply: Reply) -> dict[str, Any]:
    fields = reply.fields
    if reply.status == 409:
        told = {name: value for name, value in fields.items() if name not in PROBLEM}
        return {"status": "refused", "code": fields["code"], **told}
    return {"says": fields["detail"]} if reply.status in {404, 422} else fields
