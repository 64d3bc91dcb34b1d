"""Taking: how the ledger takes the files of one format, from judged rows to postings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestd.access.accounts import Account
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.taking.stage import Stager
from ingestd.ledger.taking.verdicts import Posted


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What of the ledger depends on a file's format.

    `stager` makes what turns judged rows into staged ones; the number is when the file was
    received, in microseconds since 1970, and the flag says that the database takes many rows by
    COPY. `post` decides about the staged rows and writes the ledger, inside the caller's
    transaction and under the head's lock, with what the stretches of a large file left in folders;
    None says that the file is refused after all, for the findings that are staged.
    """

    stager: Callable[[Account, int, bool], Stager[Any]]
    post: Callable[[Entry, Sequence[Path]], Posted | None]
