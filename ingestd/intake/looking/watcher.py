"""The watcher: file events wake the intake at once, so that a rescan need not run all the time."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

# What a file that appears makes: a rename into the folder, a close after writing, a new name.
_EVENTS: list[type[FileSystemEvent]] = [FileMovedEvent, FileClosedEvent, FileCreatedEvent]


class _Wake(FileSystemEventHandler):
    def __init__(self, root: Path, wake: Callable[[str], None]) -> None:
        self._root = root
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        folder, name = os.path.split(os.fsdecode(event.dest_path or event.src_path))
        # Our own writing wakes nobody: on a full disk each try to write a receipt would bring
        # the next look, and that the next try, as fast as the machine can.
        if not name.startswith(".") and os.path.basename(folder) != "receipts":  # noqa: PTH119
            below = os.path.relpath(folder, self._root)
            self._wake(below.split(os.sep, 1)[0])


class Watcher:
    """Calls `wake`, from a thread of its own, whenever something appears below a folder.

    `wake` is told in which of the folder's own folders that was, or `.` for none of them.
    """

    def __init__(self, folder: Path, wake: Callable[[str], None]) -> None:
        self._folder = folder
        self._handler = _Wake(folder, wake)
        self._observer: BaseObserver | None = None

    def start(self) -> None:
        """Begin to watch. Raises OSError when the system has no watches left."""
        # watchdog may come upon a folder twice that appears while it looks around. The watch
        # stands; its warning would fill a log line, or, where warnings are errors, end its thread.
        warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
        observer = Observer()
        observer.schedule(self._handler, str(self._folder), recursive=True, event_filter=_EVENTS)
        observer.start()
        self._observer = observer

    def stop(self) -> None:
        """Stop watching and wait for the thread; safe to repeat."""
        observer, self._observer = self._observer, None
        if observer is not None:
            with contextlib.suppress(RuntimeError):  # never started, or stopped by itself
                observer.stop()
                observer.join()

    @property
    def is_alive(self) -> bool:
        """Whether events still come through: the thread and each of its emitters live."""
        observer = self._observer
        return (
            observer is not None
            and observer.is_alive()
            and self._folder.is_dir()
            and all(emitter.is_alive() for emitter in observer.emitters)
        )
