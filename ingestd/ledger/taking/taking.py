"""Taking: how the ledger takes the files of one format, from judged rows to postings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.ledger.books.head import Head
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.taking.stage import Stager
from ingestd.ledger.taking.verdicts import Posted


class Weight(NamedTuple):
    """How many of the staged rows are to be applied, and what they come to in minor units."""

    rows: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What of the ledger depends on a file's format.

    `stager` makes what turns judged rows into staged ones; the number is when the file was
    received, in microseconds since 1970, and the flag says that the database takes many rows by
    COPY. `judge` sorts the staged rows: what stays in the stage is to be applied. It writes
    nothing but the stage; False says that the file is refused after all, for the findings that are
    staged. `weigh` tells what stayed, and `post` writes it to the ledger, inside the caller's
    transaction and under the head's lock, with what the stretches of a large file left in folders.
    """

    stager: Callable[[Account, int, bool], Stager[Any]]
    judge: Callable[[Connection, Head, Account], bool]
    weigh: Callable[[Connection, Head], Weight]
    post: Callable[[Entry, Sequence[Path]], Posted]
