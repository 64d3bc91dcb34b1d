"""What stands before every page: a body has bounds, and no error goes without a line."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestd.telemetry.faults import tell_of_fault

_EXCHANGE = "ingestd.exchange"

BODY_BYTES_MAX = 1 << 16
"""How long a body may be, unless a page that takes files allows more."""

BODY_SECONDS = 10.0
"""How long each piece of a body may take."""

# Nothing here is for another site to load or to frame, or for a cache to keep.
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


def allow_body(scope: Scope, bytes_max: int) -> None:
    """Let a request's body be this long: called before it is read, once it is known who sends it.

    A page that is not reached by way of `Bounds` has no bounds to widen.
    """
    exchange: _Exchange | None = scope.get(_EXCHANGE)
    if exchange is not None:
        exchange.bytes_max = bytes_max


class BodyRefusedError(Exception):
    """A body is too long, or does not come: `status` is what is answered."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class Bounds:
    """An application around another one that keeps a request's bounds, and tells of errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = _Exchange(scope, receive, send)
        scope[_EXCHANGE] = exchange
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except BodyRefusedError as error:
            await exchange.refuse(error.status)
        except ClientDisconnect:
            return  # whoever hangs up in the middle of a body makes no error, and waits for none
        except Exception as error:  # noqa: BLE001 - told here, by name and without its words
            tell_of_fault("request", error)
            await exchange.refuse(HTTPStatus.INTERNAL_SERVER_ERROR)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._taken: int | None = None
        self.bytes_max = BODY_BYTES_MAX
        self._body_is_whole = False
        self._answer_has_begun = False

    async def receive(self) -> Message:
        """Return the next piece of the body, or that the peer has gone."""
        if self._body_is_whole:
            return await self._receive()
        if self._taken is None:
            self._check_length()
            self._taken = 0
        try:
            message = await asyncio.wait_for(self._receive(), BODY_SECONDS)
        except TimeoutError as error:
            raise BodyRefusedError(HTTPStatus.REQUEST_TIMEOUT) from error
        self._taken += len(message.get("body", b""))
        self._body_is_whole = not message.get("more_body", False)
        if self._taken > self.bytes_max:
            raise BodyRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    def _check_length(self) -> None:
        """Refuse a body that is said to be too long before any of it comes."""
        told = Headers(scope=self._scope).get("content-length", "0")
        if told.isdecimal() and int(told) > self.bytes_max:
            raise BodyRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    async def send(self, message: Message) -> None:
        """Send a piece of the answer."""
        if message["type"] == "http.response.start":
            self._answer_has_begun = True
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await self._send(message)

    async def refuse(self, status: HTTPStatus) -> None:
        """Answer with an error, unless another answer has begun."""
        if not self._answer_has_begun:
            # Whatever more comes of the body is not waited for.
            headers = {"Connection": "close"}
            answer = PlainTextResponse(f"{status.phrase}\n", status, headers=headers)
            await answer(self._scope, self._receive, self.send)
