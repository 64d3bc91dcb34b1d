"""Resuming: a tree under a new origin, over books that do not continue what was signed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import open_batch
from ingestd.ledger.books.clock_check import require_clock
from ingestd.ledger.books.head import Head
from ingestd.ledger.evidence.seals import Seal, seal
from ingestd.ledger.evidence.signing import SignedTree, Signing
from ingestd.ledger.evidence.tree_log import require_continued
from ingestd.ledger.proof.frontier import Frontier
from ingestd.ledger.proof.malformed import write_base64
from ingestd.values.errors import LedgerRolledBackError

RESUME = "resume"

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Who resumes an account's books, and why; `lost` is the last tree that was signed."""

    lost: SignedTree | None
    by: str
    reason: str


def is_continued(connection: Connection, head: Head, signing: Signing) -> bool:
    """Tell whether the books continue what was signed last. Raises StorageError."""
    try:
        frontier = Frontier.from_bytes(head.batch_no, head.frontier)
        require_continued(connection, head, frontier, signing)
    except LedgerRolledBackError:
        return False
    return True


def resume(
    connection: Connection, head: Head, signing: Signing, resumption: Resumption, *, now: int
) -> Seal:
    """Begin the tree anew under the next origin, and say in its first batch what was lost.

    The caller holds the head's lock, and hands in a `signing` that no older tree holds back.
    """
    require_clock(connection, head, now=now)
    lost = resumption.lost
    lost_no = 1 if lost is None else _number_of(lost.origin)
    head.origin_no = max(head.origin_no, lost_no) + 1
    head.receipt_size, head.receipt_frontier = 0, b""
    batch = open_batch(head, event=RESUME, now=now)
    _SQL.run(
        connection,
        "insert_resumption",
        {
            "account": head.account,
            "origin_no": head.origin_no,
            "batch_no": batch.batch_no,
            "lost_origin": None if lost is None else lost.origin,
            "lost_size": None if lost is None else lost.size,
            "lost_root": None if lost is None else write_base64(lost.frontier.root()),
            "resumed_by": resumption.by,
            "reason": resumption.reason,
        },
    )
    return seal(connection, head, batch, signing=signing)


def _number_of(origin: str) -> int:
    """Return the number behind `NAME/ACCOUNT/`; the first origin has none."""
    parts = origin.split("/")
    return int(parts[2]) if len(parts) > 2 else 1
