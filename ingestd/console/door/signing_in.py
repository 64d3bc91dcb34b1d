"""Signing in and out, and choosing a password by a one-time link."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.access.passwords import CHARACTERS_MAX, CHARACTERS_MIN
from ingestd.console.door.gate import COOKIE, safe_way
from ingestd.console.door.letting_pass import let_pass
from ingestd.console.door.proving import Proving, peer_of, told_to_wait
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.threads import read, write
from ingestd.service.people.coming_in import Arrival, Entrance
from ingestd.service.people.users import User
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import UsageError

TELLING = "tell of a failure"

_WRONG = "Name or password is wrong."

log = get_logger("ingestd.console")


class SigningIn:
    """The pages by which somebody comes in and goes out. `vouches`: who else says who it is."""

    def __init__(self, entrance: Entrance, proving: Proving, *, vouches: str | None) -> None:
        self._entrance = entrance
        self._proving = proving
        self._vouches = vouches
        self._telling: set[asyncio.Task[None]] = set()  # the loop keeps no task alive by itself

    async def show(self, request: Request) -> Response:
        """Ask who somebody is."""
        return self._ask(request, way=request.query_params.get("next", "/"))

    async def sign_in(self, request: Request) -> Response:
        """Let somebody in whose password is right; all else takes as long, and says the same."""
        fields = await read_fields(request)
        name = fields.get("name", "").strip().lower()[:CHARACTERS_MAX]
        password = fields.get("password", "")[:CHARACTERS_MAX]
        way = fields.get("next", "/")
        address = peer_of(request)
        attempts = self._proving.passwords
        if wait := attempts.seconds_to_wait(name=name, address=address):
            answer = self._ask(request, way=way, trouble=told_to_wait(wait), status=429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        attempts.begin(name=name, address=address)
        user = await read(self._entrance.find, name)
        arrival = await self._prove(user, password, address)
        if arrival is None:
            self._tell_failed(user, address)
            return self._ask(request, way=way, trouble=_WRONG, status=403)
        attempts.succeed(name=name, address=address)
        return let_pass(request, arrival, way)

    async def sign_out(self, request: Request) -> Response:
        """End the session, here and in the database."""
        secret = request.cookies.get(COOKIE, "")
        await write(self._entrance.sign_out, secret)
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
        return answer

    async def show_invitation(self, request: Request) -> Response:
        """Ask somebody who was let in for a password."""
        secret = request.path_params["secret"]
        user = await read(self._entrance.find_invited, secret)
        return _ask_password(request, user)

    async def accept_invitation(self, request: Request) -> Response:
        """Take the password, and let its owner in."""
        fields = await read_fields(request)
        password, again = fields.get("password", ""), fields.get("again", "")
        secret = request.path_params["secret"]
        user = await read(self._entrance.find_invited, secret)
        if user is None:
            return _ask_password(request, None)
        if password != again:
            return _ask_password(request, user, trouble="The two passwords differ.")
        accept = self._entrance.accept
        try:
            arrival = await self._proving.run(accept, secret, password, peer=peer_of(request))
        except UsageError as error:
            return _ask_password(request, user, trouble=error.message)
        return _ask_password(request, None) if arrival is None else let_pass(request, arrival, "/")

    async def _prove(self, user: User | None, password: str, peer: str) -> Arrival | None:
        if not await self._proving.fits(user, password) or user is None:
            return None
        return await write(self._entrance.sign_in, user, peer=peer)

    def _tell_failed(self, user: User | None, address: str) -> None:
        log.warning(Event.SIGN_IN_FAILED, user=None if user is None else user.name, peer=address)
        if user is None:
            return
        # Nobody waits for it: how long an answer takes must not tell whether there is a user.
        telling = asyncio.create_task(
            write(self._entrance.tell_failed, user, peer=address, at="password"), name=TELLING
        )
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    def _ask(
        self, request: Request, *, way: str, trouble: str | None = None, status: int = 200
    ) -> Response:
        return page(
            request,
            "door/sign_in.html",
            status=status,
            way=safe_way(way),
            trouble=trouble,
            vouches=self._vouches,
        )


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
