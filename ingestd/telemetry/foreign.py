"""Lines that are not ours: a library's become one named event, short and seldom, or are dropped.

A library does not know what may stand in a log. Its templates are its own words and are told;
what it fills them with may be a row, a name or a path, and is not.
"""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import PurePath
from typing import TextIO

import structlog

from ingestd.telemetry.events import Event

OURS = "ingestd"
_LOGGER = f"{OURS}.library"
_TEMPLATE_CHARACTERS_MAX = 200
# What each library may say in a span; a flood of resets makes some say the same for each.
_LINES_MAX = 5
_SPAN_SECONDS = 60.0
# What libraries say of each peer that went away, and of a watcher that was told to stop. Our own
# events tell both, once and by name.
_NOISE = frozenset(
    {
        ("asyncio", "socket.send() raised exception."),
        (
            "watchdog.observers.inotify",
            "InotifyEmitter.queue_events() called when the thread is inactive",
        ),
    }
)
# What they warn of is how our own pages look, and which of their parts will be wanted one day.
_HEARD_FROM_ERRORS_ON = frozenset({"weasyprint", "fontTools"})


class Ration:
    """So many lines of each kind in a span; what is left out is counted, and told afterwards.

    May be called from any thread.
    """

    def __init__(
        self,
        lines_max: int = _LINES_MAX,
        span_seconds: float = _SPAN_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines_max = lines_max
        self._span_seconds = span_seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._spans: dict[str, tuple[float, int]] = {}
        self._omitted: dict[str, int] = {}

    def take(self, kind: str) -> int | None:
        """Return how many lines were left out before this one; None when it is left out, too."""
        with self._lock:
            now = self._monotonic()
            begun, lines = self._spans.get(kind, (now, 0))
            if now - begun >= self._span_seconds:
                begun, lines = now, 0
            if lines >= self._lines_max:
                self._omitted[kind] = self._omitted.get(kind, 0) + 1
                return None
            self._spans[kind] = begun, lines + 1
            return self._omitted.pop(kind, 0)


class ForeignLines(logging.Handler):
    """Turns what libraries log into `library_reported`, and hands on what is ours.

    It stands before the handler that writes, so that nothing of a library's reaches that one.
    """

    def __init__(self, writer: logging.Handler) -> None:
        super().__init__()
        self._writer = writer
        self._ration = Ration()

    def emit(self, record: logging.LogRecord) -> None:
        """Write our own line, or tell of a library's."""
        if record.name.split(".")[0] == OURS:
            self._writer.handle(record)
            return
        template = str(record.msg)
        is_quiet = record.name.split(".")[0] in _HEARD_FROM_ERRORS_ON
        level = logging.ERROR if is_quiet else logging.WARNING
        if (record.name, template) in _NOISE or record.levelno < level:
            return
        omitted = self._ration.take(record.name)
        if omitted is None:
            return
        error = record.exc_info[1] if record.exc_info else None
        tell_of_library(
            record.name,
            omitted=omitted,
            severity=record.levelname.lower(),
            template=template.partition("\n")[0][:_TEMPLATE_CHARACTERS_MAX],
            place=_place(record.pathname, record.lineno),
            error=type(error).__name__ if error is not None else None,
        )

    def show_warning(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        """Stand in for `warnings.showwarning`."""
        omitted = self._ration.take(warnings.__name__)
        if omitted is not None:
            tell_of_library(
                warnings.__name__,
                omitted=omitted,
                severity="warning",
                template=category.__name__,
                place=_place(filename, lineno),
            )


def tell_of_library(library: str, *, omitted: int, **fields: object) -> None:
    """Log one `library_reported`. It is no error: nobody but a developer can act upon it."""
    told = {name: value for name, value in fields.items() if value is not None}
    if omitted:
        told["omitted"] = omitted
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(_LOGGER)
    log.warning(Event.LIBRARY_REPORTED, library=library, **told)


def _place(path: str, line: int) -> str:
    """Return the end of a source path, which says what it is and not where it is installed."""
    return "/".join((*PurePath(path).parts[-2:-1], f"{PurePath(path).name}:{line}"))
