"""Saved changes apply within two seconds: the config folder is watched while the daemon runs.

File events make it fast; a slow poll makes it true, since events can be missed and the folder
itself can be replaced. A mistake changes nothing and is told once.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchdog.events import (
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.accounts_file import AccountsFile
from ingestd.config.files.allowlist_file import AllowlistFile
from ingestd.config.files.settings import Settings, load_settings
from ingestd.service.in_force.access_look import (
    AccessLook,
    Seen,
    accounts_path,
    allowlist_path,
    look_at_access,
)
from ingestd.service.in_force.config_check import check_config
from ingestd.service.in_force.last_good import Good, LastGood
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import ConfigError, Mistake, StorageError

# Editors, copies and deployments save in steps: a change counts when nothing was written for
# QUIET_SECONDS, at the latest SAVE_SECONDS_MAX after its first write. Source: the contract.
QUIET_SECONDS = 0.5
SAVE_SECONDS_MAX = 5.0
POLL_SECONDS = 0.5  # with the quiet time, still within the two seconds that are promised
STEP_SECONDS = 0.1  # how exactly the last write is known
_LOOKS_MAX = 5

# Not the events of reading: they would make every look cause the next.
_CHANGES: list[type[FileSystemEvent]] = [
    FileAttribEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]

Signature = tuple[int, int, int, int] | None
AnySeen = Seen[AccountsFile] | Seen[AllowlistFile]
_log = get_logger("ingestd.reload")


class ConfigWatch:
    """Keeps `keeper` at what the two access files say, as long as they hold no mistake.

    `good` is what is in force at the start; `last_good` keeps it across starts. Listeners of the
    keeper are called in the event loop's thread.
    """

    def __init__(
        self,
        *,
        config_path: Path,
        keeper: AccessKeeper,
        good: Good,
        last_good: LastGood,
        metrics: Metrics,
        on_settings: Callable[[Settings], None] | None = None,
    ) -> None:
        self._config_path = config_path
        self._keeper = keeper
        self._good = good
        self._last_good = last_good
        self._metrics = metrics
        self._on_settings = on_settings
        self._paths = (accounts_path(config_path), allowlist_path(config_path))
        self._seen: tuple[Signature, ...] = ()
        self._told: dict[Path, object] = {}
        self._pending: dict[Path, bool] = {}
        self._looking = asyncio.Lock()

    @property
    def pending(self) -> tuple[str, ...]:
        """The names of the files that were saved with mistakes, and so are not in force."""
        return tuple(path.name for path, is_pending in self._pending.items() if is_pending)

    async def run(self) -> None:
        """Apply each saved change within two seconds, until cancelled."""
        async with _file_events(self._paths) as changed:
            while True:
                changed.clear()
                await self._look_and_apply()
                await self._wait_until_changed(changed)
                await self._wait_until_quiet(changed)

    async def reload_now(self) -> bool:
        """Read all three files again; tell whether none of them holds a mistake.

        The two access files apply as if they had been saved long ago. The settings are handed to
        `on_settings` when they are good; most of them count at the next start only.
        """
        await self._look_and_apply()
        mistakes, _ = await asyncio.to_thread(check_config, self._config_path)
        settings = None
        try:
            settings = await asyncio.to_thread(load_settings, self._config_path)
        except ConfigError as error:
            mistakes = mistakes or error.mistakes  # saved anew between the two readings
        self._note_pending(self._config_path, has_mistakes=settings is None)
        if mistakes or settings is None:
            _log.warning(
                Event.CONFIG_REJECTED, file=str(self._config_path), mistakes=_texts(mistakes)
            )
            return False
        # Told before it applies: a log that is made quieter still says why it falls silent.
        _log.info(Event.CONFIG_LOADED, file=str(self._config_path))
        if self._on_settings is not None:
            self._on_settings(settings)
        return True

    async def _look_and_apply(self) -> None:
        async with self._looking:
            look = await self._look()
            self._good = look.good
            access = look.access
            if access != self._keeper.current:
                self._keeper.replace(access)
            self._tell(look)
            await asyncio.to_thread(self._keep_copies)

    async def _look(self) -> AccessLook:
        """Look at both files at one moment: not at one before a write and one after it."""
        for look_number in itertools.count(1):
            self._seen = self._signatures()
            look = await asyncio.to_thread(look_at_access, self._config_path, self._good)
            # Of files that are written all the time, some look has to count.
            if self._signatures() == self._seen or look_number == _LOOKS_MAX:
                return look
            await asyncio.sleep(STEP_SECONDS)
        raise AssertionError

    def _keep_copies(self) -> None:
        """Keep what is in force for a start that finds mistakes. Without space: go on without."""
        try:
            self._last_good.keep(self._good)
        except StorageError as error:
            _log.error(Event.STORAGE_FAILED, code=error.code, message=error.message)

    async def _wait_until_changed(self, changed: asyncio.Event) -> None:
        while not changed.is_set() and self._signatures() == self._seen:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), POLL_SECONDS)

    async def _wait_until_quiet(self, changed: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        first = last = clock()
        seen = self._signatures()
        while clock() - last < QUIET_SECONDS and clock() - first < SAVE_SECONDS_MAX:
            await asyncio.sleep(STEP_SECONDS)
            changed.clear()
            found = self._signatures()
            if found != seen:
                seen, last = found, clock()

    def _signatures(self) -> tuple[Signature, ...]:
        return tuple(signature_of(path) for path in self._paths)

    def _tell(self, look: AccessLook) -> None:
        accounts, allowlist = look.accounts, look.allowlist
        if self._is_news(accounts):
            if accounts.content is None:
                self._tell_rejected(Event.ACCOUNTS_REJECTED, accounts)
            else:
                self._tell_loaded(
                    Event.ACCOUNTS_LOADED, accounts, accounts=len(accounts.content.accounts)
                )
        if self._is_news(allowlist):
            if allowlist.content is None:
                self._tell_rejected(Event.ALLOWLIST_REJECTED, allowlist)
            else:
                self._tell_loaded(
                    Event.ALLOWLIST_LOADED,
                    allowlist,
                    networks=allowlist.content.network_count,
                    accounts=len(allowlist.content.accounts),
                )
        for seen in (accounts, allowlist):
            self._note_pending(seen.path, has_mistakes=bool(seen.mistakes))

    def _tell_loaded(self, event: Event, seen: AnySeen, **counts: int) -> None:
        fields = {"file": str(seen.path), **counts, "sha256": seen.sha256}
        if seen.warnings:
            _log.warning(event, **fields, warnings=_texts(seen.warnings))
        else:
            _log.info(event, **fields)

    def _tell_rejected(self, event: Event, seen: AnySeen) -> None:
        # An error, not a warning: what was last good stays in force until a person acts.
        _log.error(
            event,
            file=str(seen.path),
            mistakes=_texts(seen.mistakes),
            in_force="what was last good",
            **({"left_out": self._good.left_out} if self._left_out(seen) else {}),
        )

    def _left_out(self, seen: AnySeen) -> bool:
        return seen.path == self._paths[0] and bool(self._good.left_out)

    def _is_news(self, seen: AnySeen) -> bool:
        news = (seen.sha256, seen.mistakes, seen.warnings)
        is_news = self._told.get(seen.path) != news
        self._told[seen.path] = news
        return is_news

    def _note_pending(self, path: Path, *, has_mistakes: bool) -> None:
        self._pending[path] = has_mistakes
        self._metrics.config_pending.labels(file=path.name).set(int(has_mistakes))


class _ChangeHandler(FileSystemEventHandler):
    """Wakes the event loop from the observer's thread when one of the named files changes."""

    def __init__(self, names: frozenset[str], wake: Callable[[], object]) -> None:
        self._names = names
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Wake for our files only; a folder may hold others that change all the time."""
        paths = (os.fsdecode(event.src_path), os.fsdecode(event.dest_path))
        if any(Path(path).name in self._names for path in paths):
            self._wake()


@contextlib.asynccontextmanager
async def _file_events(paths: tuple[Path, ...]) -> AsyncIterator[asyncio.Event]:
    """Lend an event that is set whenever one of some files of one folder changes."""
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()
    names = frozenset(path.name for path in paths)
    handler = _ChangeHandler(names, lambda: loop.call_soon_threadsafe(changed.set))
    observer = Observer()
    # No inotify watches left, or no folder: the poll alone still keeps the promise.
    with contextlib.suppress(OSError):
        observer.schedule(handler, str(paths[0].parent), event_filter=_CHANGES)
        observer.start()
    try:
        yield changed
    finally:
        observer.stop()
        if observer.is_alive():
            await asyncio.to_thread(observer.join)


def signature_of(path: Path) -> Signature:
    """Return what changes of a file whenever it is written or replaced; None: it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _texts(mistakes: tuple[Mistake, ...]) -> list[str]:
    return [str(mistake) for mistake in mistakes]
