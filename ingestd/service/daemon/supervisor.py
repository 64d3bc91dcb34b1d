"""The supervisor: starts the rooms in order, stops them in reverse, and lets none fail alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

import ingestd
from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.settings import Settings
from ingestd.service.daemon.bounds import door_limits
from ingestd.service.daemon.crew import checks_of, crews_of, others_of
from ingestd.service.daemon.other_nodes import keep_exchanging
from ingestd.service.daemon.reload import ConfigWatch
from ingestd.service.files.receiving import Receiver
from ingestd.service.http.health import Health
from ingestd.service.http.server import HttpServer
from ingestd.service.in_force.config_check import awaited_in
from ingestd.service.in_force.last_good import LastGood
from ingestd.service.in_force.need import Need
from ingestd.service.in_force.tls import load_tls, may_show_console
from ingestd.service.installation.bootstrap import (
    Installation,
    lock_data_folder,
    open_installation,
)
from ingestd.service.installation.homes import require_homes
from ingestd.sftp.door.host_keys import fingerprints
from ingestd.sftp.door.listener import SftpDoor
from ingestd.spool.files import free_bytes
from ingestd.telemetry.events import Event
from ingestd.telemetry.faults import catch_what_escapes, handle_loop_fault
from ingestd.telemetry.logs import configure_logs, get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import EXIT_DONE, EXIT_WORLD, IngestdError, Mistake, StorageError

_LAST_SECONDS = 1.0  # what is kept of the deadline for closing files and saying goodbye

log = get_logger("ingestd.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the console works on: an installation, who may do what, how its daemon is, its door."""

    installation: Installation
    keeper: AccessKeeper
    health: Health
    receiver: Receiver


MakeConsole = Callable[[Surroundings], ASGIApp]
"""Makes the application that answers whatever is not health or metrics."""


def serve(config_path: Path, make_console: MakeConsole) -> int:
    """Run the daemon until it is told to stop; return the exit code.

    A mistake in accounts.toml or allowlist.toml is told, and what was last good of it is in
    force. Raises ConfigError, OtherLedgerError, ListenError, StorageError or DatabaseError when
    it cannot start.
    """
    installation = open_installation(config_path, Need.SERVING)
    configure_logs(
        log_format=installation.settings.log.format, level=installation.settings.log.level
    )
    catch_what_escapes()
    with contextlib.closing(installation), contextlib.ExitStack() as locks:
        # Before the locks: nothing is written into a folder that is not this installation's.
        for shard in installation.shards:
            shard.ledger.require()
        for shard in installation.shards:
            locks.callback(os.close, lock_data_folder(shard.folders))
        _spare_the_collector()
        for shard in installation.shards:
            shard.ledger.use(as_daemon=True)
            shard.database.clear_scratch()
        require_homes(installation.shards)
        return asyncio.run(Daemon(installation, make_console).run())


def _spare_the_collector() -> None:
    """Let the cycle collector look seldom: a file's rows hold no cycles, and are many.

    At the interpreter's own setting it takes a sixth of the time in which rows are read. Much
    more seldom than this, and the cycles that ended sessions leave would pile up.
    """
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


