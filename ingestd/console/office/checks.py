"""Checks: the identities of books, added up beside whoever waits for a page of a report.

They are the same for each report of the same day and batch. So they are added up once, in a thread
and with a connection of their own; a page that has its rows sooner says that they are on their way.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from ingestd.database.engine import Database
from ingestd.ledger.audit.identities import Identity, read_identities
from ingestd.ledger.books.extent import read_extent
from ingestd.reports.figures.report import Question
from ingestd.values.clock import to_microseconds

KEPT_MAX = 64


class Checks:
    """Adds identities up, and keeps those of late."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="identities")
        self._begun: OrderedDict[Hashable, Future[list[Identity]]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, question: Question, head: str) -> Future[list[Identity]]:
        """Begin to add up what a question's answer is checked with, or return what was begun.

        `head` names the books as they are.
        """
        key = (question.account, head, question.as_of, question.as_known)
        with self._lock:
            begun = self._begun.get(key)
            if begun is None or (begun.done() and begun.exception() is not None):
                begun = self._threads.submit(self._read, question)
                self._begun[key] = begun
            self._begun.move_to_end(key)
            while len(self._begun) > KEPT_MAX:
                self._begun.popitem(last=False)
        return begun

    def _read(self, question: Question) -> list[Identity]:
        with self._database.reading() as connection:
            extent = read_extent(
                connection,
                question.account,
                as_of=question.as_of,
                known_at=to_microseconds(question.as_known),
            )
            return read_identities(connection, extent)


def found_within(begun: Future[list[Identity]], seconds: float) -> Sequence[Identity] | None:
    """Return what was added up, waiting so long for it; None where it takes longer.

    Raises DatabaseError.
    """
    wait([begun], timeout=max(seconds, 0.0))
    return begun.result() if begun.done() else None
