"""The gate: no page without somebody who signed in, and no deed that another site asked for."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote, urlsplit

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.database.engine import Database
from ingestd.service.people.sessions import find_session, see_session
from ingestd.service.people.users import User
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import Clock, to_microseconds
from ingestd.values.errors import DatabaseError, DatabaseFaultError, StorageError

COOKIE = "__Host-ingestd"
"""Sent back to this host alone, by HTTPS or on loopback, and to no script."""

SEEING = "see session"
SEEN_SECONDS = 0.5
"""How long a page waits until it is remembered that its session was used."""

_PUBLIC = re.compile(r"/sign-in(/(code|set-up|oidc|oidc/callback))?|/(invite|static)/.*")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            b"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
    ),
)
_NOT_NOW = "The books cannot be reached at the moment. Try again in a minute."
_LOOK_FIRST = "Look first whether what you sent was done: it may have been."

log = get_logger("ingestd.console")


class Gate:
    """An application around the pages that knows who asks.

    With `demands_totp` a session of somebody without a second factor is none.
    """

    def __init__(
        self, pages: ASGIApp, database: Database, clock: Clock, *, demands_totp: bool
    ) -> None:
        self._demands_totp = demands_totp
        self._pages = pages
        self._database = database
        self._clock = clock
        self._seeing: set[asyncio.Task[None]] = set()  # the loop keeps no task alive by itself

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: by a page, by the way to sign in, or not at all."""
        request = Request(scope)

        has_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            await self._answer(request, scope, receive, send_guarded)
        except DatabaseFaultError:
            raise
        except (DatabaseError, StorageError) as error:
            if has_begun:
                raise
            log.error(Event.PAGE_UNAVAILABLE, code=error.code, error=error.message)
            # What a page of an account's is made with may be what is away.
            scope["visit"] = None
            words = _NOT_NOW if request.method in _SAFE else f"{_NOT_NOW} {_LOOK_FIRST}"
            told = {"heading": "Not now", "words": words}
            answer = page(request, "door/refused.html", status=503, **told)
            answer.headers["Retry-After"] = "60"
            await answer(scope, receive, send_guarded)

    async def _answer(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        if request.method not in _SAFE and not is_from_here(request):
            answer = PlainTextResponse("Another site asked for this.\n", status_code=403)
            await answer(scope, receive, send)
            return
        user = await self._find_user(request)
        if user is None and not _PUBLIC.fullmatch(request.url.path):
            await RedirectResponse(_way_to_sign_in(request.url), 303)(scope, receive, send)
            return
        scope["user"] = user
        await self._pages(scope, receive, send)

    async def _find_user(self, request: Request) -> User | None:
        secret = request.cookies.get(COOKIE)
        if not secret or request.url.path.startswith("/static/"):
            return None
        now = to_microseconds(self._clock.now())
        session = await read(find_session, self._database, secret, now=now)
        if session is None or (self._demands_totp and not session.user.has_totp):
            return None
        if session.is_to_be_seen:
            seeing = asyncio.create_task(
                write(see_session, self._database, secret, now=now), name=SEEING
            )
            self._seeing.add(seeing)
            seeing.add_done_callback(self._seeing.discard)
            # A file that is being posted holds the database; nobody waits for it to read a page.
            await asyncio.wait({seeing}, timeout=SEEN_SECONDS)
        return session.user


def is_from_here(request: Request) -> bool:
    """Tell whether a page of this host asks: browsers say where a request comes from."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def safe_way(text: str) -> str:
    """Return where to go on after signing in: a page of this host, whatever a link says."""
    parts = urlsplit(text)
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours and not parts.scheme and not parts.netloc else "/"


def _way_to_sign_in(url: URL) -> str:
    asked = url.path + (f"?{url.query}" if url.query else "")
    return f"/sign-in?next={quote(asked, safe='')}"
