"""Progress: how a worker follows a long file, and stops it between two batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a worker follows a long file: told of records and bytes read, asked whether to go on."""

    report: Callable[[int, int], None]
    must_stop: Callable[[], bool]


QUIET = Progress(report=lambda *_: None, must_stop=lambda: False)
"""Nobody follows, and nobody stops."""


class HandedBackError(Exception):
    """Raised between two batches when the daemon stops: the file goes back to the queue."""
