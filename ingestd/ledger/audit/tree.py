"""The tree as it is stored: whether leaves, head and every signed note are of one tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.audit.agreement import Disagreement
from ingestd.ledger.proof.checkpoint import Checkpoint, origin_of
from ingestd.ledger.proof.frontier import Frontier
from ingestd.ledger.proof.malformed import UntrustedError
from ingestd.ledger.proof.note import VerifierKey, open_note, read_note
from ingestd.ledger.proof.receipt_seal import SinceReceipt
from ingestd.ledger.proof.tree import HASH_BYTES, Tree
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDisagreement(Disagreement):
    """What of the tree does not fit: a leaf, a note, or the head."""

    check: str


def find_tree_disagreements(
    connection: Connection,
    account: AccountId,
    uploads: Mapping[int, UploadId | None],
    *,
    keys_of: Callable[[str], Sequence[VerifierKey]] | None,
) -> Iterator[TreeDisagreement]:
    """Find leaves without a batch, notes over another tree, and a head that is not at its end.

    Leaves are held to the rows elsewhere. `uploads` are the sealed batches.
    """
    values = {"account": account}
    leaves = {row.batch_no: bytes(row.hash) for row in _SQL.run(connection, "read_leaves", values)}
    for batch_no in sorted(leaves.keys() - uploads.keys()):
        yield _of("tree", batch_no, "the tree has a leaf of a batch that was never sealed")
    # A hole ends the tree: batches without their leaf are told of where they are checked.
    found = (leaves.get(number, b"") for number in range(1, len(leaves) + 1))
    whole = list(takewhile(lambda leaf: len(leaf) == HASH_BYTES, found))
    tree = Tree(whole)
    notes = _SQL.run(connection, "read_checkpoints", values).all()
    receipts: dict[int, int] = {}
    yield from _check_notes(account, notes, tree, uploads, receipts, keys_of)
    for row in _SQL.run(connection, "read_outgoing", values):
        yield _of("checkpoint", row.size, "a checkpoint waits for the witness that was never made")
    head = _SQL.run(connection, "read_tree_head", values).one_or_none()
    if head is not None:
        last = max(uploads, default=0)
        if head.told_size > last:
            yield _of("head", last, "the log tells of more batches than the books hold")
        for column, expected in _expected(whole, notes, receipts).items():
            if (getattr(head, column) or None) != (expected or None):
                message = f"the head's {column} is not what leaves and notes give"
                yield _of("head", max(uploads, default=None), message)


def _check_notes(
    account: AccountId,
    notes: Sequence[Any],
    tree: Tree,
    uploads: Mapping[int, UploadId | None],
    receipts: dict[int, int],
    keys_of: Callable[[str], Sequence[VerifierKey]] | None,
) -> Iterator[TreeDisagreement]:
    """Find what is wrong with notes; afterwards `receipts` holds each origin's last receipt."""
    for row in notes:
        found = [*_check_note(account, row, tree, keys_of)]
        if uploads.get(row.size) is not None:
            found += _check_continued(row, tree, receipts.get(row.origin_no))
            receipts[row.origin_no] = row.size
        elif row.continues is not None:
            found.append("it went out with no receipt, and says which one it continues")
        for message in found:
            yield _of("checkpoint", row.size, message)
    kept = {row.size for row in notes}
    for size in sorted(set(range(1, max(kept, default=0) + 1)) - kept):
        yield _of("checkpoint", size, "no note is kept over it")


def _expected(
    leaves: Sequence[bytes], notes: Sequence[Any], receipts: Mapping[int, int]
) -> dict[str, object]:
    """Return what the head has to say."""
    names = [name for row in notes if (name := _name_of(row.note)) is not None]
    origin_no = max((row.origin_no for row in notes), default=1)
    receipt_size = receipts.get(origin_no, 0)
    before = leaves[: receipt_size - 1] if receipt_size else []
    return {
        "frontier": Frontier().extend(leaves).to_bytes(),
        "origin_name": names[-1] if names else None,
        "origin_no": origin_no,
        "signed_size": max((row.size for row in notes), default=0),
        "receipt_size": receipt_size,
        "receipt_frontier": Frontier().extend(before).to_bytes(),
    }


def _name_of(note: str) -> str | None:
    """Return the ledger's name in a note; None where it is none."""
    try:
        return Checkpoint.from_text(read_note(note).text).origin.partition("/")[0]
    except ValueError:
        return None


def _check_note(
    account: AccountId,
    row: Any,  # noqa: ANN401 - a row of the checkpoint table
    tree: Tree,
    keys_of: Callable[[str], Sequence[VerifierKey]] | None,
) -> Iterator[str]:
    try:
        checkpoint = Checkpoint.from_text(read_note(row.note).text)
        if keys_of is not None:
            open_note(row.note, keys_of(checkpoint.origin))
        name = checkpoint.origin.partition("/")[0]
        if checkpoint.origin != origin_of(name, account, row.origin_no):
            yield "a note of another origin is kept for it"
    except UntrustedError:
        yield "no key of this ledger has signed the note kept for it"
    except ValueError:
        yield "the note kept for it is none"
    else:
        if checkpoint.size != row.size or row.size > tree.size:
            yield "the note kept for it is over a tree of another size"
        elif checkpoint.root != tree.root(row.size):
            yield "it was signed over other batches than the books hold"


def _check_continued(
    row: Any,  # noqa: ANN401 - a row of the checkpoint table
    tree: Tree,
    before: int | None,
) -> Iterator[str]:
    """Find what is wrong with how a receipt's note continues that of the one before."""
    if row.size > tree.size:
        return  # which is told already
    expected = None
    if before is not None:
        proof = tuple(tree.consistency_proof(before, row.size))
        expected = SinceReceipt(size=before, proof=proof)
    try:
        stored = None if row.continues is None else json.loads(row.continues)
        holds = (None if stored is None else SinceReceipt.from_fields(stored)) == expected
    except ValueError:
        holds = False
    if not holds:
        yield "what is kept of how it continues the receipt before is not so"


def _of(check: str, batch_no: int | None, message: str) -> TreeDisagreement:
    return TreeDisagreement(check=check, batch_no=batch_no, message=message)
