"""Pages: templates filled in. Every text in them is escaped, whoever wrote it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import jinja2
from markupsafe import escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import ingestd
from ingestd.reports.escaping.markup import readable

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parents[1] / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=lambda value: readable(value) if type(value) is str else value,
)

# What a form sends back is what it was given, to the last space.
_templates.filters["literal"] = escape


def page(request: Request, template: str, *, status: int = 200, **facts: object) -> Response:
    """Return a page made of a template and what it tells."""
    visit = request.scope.get("visit")
    written = _templates.get_template(template).render(
        user=request.scope.get("user"),
        menu=request.scope.get("menu", ()),
        visit=visit,
        path=request.url.path,
        link=link_within(visit.account.account_id if visit and visit.account else None),
        version=ingestd.__version__,
        **facts,
    )
    return HTMLResponse(written, status_code=status)


class link_within:  # noqa: N801 - templates call it as what it makes: link("/uploads", state="failed")
    """Makes addresses of pages that stay with the account that this page is about."""

    def __init__(self, account: str | None) -> None:
        self._account = account

    def __call__(self, path: str, /, **asked: object) -> str:
        """Return the address of a page and what it is asked; None leaves a question out."""
        pairs = {"account": self._account, **asked}
        query = urlencode({name: str(value) for name, value in pairs.items() if value is not None})
        return f"{path}?{query}" if query else path
