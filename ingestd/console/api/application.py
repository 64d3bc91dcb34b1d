"""The API as one application: its endpoints, its errors, and what it says of itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

import ingestd
from ingestd.console.api.addresses import OPENAPI, ROOT
from ingestd.console.api.deeds import Deeds
from ingestd.console.api.figures import Figures
from ingestd.console.api.files import Files
from ingestd.console.api.problems import (
    MEDIA_TYPE,
    Problem,
    ProblemError,
    problem,
    problem_of,
)
from ingestd.console.api.strictness import StrictRoute
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.http.bounds import BodyRefusedError
from ingestd.values.errors import IngestdError

_ABOUT = (
    "What districts and providers do by program: files, receipts, figures, money. Tokens are made "
    "with `ingestd token add`."
)
_HTTP: dict[int, tuple[str, str]] = {
    HTTPStatus.NOT_FOUND: ("no_such_address", "There is no such address."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "That is not done here: see Allow."),
}


def make_api(surroundings: Surroundings) -> FastAPI:
    """Return the application that answers what has a token."""
    api = FastAPI(
        title="ingestd",
        version=ingestd.__version__,
        description=_ABOUT,
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # What is told of requests is told in the log, by name and without their words.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    api.state.keeper = surroundings.keeper
    router = APIRouter(prefix=f"{ROOT}/v1", route_class=StrictRoute)
    Files(surroundings).routes(router)
    Figures(surroundings.installation).routes(router)
    Deeds(surroundings.installation).routes(router)
    api.include_router(router)
    _answer_errors(api)
    described = _describe(api)
    api.openapi = lambda: described  # type: ignore[method-assign]
    return api


def _answer_errors(api: FastAPI) -> None:
    """Let every error be a problem."""

    async def own(_: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)
        return error.answer()

    async def of_ours(_: Request, error: Exception) -> Response:
        assert isinstance(error, IngestdError | BodyRefusedError)
        return problem_of(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = [
            {"where": ".".join(map(str, one["loc"])), "message": one["msg"]}
            for one in error.errors()
        ]
        detail = "; ".join(f"{one['where']}: {one['message']}" for one in wrong)
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, more={"errors": wrong})

    async def of_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code, detail = _HTTP.get(error.status_code, ("malformed", "That cannot be read."))
        return problem(error.status_code, code, detail, headers=error.headers)

    async def gone(_: Request, __: Exception) -> Response:
        return problem(HTTPStatus.BAD_REQUEST, "cut_off", "The body did not come whole.")

    async def fault(_: Request, __: Exception) -> Response:
        # It is raised again, and told in the log.
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "fault",
            "That is a fault of ours, and stands in our log.",
        )

    api.add_exception_handler(ProblemError, own)
    api.add_exception_handler(IngestdError, of_ours)
    api.add_exception_handler(BodyRefusedError, of_ours)
    api.add_exception_handler(RequestValidationError, invalid)
    api.add_exception_handler(HTTPException, of_http)
    api.add_exception_handler(ClientDisconnect, gone)
    api.add_exception_handler(Exception, fault)


def _describe(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description: errors are problems, and every endpoint needs a token."""
    described = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes
    )
    error = {
        "description": "What kept it from being done.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in described["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"] |= {"4XX": error, "5XX": error}
            operation["security"] = [{"token": []}]
    components = described["components"]
    schemas = components["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema()
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return described
