"""Problems: what a program is told when it does not get what it asked for. Source: RFC 9457."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from ingestd.service.files.receiving import NotReceivedError
from ingestd.service.files.upload_keys import KeyInUseError
from ingestd.service.http.bounds import BodyRefusedError
from ingestd.values.errors import (
    DatabaseError,
    IngestdError,
    LedgerRefusal,
    UnknownNameError,
    UsageError,
)

MEDIA_TYPE = "application/problem+json"
AGAIN_SECONDS = 5
"""After how long a program may ask again for what the world did not let happen."""

_OPTION = re.compile(r"--([a-z][a-z-]*)")
_STATUS_OF_BODY = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too_large", "The body is longer than is taken."),
    HTTPStatus.REQUEST_TIMEOUT: ("too_slow", "The body did not come in time."),
}


class Problem(BaseModel):
    """What every error is answered with; `code` never changes, and more may stand beside it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str


class ProblemError(Exception):
    """A request that is answered with a problem of the API's own."""

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers

    def answer(self) -> Response:
        """Return it as it is sent."""
        return problem(self.status, self.code, self.detail, headers=self.headers)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """Return a problem as it is sent; `more` stands beside what every problem has."""
    fields = {
        **(more or {}),
        "type": f"urn:ingestd:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": int(status),
        "detail": detail,
        "code": code,
    }
    # In ASCII: what is repeated of a request may be no text.
    content = json.dumps(fields).encode("ascii")
    return Response(content, int(status), headers=headers, media_type=MEDIA_TYPE)


def problem_of(error: IngestdError | BodyRefusedError) -> Response:
    """Return what an error of ours is told as; what is only for operators is left out."""
    if isinstance(error, BodyRefusedError):
        code, detail = _STATUS_OF_BODY[error.status]
        # Whatever more comes of the body is not waited for.
        return problem(error.status, code, detail, headers={"Connection": "close"})
    status, code = _status_and_code(error)
    detail, more = _in_fields(error.message), None
    if isinstance(error, LedgerRefusal):
        more = error.told
    elif isinstance(error, DatabaseError):
        # Its message names the database, which is nobody's here.
        detail = "The database does not answer. Try again later."
    elif status is HTTPStatus.SERVICE_UNAVAILABLE and not isinstance(error, NotReceivedError):
        detail = "That is not possible at the moment. Try again later."
    return problem(status, code, detail, headers=_again(status), more=more)


def _status_and_code(error: IngestdError) -> tuple[HTTPStatus, str]:
    match error:
        case NotReceivedError():
            return error.status, error.reason
        case KeyInUseError():
            return HTTPStatus.CONFLICT, error.code
        case UnknownNameError():
            return HTTPStatus.NOT_FOUND, error.code
        case UsageError():
            return HTTPStatus.UNPROCESSABLE_ENTITY, "invalid"
        case LedgerRefusal():
            return HTTPStatus.CONFLICT, error.refusal or "refused"
        case _:
            return HTTPStatus.SERVICE_UNAVAILABLE, error.code


def _again(status: HTTPStatus) -> dict[str, str] | None:
    may_ask_again = {
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INSUFFICIENT_STORAGE,
    }
    return {"Retry-After": str(AGAIN_SECONDS)} if status in may_ask_again else None


def _in_fields(message: str) -> str:
    """Return a message in which a command's options are called as the fields are here."""
    return _OPTION.sub(lambda found: f"`{found[1].replace('-', '_')}`", message)