class Daemon:
    """One run of the daemon on an installation whose database is prepared."""

    def __init__(self, installation: Installation, make_console: MakeConsole) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._stop = asyncio.Event()
        self._failed = False
        self._draining = ""
        self._deadline = float("inf")
        self._intakes: list[asyncio.Task[None]] = []
        self._watches: list[asyncio.Task[None]] = []
        self._reloads: set[asyncio.Task[None]] = set()  # the loop keeps no task alive by itself
        metrics = Metrics()
        metrics.disk_free_bytes.set_function(partial(_free_bytes, self._settings.data_dir))
        keeper = AccessKeeper(installation.access)
        folders = installation.folders
        limits = door_limits(self._settings)
        self._crews = crews_of(
            installation,
            keeper,
            metrics,
            host_keys=" ".join(sorted(fingerprints(folders.host_keys).values())),
            on_drain=self._drain,
        )
        self._others = others_of(self._crews)
        self._door = SftpDoor(
            listen=[(address.host, address.port) for address in self._settings.sftp.listen],
            folders=folders,
            keeper=keeper,
            limits=limits,
            clock=installation.clock,
            metrics=metrics,
            proxies=self._settings.sftp.proxy_protocol_from,
            others=self._others,
        )
        self._config_watch = ConfigWatch(
            config_path=installation.config_path,
            keeper=keeper,
            good=installation.look.good,
            last_good=LastGood(self._settings.data_dir),
            metrics=metrics,
            on_settings=self._on_settings,
        )
        http = self._settings.http
        self._shows_console = may_show_console(http)
        health = Health(
            checks={
                "sftp": self._check_sftp,
                "node": self._check_node,
                **checks_of(self._crews),
            },
            pending=lambda: self._config_watch.pending,
            metrics=metrics,
        )
        receiver = Receiver(
            uploads=self._door.uploads, folders=folders, keeper=keeper, limits=limits
        )
        console = make_console(
            Surroundings(installation=installation, keeper=keeper, health=health, receiver=receiver)
        )
        self._http = HttpServer(
            health.app(console if self._shows_console else None),
            listen=http.listen,
            tls=load_tls(http, where=installation.config_path),
            trusted_proxies=http.trusted_proxies,
        )

    async def run(self) -> int:
        """Work until told to stop; return the exit code.

        Raises NodeTakenError, ListenError and StorageError.
        """
        asyncio.get_running_loop().set_exception_handler(handle_loop_fault)
        for crew in self._crews:
            crew.begin()
        self._listen_to_signals()
        try:
            await self._door.start()
            await self._http.start()
            if not self._shows_console:
                log.warning(
                    Event.CONSOLE_HIDDEN,
                    address=str(self._settings.http.listen),
                    remedy="set tls_certificate and tls_key, or trusted_proxies, in [http]",
                )
            if awaited := self._awaited():
                log.warning(Event.DATABASE_ACCOUNTS_AWAITED, warnings=list(map(str, awaited)))
            self._start_tasks()
            await self._until_begun()
            log.info(Event.CONFIG_LOADED, file=str(self._installation.config_path))
            log.info(
                Event.DAEMON_STARTED,
                version=ingestd.__version__,
                pid=os.getpid(),
                config=str(self._installation.config_path),
                data_dir=str(self._settings.data_dir),
                accounts=len(self._installation.access.accounts),
            )
            await self._stop.wait()
        finally:
            await self._wind_down()
        return EXIT_WORLD if self._failed else EXIT_DONE

    def _awaited(self) -> tuple[Mistake, ...]:
        installation = self._installation
        accounts = installation.access.accounts
        return awaited_in(self._settings, accounts, where=installation.config_path)

    def _start_tasks(self) -> None:
        self._intakes = [
            self._start(crew.named("intake"), crew.intake.run()) for crew in self._crews
        ]
        for name, work in (
            *(watch for crew in self._crews for watch in crew.watches()),
            ("config watch", self._config_watch.run()),
            ("bans", keep_exchanging(self._installation, self._door.bans)),
            ("http", self._http.run()),
        ):
            self._watches.append(self._start(name, work))

    def _start(self, name: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_task_done)
        return task

    async def _until_begun(self) -> None:
        """Wait for what a probe would call down while it only begins; a stop ends the wait."""
        begun = asyncio.gather(*(crew.intake.wait_until_begun() for crew in self._crews))
        stopped = asyncio.create_task(self._stop.wait())
        waits: tuple[asyncio.Future[Any], ...] = (begun, stopped)
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        """Stop everything when a part ends by itself: a daemon that limps helps nobody."""
        if task.cancelled() or self._stop.is_set():
            return
        error = task.exception()
        self._failed = True
        log.critical(
            Event.DAEMON_FAILED,
            part=task.get_name(),
            error=error.message if isinstance(error, IngestdError) else type(error).__name__,
            exc_info=error,
        )
        self.stop()

    async def _wind_down(self) -> None:
        """Stop accepting, finish or hand back, and be gone by the deadline."""
        self.stop()
        for crew in self._crews:
            crew.intake.stop()
        left = max(self._deadline - time.monotonic() - _LAST_SECONDS, 0.0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._door.stop(left), timeout=left + _LAST_SECONDS)
        self._others.close()
        for watch in self._watches:
            watch.cancel()
        if self._intakes:
            left = max(self._deadline - time.monotonic(), 0.1)
            _, running = await asyncio.wait(self._intakes, timeout=left)
            if running:
                self._leave_now()
        await self._http.stop()
        for crew in self._crews:
            await asyncio.to_thread(crew.membership.leave)
        log.info(Event.DAEMON_STOPPED, clean=True)

    def _leave_now(self) -> None:
        """Leave in the middle of a transaction: it rolls back, and the next start takes it up."""
        log.warning(Event.DAEMON_STOPPED, clean=False, reason="a file was not done in time")
        sys.stderr.flush()
        os._exit(EXIT_WORLD if self._failed else EXIT_DONE)

    def stop(self) -> None:
        """Begin to stop; `run` returns within `shutdown_seconds`."""
        if not self._stop.is_set():
            self._deadline = time.monotonic() + self._settings.shutdown_seconds
            self._stop.set()

    def _on_stop_signal(self) -> None:
        seconds = self._settings.drain_seconds
        if self._draining or not seconds:
            self.stop()
            return
        # The balancer first: whoever it sends meanwhile is served.
        self._draining = "it stops soon"
        log.info(Event.DRAIN_STARTED, seconds=seconds)
        asyncio.get_running_loop().call_later(seconds, self.stop)

    def _drain(self, reason: str) -> None:
        """Stop as on SIGTERM, with exit code 3: what is left is for another program."""
        self._draining = reason
        self._failed = True
        self.stop()

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGHUP, self._reload)

    def _reload(self) -> None:
        task = asyncio.create_task(self._reload_now(), name="reload")
        task.add_done_callback(self._reloads.discard)
        self._reloads.add(task)

    async def _reload_now(self) -> None:
        await self._config_watch.reload_now()

    def _on_settings(self, settings: Settings) -> None:
        """Put in force what can change while running: the log. The rest counts at a restart."""
        configure_logs(log_format=settings.log.format, level=settings.log.level)

    async def _check_sftp(self) -> str:
        return "" if self._door.listening else "not listening"

    async def _check_node(self) -> str:
        return self._draining


def _free_bytes(folder: Path) -> float:
    """Return what a scrape is told of the disk; not a number where it cannot be asked."""
    try:
        return float(free_bytes(folder))
    except StorageError:
        return float("nan")
