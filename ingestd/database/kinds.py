"""The kinds of transaction: each begins in its own way, and says so before it begins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from enum import Enum, auto

from sqlalchemy.engine import Connection

_KIND = "ingestd_kind"


class Kind(Enum):
    """What a transaction is for."""

    PLAIN = auto()
    """A question, whatever is between this statement and the next."""
    READING = auto()
    """All that is read is of one moment."""
    WRITING = auto()
    """Waits for the locks that it takes, for so long and no longer."""
    AT_ONCE = auto()
    """Each statement is a transaction of its own, without a BEGIN."""


@contextlib.contextmanager
def beginning(connection: Connection, kind: Kind) -> Iterator[None]:
    """Let what begins on the connection inside the block be of this kind."""
    info = connection.info
    info[_KIND] = kind
    try:
        yield
    finally:
        info[_KIND] = Kind.PLAIN


def kind_of(connection: Connection) -> Kind:
    """Return which kind of transaction begins on the connection now."""
    kind = connection.info.get(_KIND, Kind.PLAIN)
    assert isinstance(kind, Kind)
    return kind
