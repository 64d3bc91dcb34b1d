"""The console as one application: its pages, and the gate before them."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from ingestd.console.gate import Gate
from ingestd.console.overview import Overview
from ingestd.console.signing_in import SigningIn
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.people.letting_in import Doorkeeper

_STATIC = Path(__file__).parent / "static"


def make_console(surroundings: Surroundings) -> ASGIApp:
    """Return the application that answers all of the console's addresses."""
    database, clock = surroundings.installation.database, surroundings.installation.clock
    signing_in = SigningIn(Doorkeeper(database, clock), clock)
    overview = Overview(surroundings.health)
    pages = Router(
        [
            Route("/", overview.show),
            Route("/sign-in", signing_in.show),
            Route("/sign-in", signing_in.sign_in, methods=["POST"]),
            Route("/sign-out", signing_in.sign_out, methods=["POST"]),
            Route("/invite/{secret}", signing_in.show_invitation),
            Route("/invite/{secret}", signing_in.accept_invitation, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        redirect_slashes=False,
    )
    return Gate(pages, database, clock)
