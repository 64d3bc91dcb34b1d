"""Pages: templates filled in. Every text in them is escaped, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import ingestd
from ingestd.reports.escaping.markup import readable

_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=lambda value: readable(value) if type(value) is str else value,
)


def page(request: Request, template: str, *, status: int = 200, **facts: object) -> Response:
    """Return a page made of a template and what it tells."""
    written = _templates.get_template(template).render(
        user=request.scope.get("user"), version=ingestd.__version__, **facts
    )
    return HTMLResponse(written, status_code=status)
