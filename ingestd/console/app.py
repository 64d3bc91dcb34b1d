"""The console as one application: every page with its right, and the gate before them."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from ingestd.console.door.gate import Gate
from ingestd.console.door.rights import Asked, Right, Rooms, refuse
from ingestd.console.door.signing_in import SigningIn
from ingestd.console.files.rooms import counters, uploads
from ingestd.console.overview import Overview
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.people.letting_in import Doorkeeper

_STATIC = Path(__file__).parent / "static"


def make_console(surroundings: Surroundings) -> ASGIApp:
    """Return the application that answers all of the console's addresses."""
    database, clock = surroundings.installation.database, surroundings.installation.clock
    signing_in = SigningIn(Doorkeeper(database, clock), clock)
    rooms = make_rooms(surroundings)
    pages = Router(
        [
            Route("/sign-in", signing_in.show),
            Route("/sign-in", signing_in.sign_in, methods=["POST"]),
            Route("/sign-out", signing_in.sign_out, methods=["POST"]),
            Route("/invite/{secret}", signing_in.show_invitation),
            Route("/invite/{secret}", signing_in.accept_invitation, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
            *rooms.routes(),
        ],
        redirect_slashes=False,
        default=_nothing_here,
    )
    return Gate(pages, database, clock)


def make_rooms(surroundings: Surroundings) -> Rooms:
    """Return every page behind the door, in the menu's order."""
    overview = Overview(
        surroundings.health,
        keeper=surroundings.keeper,
        database=surroundings.installation.database,
        clock=surroundings.installation.clock,
    )
    return Rooms(
        keeper=surroundings.keeper,
        asked=(
            Asked(path="/", right=Right.SIGNED_IN, answer=overview.show, entry="Overview"),
            *counters(surroundings),
            *uploads(surroundings),
        ),
    )


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    answer: Response = refuse(Request(scope), 404)
    await answer(scope, receive, send)
