"""Letting pass: what somebody is sent who is who they say, and what stays in their browser."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ingestd.console.door.gate import COOKIE, safe_way
from ingestd.console.door.proving import peer_of
from ingestd.service.people.coming_in import Arrival, Owed
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger

HALF_COOKIE = "__Host-ingestd-half"
"""Of somebody who owes a code. It opens no page: the gate does not look at it."""

_PLACES = {Owed.CODE: "/sign-in/code", Owed.SET_UP: "/sign-in/set-up"}

log = get_logger("ingestd.console")


def let_pass(request: Request, arrival: Arrival, way: str) -> Response:
    """Send somebody to where they wanted, or to where they do what they owe."""
    if arrival.owes is None:
        return remember(request, RedirectResponse(safe_way(way), 303), arrival)
    place = f"{_PLACES[arrival.owes]}?next={quote(safe_way(way), safe='')}"
    answer = RedirectResponse(place, 303)
    _set(answer, HALF_COOKIE, arrival.secret)
    return answer


def remember(request: Request, answer: Response, arrival: Arrival) -> Response:
    """Let an answer sign somebody in; whatever cookie there was before is worth nothing."""
    log.info(Event.USER_SIGNED_IN, user=arrival.user.name, peer=peer_of(request))
    _set(answer, COOKIE, arrival.secret)
    if HALF_COOKIE in request.cookies:
        answer.delete_cookie(HALF_COOKIE, secure=True, httponly=True, samesite="lax")
    return answer


def _set(answer: Response, name: str, secret: str) -> None:
    answer.set_cookie(name, secret, secure=True, httponly=True, samesite="lax", path="/")
