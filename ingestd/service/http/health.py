"""Health, readiness and metrics over HTTP, for whoever runs the daemon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.spool.files import free_bytes
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import IngestdError, StorageError

_SQL = Statements(__file__)

Check = Callable[[], Awaitable[str]]
"""Says what is wrong with one part of the daemon, or nothing."""

Pending = Callable[[], Sequence[str]]
"""Names the config files that were saved with a mistake, and so are not in force."""

_CHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is wrong with each part, or an empty text; which saved files are not in force."""

    parts: Mapping[str, str]
    pending: tuple[str, ...]


class Health:
    """Answers `/healthz`, `/readyz` and `/metrics`. Source: the contract, section 8."""

    def __init__(
        self,
        *,
        checks: Mapping[str, Check],
        pending: Pending,
        metrics: Metrics,
    ) -> None:
        self._checks = checks
        self._pending = pending
        self._metrics = metrics

    def app(self, console: ASGIApp | None) -> ASGIApp:
        """Return the application that answers them; all other addresses are the console's."""
        return Router(
            [
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._render_metrics),
                *([Route("/", _hide_console)] if console is None else []),
            ],
            redirect_slashes=False,
            default=console,
        )

    async def standing(self) -> Standing:
        """Return what works."""
        parts = {name: await _answer(check) for name, check in self._checks.items()}
        return Standing(parts=parts, pending=tuple(self._pending()))

    async def _healthz(self, _: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, _: Request) -> Response:
        troubles = {name: await _answer(check) for name, check in self._checks.items()}
        ready = not any(troubles.values())
        body: dict[str, object] = {
            "ready": ready,
            "checks": {name: trouble or "ok" for name, trouble in troubles.items()},
        }
        if pending := self._pending():
            # What is in force still works: nothing is to be restarted, somebody is to mend a file.
            body["config_pending"] = list(pending)
        return Response(
            json.dumps(body) + "\n",
            status_code=200 if ready else 503,
            media_type="application/json",
        )

    async def _render_metrics(self, _: Request) -> Response:
        return Response(
            self._metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


async def _hide_console(_: Request) -> Response:
    return PlainTextResponse(
        "The console is not shown here: the connection is not encrypted. An operator sets "
        "tls_certificate and tls_key, or trusted_proxies, in [http].\n",
        status_code=403,
    )


async def check_database(database: Database) -> str:
    """Say why the database cannot be used, or nothing."""

    def select() -> None:
        with database.connection() as connection:
            _SQL.run(connection, "answer")

    try:
        await asyncio.to_thread(select)
    except IngestdError as error:
        return error.message
    return ""


async def check_disk(folder: Path, *, reserve_bytes: int) -> str:
    """Say why uploads are refused for want of space below a folder, or nothing."""

    def look() -> str:
        try:
            free = free_bytes(folder)
        except StorageError as error:
            return error.message
        if free >= reserve_bytes:
            return ""
        return (
            f"{free >> 20} MiB are free, uploads are refused below {reserve_bytes >> 20} MiB. "
            "Free space."
        )

    return await asyncio.to_thread(look)


async def _answer(check: Check) -> str:
    try:
        return await asyncio.wait_for(check(), timeout=_CHECK_SECONDS)
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS:.0f} s"
