"""Checkpoints as they are handed out: the newest, and how it continues one that somebody has."""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.evidence.tree_log import read_leaves
from ingestd.ledger.proof.checkpoint import Checkpoint, Continuation
from ingestd.ledger.proof.note import read_note
from ingestd.ledger.proof.tree import Tree
from ingestd.values.errors import LedgerRefusal
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


def read_newest_note(connection: Connection, account: AccountId) -> str:
    """Return the last note that was signed. Raises LedgerRefusal where there is none."""
    note = _SQL.run(connection, "find_newest", {"account": account}).scalar()
    if note is None:
        raise LedgerRefusal(f"Nothing of {account} was signed yet: it has no batch.")
    return str(note)


def continue_from(
    connection: Connection, account: AccountId, size: int, *, root: bytes | None = None
) -> Continuation:
    """Return the newest note, and the proof that its tree begins with the one of `size` batches.

    Raises LedgerRefusal where there was no such tree, and where it had another `root`.
    """
    note = read_newest_note(connection, account)
    newest = Checkpoint.from_text(read_note(note).text)
    if not 0 <= size <= newest.size:
        raise LedgerRefusal(f"{newest.size} batches were signed, not {size}.")
    tree = Tree(read_leaves(connection, account, until=newest.size))
    if root is not None and tree.root(size) != root:
        raise LedgerRefusal(
            f"The books have another tree of {size} batches than that file. Keep it, and run: "
            f"ingestd ledger verify --account {account} --against FILE"
        )
    return Continuation(old_size=size, proof=tree.consistency_proof(size), note=note)
