"""Whose turn it is to write into an SQLite file, among the threads of this process.

SQLite takes one writer, and lets the others sleep and ask again: after a while a tenth of a second
at a time, however soon the first is done. Here the next one goes on at once.
"""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Iterator

from sqlalchemy.engine import Engine

_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


@contextlib.contextmanager
def turn_to_write(engine: Engine, *, seconds_max: float) -> Iterator[None]:
    """Wait until no other thread of this process writes into the same file.

    Not for longer than `seconds_max`: then SQLite itself decides, as it does among processes. Other
    databases have many writers, and nobody waits here.
    """
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file:
        yield
        return
    turn = _turns[file]
    ours = turn.acquire(timeout=seconds_max)
    try:
        yield
    finally:
        if ours:
            turn.release()
