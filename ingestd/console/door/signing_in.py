"""Signing in and out, and choosing a password by a one-time link."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.passwords import (
    CHARACTERS_MAX,
    CHARACTERS_MIN,
    VERIFICATIONS_MAX,
    fits,
    hash_in_vain,
)
from ingestd.console.door.attempts import Attempts
from ingestd.console.door.gate import COOKIE, safe_way
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.service.people.letting_in import Doorkeeper
from ingestd.service.people.users import User
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import Clock
from ingestd.values.errors import UsageError

_WRONG = "Name or password is wrong."

log = get_logger("ingestd.console")


class SigningIn:
    """The pages by which somebody comes in and goes out."""

    def __init__(self, doorkeeper: Doorkeeper, clock: Clock) -> None:
        self._doorkeeper = doorkeeper
        self._attempts = Attempts(clock.monotonic)
        self._threads = ThreadPoolExecutor(VERIFICATIONS_MAX, thread_name_prefix="argon2")

    async def show(self, request: Request) -> Response:
        """Ask who somebody is."""
        return _ask(request, way=request.query_params.get("next", "/"))

    async def sign_in(self, request: Request) -> Response:
        """Let somebody in whose password is right; all else takes as long, and says the same."""
        fields = await read_fields(request)
        name = fields.get("name", "").strip().lower()[:CHARACTERS_MAX]
        password = fields.get("password", "")[:CHARACTERS_MAX]
        way = fields.get("next", "/")
        address = request.client.host if request.client else ""
        if wait := self._attempts.seconds_to_wait(name=name, address=address):
            minutes = -(-wait // 60)
            told = f"Too many attempts. Try again in {minutes} minute{'s'[: minutes > 1]}."
            answer = _ask(request, way=way, trouble=told, status=429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        self._attempts.begin(name=name, address=address)
        user = await read(self._doorkeeper.find, name)
        secret = await self._prove(user, password)
        if user is None or secret is None:
            log.warning(
                Event.SIGN_IN_FAILED, user=None if user is None else user.name, peer=address
            )
            return _ask(request, way=way, trouble=_WRONG, status=403)
        self._attempts.succeed(name=name, address=address)
        log.info(Event.USER_SIGNED_IN, user=user.name, peer=address)
        return _let_in(secret, way)

    async def sign_out(self, request: Request) -> Response:
        """End the session, here and in the database."""
        secret = request.cookies.get(COOKIE, "")
        await write(self._doorkeeper.sign_out, secret)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
        return answer

    async def show_invitation(self, request: Request) -> Response:
        """Ask somebody who was let in for a password."""
        secret = request.path_params["secret"]
        user = await read(self._doorkeeper.find_invited, secret)
        return _ask_password(request, user)

    async def accept_invitation(self, request: Request) -> Response:
        """Take the password, and let its owner in."""
        fields = await read_fields(request)
        password, again = fields.get("password", ""), fields.get("again", "")
        secret = request.path_params["secret"]
        user = await read(self._doorkeeper.find_invited, secret)
        if user is None:
            return _ask_password(request, None)
        if password != again:
            return _ask_password(request, user, trouble="The two passwords differ.")
        loop = asyncio.get_running_loop()
        accept = self._doorkeeper.accept
        try:
            session = await loop.run_in_executor(self._threads, accept, secret, password)
        except UsageError as error:
            return _ask_password(request, user, trouble=error.message)
        if session is None:
            return _ask_password(request, None)
        address = request.client.host if request.client else ""
        log.info(Event.USER_SIGNED_IN, user=user.name, peer=address)
        return _let_in(session, "/")

    async def _prove(self, user: User | None, password: str) -> str | None:
        """Return the secret of a session where a password is the user's."""
        loop = asyncio.get_running_loop()
        if user is None or user.password_hash is None or user.is_disabled:
            await loop.run_in_executor(self._threads, hash_in_vain, None, password)
            return None
        if not await loop.run_in_executor(self._threads, fits, user.password_hash, password):
            return None
        return await write(self._doorkeeper.sign_in, user)


def _ask(request: Request, *, way: str, trouble: str | None = None, status: int = 200) -> Response:
    return page(request, "door/sign_in.html", status=status, way=safe_way(way), trouble=trouble)


def _ask_password(request: Request, user: User | None, *, trouble: str | None = None) -> Response:
    status = 404 if user is None else 200 if trouble is None else 422
    return page(
        request,
        "door/invitation.html",
        status=status,
        invited=user,
        trouble=trouble,
        characters_min=CHARACTERS_MIN,
    )


def _let_in(secret: str, way: str) -> Response:
    answer = RedirectResponse(safe_way(way), 303)
    answer.set_cookie(COOKIE, secret, secure=True, httponly=True, samesite="lax", path="/")
    return answer
