"""The entrance: no answer without a token; FastAPI is loaded for the first who has one."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import replace
from http import HTTPStatus

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingestd.console.api.addresses import OPENAPI, ROOT
from ingestd.console.api.problems import ProblemError, problem_of
from ingestd.console.door.attempts import Attempts
from ingestd.console.page.threads import read, write
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.installation.bootstrap import Installation
from ingestd.service.people.tokens import Token, TokenKeeper
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import IngestdError

SEEING = "see token"

_HEADERS = ((b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),)

log = get_logger("ingestd.api")


def is_of_api(scope: Scope) -> bool:
    """Tell whether a request is for a program's part of the console."""
    path: str = scope["path"]
    return path == ROOT or path.startswith(f"{ROOT}/")


class ApiEntrance:
    """An application around the API that knows which program asks. Cookies mean nothing to it."""

    def __init__(self, surroundings: Surroundings) -> None:
        installation = surroundings.installation
        self._surroundings = surroundings
        self._tokens = TokenKeeper(installation.database, installation.clock)
        self._attempts = Attempts(installation.clock.monotonic)
        self._apis: dict[str, ASGIApp] = {}
        self._loading = asyncio.Lock()
        self._being_seen: dict[str, asyncio.Task[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: by the API, or with what keeps it from being asked."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            if scope["path"] != OPENAPI:
                scope["token"] = await self._require_token(scope)
        except ProblemError as error:
            await error.answer()(scope, receive, send_guarded)
        except IngestdError as error:
            await problem_of(error)(scope, receive, send_guarded)
        else:
            api = await self._load(self._shard_asked(scope))
            await api(scope, receive, send_guarded)

    async def _require_token(self, scope: Scope) -> Token:
        """Return the token that a request shows. Raises ProblemError for what opens nothing."""
        address = scope["client"][0] if scope.get("client") else ""
        if wait := self._attempts.seconds_to_wait(name=None, address=address):
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too_many_attempts",
                f"Too many tokens from this address opened nothing. Try again in {wait} s.",
                headers={"Retry-After": str(wait)},
            )
        shown = Headers(scope=scope).getlist("authorization")
        if not shown:
            raise _unauthorised("token_missing", 'Bearer realm="ingestd"')
        scheme, _, written = shown[0].partition(" ")
        is_one = len(shown) == 1 and scheme.lower() == "bearer"
        found = await read(self._tokens.look_at, written.strip() if is_one else "")
        if found.token is None or found.refusal:
            self._attempts.begin(name=None, address=address)
            token_id = found.token.token_id if found.token else None
            log.warning(Event.TOKEN_REFUSED, token=token_id, reason=found.refusal, peer=address)
            raise _unauthorised("token_invalid", 'Bearer realm="ingestd", error="invalid_token"')
        if found.is_to_be_seen:
            self._see(found.token)
        return found.token

    def _see(self, token: Token) -> None:
        """Remember the use in the background: a file that is being posted may hold the database."""
        if token.token_id in self._being_seen:
            return
        seeing = asyncio.create_task(write(self._tokens.see, token), name=SEEING)
        self._being_seen[token.token_id] = seeing

        def forget(task: asyncio.Task[None]) -> None:
            self._being_seen.pop(token.token_id)
            # A database that is away is none of this request's: the next one remembers it.
            if not task.cancelled() and not isinstance(task.exception(), IngestdError):
                task.result()

        seeing.add_done_callback(forget)

    def _shard_asked(self, scope: Scope) -> Installation:
        """Return the shard of the account that a request is about; any, where it names none."""
        token: Token | None = scope.get("token")
        accounts = QueryParams(scope["query_string"]).getlist("account")
        if not accounts and token is not None and len(token.accounts) == 1:
            accounts = list(token.accounts)
        return self._surroundings.installation.shard_of(accounts[-1] if accounts else "")

    async def _load(self, shard: Installation) -> ASGIApp:
        async with self._loading:
            if shard.shard not in self._apis:
                surroundings = replace(self._surroundings, installation=shard)
                self._apis[shard.shard] = await asyncio.to_thread(_make_api, surroundings)
            return self._apis[shard.shard]


def _make_api(surroundings: Surroundings) -> ASGIApp:
    """Load the API: an eighth of what the daemon takes, for the few who use it."""
    module = importlib.import_module("ingestd.console.api.application")
    made: ASGIApp = module.make_api(surroundings)
    return made


def _unauthorised(code: str, challenge: str) -> ProblemError:
    return ProblemError(
        HTTPStatus.UNAUTHORIZED,
        code,
        "Send a token that is not revoked or over, as `Authorization: Bearer ing_…`.",
        headers={"WWW-Authenticate": challenge},
    )
