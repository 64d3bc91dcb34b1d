"""Saved changes apply within a second: the config folder is watched while the daemon runs.

File events make it fast; a slow poll makes it true, since events can be missed and the folder
itself can be replaced. A mistake changes nothing and is told once.
"""

from __future__ import annotations

import asyncio
import contextlib
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
from ingestd.config.settings import Settings, load_settings
from ingestd.service.access_files import accounts_path, allowlist_path, check_config
from ingestd.service.access_look import AccessLook, look_at_access
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import ConfigError, Mistake

DEBOUNCE_SECONDS = 0.15  # editors save in two steps, some by emptying the file first
POLL_SECONDS = 0.5  # with two debounces, still within the second that is promised

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
_log = get_logger("ingestd.reload")


class ConfigWatch:
    """Keeps `keeper` at what the two access files say, as long as they hold no mistake.

    Listeners of the keeper are called in the event loop's thread.
    """

    def __init__(
        self,
        *,
        config_path: Path,
        keeper: AccessKeeper,
        on_settings: Callable[[Settings], None] | None = None,
    ) -> None:
        self._config_path = config_path
        self._keeper = keeper
        self._on_settings = on_settings
        self._paths = (accounts_path(config_path), allowlist_path(config_path))
        self._seen: tuple[Signature, ...] = ()
        self._told: dict[Path, object] = {}
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Apply each saved change within a second, until cancelled."""
        async with _file_events(self._paths) as changed:
            while True:
                changed.clear()
                await self._look_and_apply()
                await self._wait_until_changed(changed)
                await asyncio.sleep(DEBOUNCE_SECONDS)

    async def reload_now(self) -> bool:
        """Read all three files again; tell whether none of them holds a mistake.

        The two access files apply as if they had just been saved. The settings are handed to
        `on_settings` when they are good; most of them count at the next start only.
        """
        await self._look_and_apply()
        mistakes = await asyncio.to_thread(check_config, self._config_path)
        settings = None
        if not mistakes:
            try:
                settings = await asyncio.to_thread(load_settings, self._config_path)
            except ConfigError as error:  # saved anew between the two readings
                mistakes = error.mistakes
        if settings is None:
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
            if look.has_mistakes:
                # It may be half saved: empty, gone or cut off. Only what stays so is a mistake.
                await asyncio.sleep(DEBOUNCE_SECONDS)
                look = await self._look()
            in_force = self._keeper.current
            access = look.applied_to(in_force)
            if access != in_force:
                self._keeper.replace(access)
            self._tell(look)

    async def _look(self) -> AccessLook:
        # Signatures first: what changes while the files are read is seen at the next poll.
        self._seen = self._signatures()
        return await asyncio.to_thread(look_at_access, self._config_path, self._keeper.current)

    async def _wait_until_changed(self, changed: asyncio.Event) -> None:
        while not changed.is_set() and self._signatures() == self._seen:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), POLL_SECONDS)

    def _signatures(self) -> tuple[Signature, ...]:
        return tuple(_signature(path) for path in self._paths)

    def _tell(self, look: AccessLook) -> None:
        accounts, allowlist = look.accounts, look.allowlist
        if self._is_news(accounts.path, accounts.sha256, accounts.mistakes):
            if accounts.content is None:
                self._tell_rejected(Event.ACCOUNTS_REJECTED, accounts.path, accounts.mistakes)
            else:
                _log.info(
                    Event.ACCOUNTS_LOADED,
                    file=str(accounts.path),
                    accounts=len(accounts.content.accounts),
                    sha256=accounts.sha256,
                )
        if self._is_news(allowlist.path, allowlist.sha256, allowlist.mistakes):
            if allowlist.content is None:
                self._tell_rejected(Event.ALLOWLIST_REJECTED, allowlist.path, allowlist.mistakes)
            else:
                _log.info(
                    Event.ALLOWLIST_LOADED,
                    file=str(allowlist.path),
                    networks=allowlist.content.network_count,
                    accounts=len(allowlist.content.accounts),
                    sha256=allowlist.sha256,
                )

    def _tell_rejected(self, event: Event, path: Path, mistakes: tuple[Mistake, ...]) -> None:
        # An error, not a warning: the last good file stays in force until a person acts.
        _log.error(event, file=str(path), mistakes=_texts(mistakes))

    def _is_news(self, path: Path, sha256: str | None, mistakes: tuple[Mistake, ...]) -> bool:
        news = (sha256, mistakes)
        is_news = self._told.get(path) != news
        self._told[path] = news
        return is_news


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


def _signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _texts(mistakes: tuple[Mistake, ...]) -> list[str]:
    return [str(mistake) for mistake in mistakes]
