"""Answers: what was read of the books lately, kept as long as the books stay as they are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from sqlalchemy.engine import Connection

from ingestd.ledger.books.head import read_head_hash
from ingestd.values.identifiers import AccountId

T = TypeVar("T")

KEPT_MAX = 128
"""Each is a page of rows at most: together a few MiB."""

_EVER = 2**63 - 1


class Answers:
    """Keeps what questions came to, by the head of the ledger that they were answered from."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, object] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self,
        connection: Connection,
        account: AccountId,
        question: Hashable,
        read: Callable[[], T],
    ) -> T:
        """Return what a question comes to: as it was read last, while no batch came since."""
        key = (account, head_of(connection, account), question)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("T", self._kept[key])
        answer = read()
        self._keep(key, answer)
        return answer

    def peek(self, connection: Connection, account: AccountId, question: Hashable) -> object | None:
        """Return what a question came to, if it was read since the last batch."""
        with self._lock:
            return self._kept.get((account, head_of(connection, account), question))

    def keep(
        self, connection: Connection, account: AccountId, question: Hashable, answer: object
    ) -> None:
        """Keep what a question came to on the way."""
        self._keep((account, head_of(connection, account), question), answer)

    def _keep(self, key: Hashable, answer: object) -> None:
        with self._lock:
            self._kept[key] = answer
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)


def head_of(connection: Connection, account: AccountId) -> str:
    """Return the hash that names the books as they are."""
    return read_head_hash(connection, account, known_at=_EVER)
