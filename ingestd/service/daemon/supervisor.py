"""The supervisor: starts the rooms in order, stops them in reverse, and lets none fail alone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from starlette.types import ASGIApp

import ingestd
from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.settings import Settings
from ingestd.intake.work.intake import Intake
from ingestd.service.daemon.archive_watch import ArchiveWatch
from ingestd.service.daemon.bounds import door_limits, intake_settings
from ingestd.service.daemon.membership import Membership
from ingestd.service.daemon.other_nodes import keep_exchanging, other_nodes
from ingestd.service.daemon.reload import ConfigWatch
from ingestd.service.evidence.watch import EvidenceWatch
from ingestd.service.evidence.witness import Witness
from ingestd.service.files.receiving import Receiver
from ingestd.service.http.health import (
    Health,
    check_database,
    check_disk,
)
from ingestd.service.http.server import HttpServer
from ingestd.service.in_force.last_good import LastGood
from ingestd.service.in_force.need import Need
from ingestd.service.in_force.tls import load_tls, may_show_console
from ingestd.service.installation.bootstrap import (
    Installation,
    lock_data_folder,
    open_installation,
)
from ingestd.sftp.door.host_keys import fingerprints
from ingestd.sftp.door.listener import SftpDoor
from ingestd.spool.files import free_bytes, make_folder
from ingestd.telemetry.events import Event
from ingestd.telemetry.faults import catch_what_escapes, handle_loop_fault
from ingestd.telemetry.logs import configure_logs, get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import EXIT_DONE, EXIT_WORLD, IngestdError, StorageError

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
    with contextlib.closing(installation):
        # Before the lock: nothing is written into a folder that is not this installation's.
        installation.ledger.require()
        lock = lock_data_folder(installation.folders)
        try:
            _spare_the_collector()
            installation.ledger.use(as_daemon=True)
            installation.database.clear_scratch()
            return asyncio.run(Daemon(installation, make_console).run())
        finally:
            os.close(lock)


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
        self._tasks: list[asyncio.Task[None]] = []
        self._reloads: set[asyncio.Task[None]] = set()  # the loop keeps no task alive by itself
        metrics = Metrics()
        metrics.disk_free_bytes.set_function(partial(_free_bytes, self._settings.data_dir))
        keeper = AccessKeeper(installation.access)
        folders = installation.folders
        limits = door_limits(self._settings)
        works = installation.works()
        self._others = other_nodes(works, folders, keeper, self._settings)
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
        signing = installation.signing_of_daemon()
        self._evidence = EvidenceWatch(
            database=installation.database,
            signing=signing,
            witness=_witness(self._settings),
            metrics=metrics,
            monotonic=installation.clock.monotonic,
        )
        self._intake = Intake(
            works=replace(works, signing=signing),
            folders=folders,
            keeper=keeper,
            metrics=metrics,
            settings=intake_settings(self._settings),
        )
        self._membership = Membership(
            database=installation.database,
            node=works.node,
            host_keys=" ".join(sorted(fingerprints(installation.folders.host_keys).values())),
            metrics=metrics,
            on_drain=self._drain,
        )
        self._archive_watch = ArchiveWatch(
            archive=works.archive, metrics=metrics, monotonic=installation.clock.monotonic
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
                "watcher": self._check_watcher,
                "workers": self._check_workers,
                "intake": self._check_intake,  # both of them: the name that came first
                "clock": self._check_clock,
                "node": self._check_node,
                "database": lambda: check_database(installation.database),
                "disk": self._check_disk,
                **self._archive_watch.checks(),
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
        # Before anything is taken up: what is at work under this name may be another's.
        self._membership.join()
        make_folder(self._installation.folders.spool)
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

    def _start_tasks(self) -> None:
        for name, work in (
            ("intake", self._intake.run()),
            ("config watch", self._config_watch.run()),
            ("evidence", self._evidence.run()),
            ("membership", self._membership.run()),
            ("bans", keep_exchanging(self._installation, self._door.bans)),
            ("archive", self._archive_watch.run()),
            ("http", self._http.run()),
        ):
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(self._on_task_done)
            self._tasks.append(task)

    async def _until_begun(self) -> None:
        """Wait for what a probe would call down while it only begins; a stop ends the wait."""
        waits = [
            asyncio.create_task(each)
            for each in (self._intake.wait_until_begun(), self._stop.wait())
        ]
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
        self._intake.stop()
        left = max(self._deadline - time.monotonic() - _LAST_SECONDS, 0.0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._door.stop(left), timeout=left + _LAST_SECONDS)
        self._others.close()
        intake, *watches = self._tasks or (None,)
        for watch in watches:
            watch.cancel()
        if intake is not None:
            left = max(self._deadline - time.monotonic(), 0.1)
            _, running = await asyncio.wait([intake], timeout=left)
            if running:
                self._leave_now()
        await self._http.stop()
        await asyncio.to_thread(self._membership.leave)
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

    async def _check_watcher(self) -> str:
        return self._intake.watcher_trouble

    async def _check_workers(self) -> str:
        return self._intake.worker_trouble

    async def _check_disk(self) -> str:
        return self._intake.space_trouble or await check_disk(
            self._settings.data_dir,
            reserve_bytes=self._settings.intake.disk_reserve_bytes,
        )

    async def _check_clock(self) -> str:
        return self._intake.clock_trouble

    async def _check_node(self) -> str:
        return self._draining

    async def _check_intake(self) -> str:
        return self._intake.trouble


def _witness(settings: Settings) -> Witness | None:
    """Return who keeps what is signed, where `[evidence]` names somebody."""
    evidence = settings.evidence
    if not evidence.has_witness:
        return None
    return Witness(folder=evidence.witness_folder, command=evidence.witness_command)


def _free_bytes(folder: Path) -> float:
    """Return what a scrape is told of the disk; not a number where it cannot be asked."""
    try:
        return float(free_bytes(folder))
    except StorageError:
        return float("nan")
