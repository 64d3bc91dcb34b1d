"""A second reader: half of what is read, on a connection and in a thread of its own.

Databases and hashes leave the interpreter alone while they work, so two threads keep two cores
busy. Both connections see one moment of the books.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy.engine import Connection

from ingestd.ledger.audit.sides import Sides

T = TypeVar("T")
Work = Callable[[Connection, Sides], T]


class Beside:
    """Runs work beside the caller's, one piece after the other; or at once, with one connection."""

    def __init__(
        self, connection: Connection, sides: Sides, threads: ThreadPoolExecutor | None
    ) -> None:
        self._connection = connection
        self._sides = sides
        self._threads = threads

    def run(self, work: Work[T]) -> Callable[[], T]:
        """Start `work`; what is returned waits for it, and returns or raises what came of it."""
        if self._threads is None:
            found = work(self._connection, self._sides)
            return lambda: found
        return self._threads.submit(work, self._connection, self._sides).result


@contextmanager
def reading_beside(
    connection: Connection, beside: Connection | None, sides: Sides
) -> Iterator[Beside]:
    """Lend a second reader on the connection `beside`, if there is one.

    When the block ends all of its work is done, and what it put to sides of its own is added to
    `sides`. Nobody else uses `beside` until then.
    """
    if beside is None:
        yield Beside(connection, sides, None)
        return
    own = sides.apart()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="verify") as threads:
        yield Beside(beside, own, threads)
    sides.merge(own)
