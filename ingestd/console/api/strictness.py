"""Strictness: what a request says is read in one way only, and nothing of it is passed over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine, Iterator
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from ingestd.console.api.problems import ProblemError

_JSON = re.compile(r"application/json(?:\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _seen(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds what cannot be seen")
    return text


def _day(text: object) -> date:
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("a day is written such as 2026-03-02")
    return date.fromisoformat(text)


def _text(characters_max: int) -> Any:  # noqa: ANN401 - a type, made from a number
    bounds = StringConstraints(min_length=1, max_length=characters_max)
    return Annotated[str, bounds, AfterValidator(_seen)]


Name = _text(100)
"""An id, a code or a key: what longer ones are is for the books to say."""

FileName = _text(255)

Words = _text(300)
"""A reason, a name, an address."""

Amount = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,5})?$"),
    Field(description="Digits with the currency's decimals, as text and never as a number."),
    Field(examples=["80.00"]),
]
Day = Annotated[
    date,
    BeforeValidator(_day, json_schema_input_type=date),
    Field(description="A day in the account's time zone.", examples=["2026-03-02"]),
]


class StrictRoute(APIRoute):
    """A route that refuses what it does not know: parameters, types of bodies, doubtful JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers, behind what refuses."""
        handler = super().get_route_handler()
        known = frozenset(_parameters(self.dependant))
        takes_json = self.body_field is not None

        async def answer(request: Request) -> Response:
            _refuse_unknown(request, known)
            if takes_json:
                request = _JsonRequest(request.scope, request.receive)
                await request.parse()
            return await handler(request)

        return answer


def _parameters(dependant: Dependant) -> Iterator[str]:
    """Yield the names of all parameters that stand behind a `?`."""
    yield from (field.alias for field in dependant.query_params)
    for other in dependant.dependencies:
        yield from _parameters(other)


class _JsonRequest(Request):
    """A request whose JSON means one thing to everybody who reads it."""

    async def parse(self) -> None:
        """Read the body. Raises ProblemError for what is no JSON, or doubtful."""
        body = await self.body()
        if not body:
            return
        if not _JSON.fullmatch(self.headers.get("content-type", "")):
            raise ProblemError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "not_json",
                "Send JSON in UTF-8, as `Content-Type: application/json`.",
            )
        refuse_encoded(self)
        try:
            self._json = json.loads(
                body.decode("utf-8"),
                object_pairs_hook=_object_once,
                parse_constant=_refuse_constant,
            )
        except (ValueError, RecursionError) as error:
            reason = str(error) if isinstance(error, _DoubtfulError) else "It is no JSON."
            raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed", reason) from error


class _DoubtfulError(ValueError):
    """JSON that two readers may understand in two ways."""


def _object_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _DoubtfulError("A field stands there twice.")
    return found


def _refuse_constant(name: str) -> object:
    raise _DoubtfulError(f"{name} is no JSON.")


def refuse_encoded(request: Request) -> None:
    """Refuse a body that is packed. Raises ProblemError."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "encoded", "Send the body as it is, not packed."
        )


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
    """Refuse parameters that mean nothing here, or stand there twice."""
    given = [name for name, _ in request.query_params.multi_items()]
    unknown = sorted(set(given) - known)
    if unknown:
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "invalid",
            f"There is no parameter {unknown[0]!a} here: {', '.join(sorted(known))}.",
        )
    if len(given) != len(set(given)):
        raise ProblemError(
            HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", "A parameter stands there twice."
        )
