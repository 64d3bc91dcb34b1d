"""What waits because a disk is full: tried again as long as that lasts, and told of once."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from prometheus_client import Gauge

from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import Clock
from ingestd.values.errors import NoSpaceError

TRY_SECONDS_MIN = 1.0
TRY_SECONDS_MAX = 60.0
# What has not failed for so long is done, or is not ours any more: by then it was tried often.
FORGOTTEN_SECONDS = 900.0

log = get_logger("ingestd.intake")


@dataclass(frozen=True, slots=True)
class _Wait:
    since: float
    failed_at: float
    due_at: float
    message: str


class SpaceWatch:
    """Which work waits for space; belongs to one node, and to all of its threads.

    `full` is 1 as long as any work waits. The log tells when the first work begins to wait, and
    when the last one is done with it, however often each is tried meanwhile.
    """

    def __init__(self, clock: Clock, full: Gauge) -> None:
        self._clock = clock
        self._full = full
        self._lock = threading.Lock()
        self._waits: dict[str, _Wait] = {}
        self._since = 0.0
        self._tries = 0

    @property
    def trouble(self) -> str:
        """What there is no space for right now, or nothing."""
        with self._lock:
            if not self._waits:
                return ""
            message = next(iter(self._waits.values())).message
            return f"{message} Waiting for space: {len(self._waits)}."

    def note_full(self, work: str, error: NoSpaceError) -> float:
        """Let `work` wait; return in how many seconds to try it again, a minute at most.

        The longer it waits, the longer the pauses, so that a full disk is not kept busy, too.
        """
        now = self._clock.monotonic()
        with self._lock:
            is_first = not self._waits
            since = self._waits[work].since if work in self._waits else now
            seconds = min(max(now - since, TRY_SECONDS_MIN), TRY_SECONDS_MAX)
            self._waits[work] = _Wait(since, now, now + seconds, error.message)
            if is_first:
                self._since, self._tries = now, 0
                self._full.set(1)
            self._tries += 1
        if is_first:
            log.error(Event.DISK_FILLED, error=error.message, detail=error.detail)
        return seconds

    def note_room(self, work: str) -> None:
        """Say that `work` waits for space no longer: it is done, or fails for something else."""
        with self._lock:
            is_last = self._waits.pop(work, None) is not None and not self._waits
            if is_last:
                self._full.set(0)
            seconds, tries = self._clock.monotonic() - self._since, self._tries
        if is_last:
            log.info(Event.DISK_FREED, seconds=round(seconds, 1), tries=tries)

    def seconds_until_due(self, work: str) -> float:
        """Return in how many seconds `work` may be tried; what does not wait may at once."""
        with self._lock:
            wait = self._waits.get(work)
        return 0.0 if wait is None else max(wait.due_at - self._clock.monotonic(), 0.0)

    def is_due(self, work: str) -> bool:
        """Tell whether `work` may be tried now."""
        return self.seconds_until_due(work) == 0.0

    def forget_stale(self) -> None:
        """Forget work that is tried no longer, such as that of an account that was removed."""
        limit = self._clock.monotonic() - FORGOTTEN_SECONDS
        with self._lock:
            stale = [work for work, wait in self._waits.items() if wait.failed_at < limit]
        for work in stale:
            self.note_room(work)
