"""Health, readiness, metrics and a first page over HTTP, for whoever runs the daemon."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger

import ingestd
from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.service.http.console import render_console
from ingestd.spool.files import free_bytes
from ingestd.spool.queue import UploadCount, count_uploads
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import IngestdError, ListenError, StorageError

_SQL = Statements(__file__)

Check = Callable[[], Awaitable[str]]
"""Says what is wrong with one part of the daemon, or nothing."""

Pending = Callable[[], Sequence[str]]
"""Names the config files that were saved with a mistake, and so are not in force."""

Count = Callable[[], Awaitable[Sequence[UploadCount] | None]]
"""Counts the uploads; None when the database does not answer."""

_CHECK_SECONDS = 5.0
# The page brings its own style, and is to load and to be framed by nothing.
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

log = get_logger("ingestd.http")


def _is_of_the_server(record: logging.LogRecord) -> bool:
    """Tell whether an error was made here, not by a peer that does not speak HTTP."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


class HealthServer:
    """Answers `/`, `/healthz`, `/readyz` and `/metrics`. Source: the contract, section 8."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        checks: Mapping[str, Check],
        count: Count,
        pending: Pending,
        metrics: Metrics,
    ) -> None:
        self._host = host
        self._port = port
        self._checks = checks
        self._count = count
        self._pending = pending
        # One at a time: however often the page is asked for, the door keeps its threads.
        self._counting = asyncio.Lock()
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises ListenError when the address cannot be had."""
        # aiohttp writes a line for each request that is none: scanners make thousands.
        server_logger.addFilter(_is_of_the_server)
        app = web.Application()
        app.router.add_get("/", self._console)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._render_metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, reuse_address=True)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ListenError(
                f"Cannot listen on {self._host}:{self._port} for HTTP: {reason}. "
                "Stop what uses it, or change [http] listen.",
                detail=repr(error),
            ) from error
        self._runner = runner
        host, port = runner.addresses[0][:2]
        log.info(Event.HTTP_LISTENING, address=f"{host}:{port}", port=port)

    async def stop(self) -> None:
        """Stop listening and finish the answers that are under way."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _console(self, _: web.Request) -> web.Response:
        parts = {name: await _answer(check) for name, check in self._checks.items()}
        async with self._counting:
            counts = await self._count()
        page = render_console(
            version=ingestd.__version__, parts=parts, pending=self._pending(), counts=counts
        )
        return web.Response(text=page, content_type="text/html", headers=_PAGE_HEADERS)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        troubles = {name: await _answer(check) for name, check in self._checks.items()}
        ready = not any(troubles.values())
        body: dict[str, object] = {
            "ready": ready,
            "checks": {name: trouble or "ok" for name, trouble in troubles.items()},
        }
        if pending := self._pending():
            # What is in force still works: nothing is to be restarted, somebody is to mend a file.
            body["config_pending"] = list(pending)
        return web.Response(
            text=json.dumps(body) + "\n",
            status=200 if ready else 503,
            content_type="application/json",
        )

    async def _render_metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.render(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
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


async def count_all_uploads(database: Database) -> list[UploadCount] | None:
    """Return how many uploads are how far, or None when the database does not answer."""

    def select() -> list[UploadCount]:
        with database.reading() as connection:
            return count_uploads(connection)

    try:
        return await asyncio.to_thread(select)
    except IngestdError:
        return None


async def _answer(check: Check) -> str:
    try:
        return await asyncio.wait_for(check(), timeout=_CHECK_SECONDS)
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS:.0f} s"
