"""The second step: a code after the password, or a telephone made known where one is demanded."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.console.door.gate import safe_way
from ingestd.console.door.letting_pass import HALF_COOKIE, let_pass, remember
from ingestd.console.door.proving import Proving, peer_of, told_to_wait
from ingestd.console.page.forms import read_fields
from ingestd.console.page.pages import page
from ingestd.console.page.pictures import qr_code
from ingestd.console.page.threads import read, write
from ingestd.service.people.coming_in import Entrance
from ingestd.service.people.users import User
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger

_WRONG = "This code is wrong, or was used already. The telephone shows another one soon."
_TOO_LATE = "That took too long, or too many codes were wrong. Begin again with your password."
_CODE_CHARACTERS_MAX = 100

log = get_logger("ingestd.console")


class SecondStep:
    """The pages of somebody whose password was right, and who is not in yet."""

    def __init__(self, entrance: Entrance, proving: Proving) -> None:
        self._entrance = entrance
        self._proving = proving

    async def show_code(self, request: Request) -> Response:
        """Ask for a code."""
        user = await self._find(request)
        way = request.query_params.get("next", "/")
        return _begin_again() if user is None else _ask_code(request, way)

    async def give_code(self, request: Request) -> Response:
        """Let somebody in whose code is right, and was not used."""
        fields = await read_fields(request)
        way = fields.get("next", "/")
        user = await self._find(request)
        if user is None:
            return _ask_code(request, way, trouble=_TOO_LATE, status=403, is_over=True)
        if wait := self._seconds_to_wait(user, request):
            return _ask_code(request, way, trouble=told_to_wait(wait), status=429)
        arrival = await write(
            self._entrance.give_code,
            request.cookies.get(HALF_COOKIE, ""),
            fields.get("code", "")[:_CODE_CHARACTERS_MAX],
            peer=peer_of(request),
        )
        if arrival is None:
            await self._tell_failed(user, request)
            is_over = await self._find(request) is None
            trouble = _TOO_LATE if is_over else _WRONG
            return _ask_code(request, way, trouble=trouble, status=403, is_over=is_over)
        self._proving.codes.succeed(name=user.name, address=peer_of(request))
        return let_pass(request, arrival, way)

    async def show_set_up(self, request: Request) -> Response:
        """Show what a telephone has to be told before anything else is shown."""
        return await self._ask_set_up(request, request.query_params.get("next", "/"))

    async def set_up(self, request: Request) -> Response:
        """Let somebody in whose telephone makes the right codes; show the recovery codes, once."""
        fields = await read_fields(request)
        way = fields.get("next", "/")
        user = await self._find(request)
        if user is None:
            return _ask_code(request, way, trouble=_TOO_LATE, status=403, is_over=True)
        if wait := self._seconds_to_wait(user, request):
            return await self._ask_set_up(request, way, trouble=told_to_wait(wait), status=429)
        done = await write(
            self._entrance.set_up,
            request.cookies.get(HALF_COOKIE, ""),
            fields.get("code", "")[:_CODE_CHARACTERS_MAX],
            peer=peer_of(request),
        )
        if done is None:
            await self._tell_failed(user, request)
            return await self._ask_set_up(request, way, trouble=_WRONG, status=403)
        self._proving.codes.succeed(name=user.name, address=peer_of(request))
        answer = page(
            request, "door/recovery_codes.html", codes=done.recovery_codes, way=safe_way(way)
        )
        return remember(request, answer, done.arrival)

    async def _ask_set_up(
        self, request: Request, way: str, *, trouble: str | None = None, status: int = 200
    ) -> Response:
        secret = request.cookies.get(HALF_COOKIE, "")
        offer = await read(self._entrance.find_offer, secret) if secret else None
        if offer is None:
            return _begin_again()
        return page(
            request,
            "door/set_up.html",
            status=status,
            offer=offer,
            picture=qr_code(offer.address),
            way=safe_way(way),
            trouble=trouble,
        )

    async def _find(self, request: Request) -> User | None:
        secret = request.cookies.get(HALF_COOKIE, "")
        return await read(self._entrance.find_half, secret) if secret else None

    def _seconds_to_wait(self, user: User, request: Request) -> int:
        """Return for how long no code of a user is looked at; 0: this one is, and is counted."""
        who = {"name": user.name, "address": peer_of(request)}
        wait = self._proving.codes.seconds_to_wait(**who)
        if not wait:
            self._proving.codes.begin(**who)
        return wait

    async def _tell_failed(self, user: User, request: Request) -> None:
        peer = peer_of(request)
        log.warning(Event.SIGN_IN_FAILED, user=user.name, peer=peer)
        await write(self._entrance.tell_failed, user, peer=peer, at="code")


def _ask_code(
    request: Request,
    way: str,
    *,
    trouble: str | None = None,
    status: int = 200,
    is_over: bool = False,
) -> Response:
    return page(
        request,
        "door/code.html",
        status=status,
        way=safe_way(way),
        trouble=trouble,
        is_over=is_over,
    )


def _begin_again() -> Response:
    return RedirectResponse("/sign-in", 303)
