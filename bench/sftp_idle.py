"""Five hundred sessions that are logged in, speak SFTP, and do nothing: what each holds."""

from __future__ import annotations

import asyncio
import contextlib

import asyncssh

from bench._clients import connect
from bench._launch import scratch_folder
from bench._processes import Holding, look_at
from bench._results import Cell, publish
from bench._servers import Target, prepare_ingestd, running_ingestd

SESSIONS = 500
AT_A_TIME = 16


def run() -> None:
    """Open the sessions, look at the daemon, close them, and look again."""
    with scratch_folder() as folder:
        installation = prepare_ingestd(folder / "ingestd")
        with running_ingestd(installation) as daemon:
            rows = asyncio.run(_measure(daemon.target()))
    publish("sftp_idle", f"{SESSIONS} idle sessions, all of them logged in", rows)


async def _measure(target: Target) -> list[dict[str, Cell]]:
    # The first session brings what every session shares.
    async with contextlib.AsyncExitStack() as first:
        await _open(target, first, 1)
    await asyncio.sleep(1)
    before = look_at(target.pid)
    async with contextlib.AsyncExitStack() as opened:
        await _open(target, opened, SESSIONS)
        await asyncio.sleep(1)
        open_now = look_at(target.pid)
    await asyncio.sleep(1)
    return [
        _row("ingestd, none", before, before, 0),
        _row(f"ingestd, {SESSIONS}", open_now, before, SESSIONS),
        _row("ingestd, all closed", look_at(target.pid), before, 0),
    ]


async def _open(target: Target, opened: contextlib.AsyncExitStack, count: int) -> None:
    places = asyncio.Semaphore(AT_A_TIME)
    connections: list[asyncssh.SSHClientConnection] = []

    async def one() -> None:
        async with places:
            connection = await connect(target)
            connections.append(connection)
            sftp = await connection.start_sftp_client()
            await sftp.stat("/")

    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(one())
    for connection in connections:
        await opened.enter_async_context(connection)


def _row(server: str, now: Holding, before: Holding, sessions: int) -> dict[str, Cell]:
    return {
        "server": server,
        "RSS MiB": now.rss_kib / 1024,
        "KiB a session": (now.rss_kib - before.rss_kib) / sessions if sessions else "",
        "descriptors": now.descriptors,
        "descriptors a session": (now.descriptors - before.descriptors) / sessions
        if sessions
        else "",
        "threads": now.threads,
    }
