"""The intake: keeps looking, claims what is ready, and keeps its workers busy."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ingestd.access.accounts import Account
from ingestd.access.keeper import AccessKeeper
from ingestd.intake.looking.claim import Claims
from ingestd.intake.looking.rescan import Rescan
from ingestd.intake.looking.watcher import Watcher
from ingestd.intake.pipeline import Works
from ingestd.intake.work.agenda import Agenda
from ingestd.intake.work.clock_watch import ClockWatch
from ingestd.intake.work.portions import Portions
from ingestd.intake.work.space import SpaceWatch
from ingestd.intake.work.upkeep import Upkeep
from ingestd.intake.work.worker import Worker
from ingestd.spool.folders import Folders
from ingestd.spool.queue import count_open, release_leases
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ClockBehindError, IngestdError, NoSpaceError
from ingestd.values.identifiers import AccountId

_IDLE_SECONDS = 5.0  # how often an idle worker asks for uploads whose next try is due
_WATCHER_CHECK_SECONDS = 1.0
_TROUBLE_SECONDS = 1.0
_CROWD_SECONDS = 0.02
_QUEUE_SECONDS = 0.25
_COUNT_SECONDS = 1.0  # how often what waits is counted while anything does
_CROWD_FILES = 500
_RESTS_A_LOOK = 3.0
_REST_SECONDS_MAX = 0.1  # what is seen late settles late
_STUCK_SECONDS = 60.0  # a look takes locks of nobody: what waits so long waits for a broken world

log = get_logger("ingestd.intake")


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSettings:
    """How eager the intake is. Seconds, and how many files are processed at a time."""

    settle_seconds: float = 1.0
    rescan_seconds: float = 30.0
    workers: int = 2
    partial_hours: float = 24
    max_temporary_files: int = 1000
    receipt_days: int = 90


class Intake:
    """Everything between `incoming/` and the receipts, as one task of the daemon."""

    def __init__(
        self,
        *,
        works: Works,
        folders: Folders,
        keeper: AccessKeeper,
        metrics: Metrics,
        settings: IntakeSettings,
    ) -> None:
        self._works = works
        self._folders = folders
        self._keeper = keeper
        self._metrics = metrics
        self._settings = settings
        self._claims = Claims(
            works=works,
            folders=folders,
            temporary_hours=settings.partial_hours,
            temporary_max=settings.max_temporary_files,
        )
        self._rescan = Rescan(
            folders=folders,
            clock=works.clock,
            settle_seconds=settings.settle_seconds,
            temporary_seconds=settings.partial_hours * 3600,
            temporary_max=settings.max_temporary_files,
        )
        crowd = min(_CROWD_FILES, settings.max_temporary_files // 2 + 1)
        self._portions = Portions(clock=works.clock, crowd=crowd)
        self._upkeep = Upkeep(
            folders=folders,
            clock=works.clock,
            partial_hours=settings.partial_hours,
            receipt_days=settings.receipt_days,
        )
        self._space = SpaceWatch(works.clock, metrics.disk_full)
        self._worker = Worker(
            works=works,
            folders=folders,
            keeper=keeper,
            claims=self._claims,
            metrics=metrics,
            space=self._space,
            stopping=threading.Event(),
        )
        self._clock = ClockWatch(works=works, metrics=metrics)
        self._agenda = Agenda(works.clock, rescan_seconds=settings.rescan_seconds)
        self._look = asyncio.Event()
        self._work = asyncio.Event()
        self._begun = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watcher: Watcher | None = None
        self._queued = False
        self._queue_seen_at = float("-inf")
        self._queue_due_seconds: float | None = None
        self._look_began: float | None = None
        self._troubles: dict[str, str] = {}
        self._executor = ThreadPoolExecutor(
            max_workers=settings.workers + 1, thread_name_prefix="intake"
        )

    @property
    def trouble(self) -> str:
        """Why the intake does not work right now, or nothing."""
        return self.worker_trouble or self.watcher_trouble

    @property
    def worker_trouble(self) -> str:
        """Why files are not claimed or processed right now, or nothing."""
        return "; ".join(sorted({*self._troubles.values(), *self._stuck_look()}))

    def _stuck_look(self) -> tuple[str, ...]:
        began = self._look_began
        lasted = 0.0 if began is None else self._works.clock.monotonic() - began
        if lasted < _STUCK_SECONDS:
            return ()
        return (f"the look into the folders has not come back for {lasted:.0f} s",)

    @property
    def space_trouble(self) -> str:
        """What waits because a disk is full, or nothing."""
        return self._space.trouble

    @property
    def clock_trouble(self) -> str:
        """Why files wait for the clock right now, or nothing."""
        return self._clock.trouble

    @property
    def watcher_trouble(self) -> str:
        """Why file events do not come through right now, or nothing."""
        if self._watcher is None or not self._watcher.is_alive:
            return "the watcher is down; files are found by the rescan only"
        return ""

    async def wait_until_begun(self) -> None:
        """Wait until the watcher was started, or could not be: from then on its trouble counts."""
        await self._begun.wait()

    async def run(self) -> None:
        """Work until `stop`, which lets every worker finish or hand back what it has."""
        loop = self._loop = asyncio.get_running_loop()
        await self._release_leases()
        # Before anything is claimed: a machine that lost its time tells so at the start.
        await loop.run_in_executor(self._executor, self._clock.is_right)

        def wake(folder: str) -> None:
            self._from_any_thread(functools.partial(self._on_event, AccountId(folder)))

        for account in self._keeper.current.accounts:
            with contextlib.suppress(IngestdError):  # the first look at the account reports it
                self._folders.create_for(account)
        self._watcher = Watcher(self._folders.spool, wake)
        self._keeper.on_change(lambda _: self._from_any_thread(self._on_trouble))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_watching(self._watcher))
                tasks.create_task(self._keep_looking())
                for _ in range(self._settings.workers):
                    tasks.create_task(self._keep_working())
        finally:
            self._watcher.stop()
            self._executor.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Begin to stop: nothing new is claimed, and what is being read goes back."""
        self._worker.stopping.set()
        self._look.set()
        self._work.set()

    def _from_any_thread(self, work: Callable[[], None]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody needs waking
                self._loop.call_soon_threadsafe(work)

    def _on_event(self, account: AccountId) -> None:
        self._agenda.note_event(account)
        self._look.set()

    def _on_trouble(self) -> None:
        self._agenda.note_trouble()
        self._look.set()

    def _must_stop(self) -> bool:
        return self._worker.stopping.is_set()

    async def _keep_watching(self, watcher: Watcher) -> None:
        """Start the watcher, and start it again whenever it died; a rescan follows each time."""
        event = Event.WATCHER_STARTED
        told = ""
        while not self._must_stop():
            if not watcher.is_alive:
                watcher.stop()
                try:
                    await asyncio.to_thread(watcher.start)
                except OSError as error:
                    # It is tried every second, for as long as it takes.
                    if told != str(error):
                        told = str(error)
                        log.error(Event.WATCHER_RESTARTED, ok=False, error=told)
                else:
                    told = ""
                    log.info(event)
                    if event is Event.WATCHER_RESTARTED:
                        self._metrics.watcher_restarts.inc()
                    event = Event.WATCHER_RESTARTED
                    self._on_trouble()
                self._begun.set()
            if self._clock.was_set_back():
                self._look.set()
            await asyncio.sleep(_WATCHER_CHECK_SECONDS)

    async def _keep_looking(self) -> None:
        """Rescan at once when something appears, when a file settles, and every so often."""
        loop = asyncio.get_running_loop()
        clock = self._works.clock
        while not self._must_stop():
            self._look.clear()
            accounts = self._keeper.current.accounts
            due = [accounts[account_id] for account_id in self._agenda.take_due(accounts)]
            started = self._look_began = clock.monotonic()
            try:
                waits = await loop.run_in_executor(self._executor, self._look_once, due)
            except IngestdError as error:
                seconds = self._report_trouble("intake", error)
                waits = {account.account_id: seconds for account in due}
            else:
                self._end_trouble("intake")
            self._look_began = None
            for account_id, seconds in waits.items():
                self._agenda.look_again(account_id, seconds)
            # A crowd of events is worth one look, not one each; and however long a look takes,
            # most of the time is left for the uploads themselves, until a file has settled.
            rest = min(_RESTS_A_LOOK * (clock.monotonic() - started), _REST_SECONDS_MAX)
            pause = self._agenda.wait_seconds
            if self._clock.trouble:
                pause = min(pause, _TROUBLE_SECONDS)
            if self._queue_due_seconds is not None:
                pause = min(pause, self._queue_due_seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), timeout=pause)
                rest = min(rest, self._agenda.timed_wait_seconds)
                await asyncio.sleep(max(rest, _CROWD_SECONDS))

    def _look_once(self, accounts: Sequence[Account]) -> dict[AccountId, float]:
        """Claim all that is ready; return in how many seconds to look again at each account."""
        waits: dict[AccountId, float] = {}
        was_doubted = self._clock.trouble != ""
        if not self._clock.is_right():
            waits = {account.account_id: _TROUBLE_SECONDS for account in accounts}
            accounts = ()
        elif was_doubted:
            self._from_any_thread(self._work.set)  # what they left lying
        for account in accounts:
            # One account's broken folder must not keep the others' files waiting.
            try:
                waits[account.account_id] = self._look_at(account)
            except ClockBehindError:
                waits[account.account_id] = _TROUBLE_SECONDS  # set back since: the next look tells
            except (IngestdError, OSError) as error:
                waits[account.account_id] = self._report_trouble(account.account_id, error)
            else:
                self._end_trouble(account.account_id)
            if self._queued:  # they need not wait until all accounts were looked at
                self._queued = False
                self._from_any_thread(self._work.set)
        now = self._works.clock.monotonic()
        self._queue_due_seconds = _QUEUE_SECONDS
        if now - self._queue_seen_at >= _QUEUE_SECONDS:
            self._queue_seen_at = now
            self._queue_due_seconds = _COUNT_SECONDS if self._look_at_queue() else None
        return waits

    def _look_at_queue(self) -> bool:
        """Deliver what is left over, and count what is open; tell whether anything is.

        Not at each look of a crowd.
        """
        self._worker.deliver_left_over()
        self._space.forget_stale()
        with self._works.database.reading() as connection:
            waiting, failed = count_open(connection, node=self._works.node)
        self._metrics.files_waiting.set(waiting)
        self._metrics.files_failed.set(failed)
        return waiting > 0

    def _look_at(self, account: Account) -> float:
        self._folders.create_for(account.account_id)
        self._queued |= self._claims.queue_interrupted(account) > 0
        # Before anything new is claimed: what the door made way for arrived earlier, and of two
        # files with the same key the earlier one is to win.
        self._queued |= self._claims.recover(account) > 0
        found = self._rescan.look(account.account_id, takes_catalogs=account.catalog_over_sftp)
        for filename in found.ready:
            self._queued |= self._claims.claim(account, filename)
        for filename in found.unrecognised:
            self._queued |= self._claims.quarantine(account, (filename,))
        for filenames in self._portions.decide(account.account_id, found.forgotten):
            self._queued |= self._claims.quarantine(account, filenames)
        self._metrics.temporary_files.labels(account.account_id).set(found.temporary)
        self._upkeep.sweep(account.account_id)
        self._claims.clear_done(account)
        next_look = found.next_look_seconds
        return self._settings.rescan_seconds if next_look is None else next_look

    def _report_trouble(self, where: str, error: IngestdError | OSError) -> float:
        """Log a trouble once, not at every look; return in how many seconds to look again."""
        if isinstance(error, NoSpaceError):
            self._troubles.pop(where, None)
            return self._space.note_full(where, error)
        self._space.note_room(where)
        message = error.message if isinstance(error, IngestdError) else str(error)
        if self._troubles.get(where) != message:
            self._troubles[where] = message
            log.error(Event.WORKER_FAILED, where=where, error=message, will_retry=True)
        return _TROUBLE_SECONDS

    def _end_trouble(self, where: str) -> None:
        self._troubles.pop(where, None)
        self._space.note_room(where)

    async def _keep_working(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._must_stop():
            self._work.clear()
            worked = False
            try:
                if not self._clock.trouble:
                    worked = await loop.run_in_executor(self._executor, self._worker.run_next)
            except ClockBehindError:
                self._look.set()  # which tells, and keeps the workers from trying on
            except IngestdError as error:
                self._report_trouble("worker", error)
            else:
                self._end_trouble("worker")
            if self._must_stop():
                return
            if worked:
                self._work.set()  # there may be more, for the others too
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), timeout=_IDLE_SECONDS)

    async def _release_leases(self) -> None:
        """Free what the last run was working on; on a full disk, as soon as there is room."""
        loop = asyncio.get_running_loop()
        while not self._must_stop():
            self._look.clear()
            try:
                await loop.run_in_executor(self._executor, self._release_leases_now)
            except NoSpaceError as error:
                seconds = self._space.note_full("leases", error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), timeout=seconds)
            else:
                self._space.note_room("leases")
                return

    def _release_leases_now(self) -> None:
        self._works.database.write(
            lambda connection: release_leases(connection, node=self._works.node)
        )
