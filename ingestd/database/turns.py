"""Whose turn it is to write into an SQLite file, among the threads of this process.

SQLite takes one writer, and lets the others sleep and ask again: after a while a tenth of a second
at a time, however soon the first is done. Here the next one goes on at once, in the order in which
they came: on a busy machine whoever has just written would be faster than all who wait.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict, deque
from collections.abc import Iterator

from sqlalchemy.engine import Engine


class Turn:
    """One at a time, first come, first served. It is handed to whoever has waited longest."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def take(self, seconds_max: float) -> bool:
        """Wait for the turn; False when it did not come in time."""
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return True
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds_max):
            return True
        with self._lock:
            if mine not in self._waiting:
                return True  # it came in the very moment
            self._waiting.remove(mine)
            return False

    def pass_on(self) -> None:
        """Give the turn to the next; call it once for each `take` that was True."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False


_turns: defaultdict[str, Turn] = defaultdict(Turn)


def turn_of(engine: Engine) -> Turn:
    """Return the turn that all share who write into an engine's file."""
    return _turns[engine.url.database or ""]


@contextlib.contextmanager
def turn_to_write(engine: Engine, *, seconds_max: float) -> Iterator[None]:
    """Wait until no other thread of this process writes into the same file.

    Not for longer than `seconds_max`: then SQLite itself decides, as it does among processes. Other
    databases have many writers, and nobody waits here.
    """
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = turn_of(engine)
    ours = turn.take(seconds_max)
    try:
        yield
    finally:
        if ours:
            turn.pass_on()
