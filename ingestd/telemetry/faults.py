"""Errors that nobody caught: in a thread, a task, a callback. Each is one named line, not a text.

Python writes them to stderr as they come, with words that may quote a row or a key.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping
from typing import Any

from ingestd.telemetry.events import Event
from ingestd.telemetry.foreign import Ration
from ingestd.telemetry.logs import get_logger, trace_without_words

_log = get_logger("ingestd.faults")
_ration = Ration()


def tell_of_fault(during: str, error: BaseException | None) -> None:
    """Log one `error_escaped`, unless that kind was told too often a moment ago."""
    name = type(error).__name__
    omitted = _ration.take(f"{during} {name}")
    if omitted is None:
        return
    told: dict[str, object] = {"omitted": omitted} if omitted else {}
    if error is None:
        _log.error(Event.ERROR_ESCAPED, during=during, **told)
        return
    _log.error(
        Event.ERROR_ESCAPED, during=during, error=name, exc_info=trace_without_words(error), **told
    )


def catch_what_escapes() -> None:
    """From now on, tell of errors that escape from this process' threads and finalizers."""
    sys.excepthook = lambda _kind, error, _trace: tell_of_fault("start or stop", error)
    threading.excepthook = lambda told: tell_of_fault("thread", told.exc_value)
    sys.unraisablehook = lambda told: tell_of_fault("finalizer", told.exc_value)


def handle_loop_fault(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """Stand in for the event loop's own exception handler."""
    kind = "task" if "future" in context or "task" in context else "callback"
    tell_of_fault(kind, context.get("exception"))
