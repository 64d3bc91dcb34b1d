"""Help: what each page of the menu is for, and the keys."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ingestd.console.door.rights import Visit
from ingestd.console.page.pages import page


async def show_help(request: Request, _visit: Visit) -> Response:
    """Show it, for the pages that somebody has."""
    return page(request, "help.html")
