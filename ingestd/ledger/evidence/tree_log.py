"""The tree of an account's batches as it is stored: leaves, the head's frontier, what was signed.

Everything here happens under the head's lock. Adding a leaf, signing and both proofs of a receipt
need the frontiers in the head and the leaves since the last receipt, however many came before.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head
from ingestd.ledger.evidence.signing import SignedTree, SignedTrees, Signing
from ingestd.ledger.proof.checkpoint import Checkpoint, origin_of
from ingestd.ledger.proof.frontier import Frontier, Growth
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.note import read_note
from ingestd.ledger.proof.receipt_seal import SinceReceipt
from ingestd.values.errors import LedgerRolledBackError
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


class SealedLine(NamedTuple):
    """What the log tells of a batch: the root is of the tree that it is the last leaf of."""

    account: str
    batch_no: int
    upload_id: str | None
    hash: str
    rows_sealed: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """A tree with one more leaf; `signed` is None where nobody could sign it.

    `untold` are batches before it of which the log has not told: commands sealed them.
    """

    root: bytes
    signed: SignedTree | None = None
    untold: Sequence[SealedLine] = ()


def append_leaf(
    connection: Connection, head: Head, leaf: BatchLeaf, *, signing: Signing | None
) -> Grown:
    """Add a batch to its account's tree, and sign it.

    The head still is that of the batch before; the caller stores it. Raises LedgerRolledBackError.
    """
    before = Frontier.from_bytes(head.batch_no, head.frontier)
    untold: Sequence[SealedLine] = ()
    if signing is not None:
        untold = catch_up(connection, head, signing)
    own = leaf.hash()
    after = before.append(own)
    values = {"account": leaf.account, "batch_no": leaf.batch_no, "hash": own}
    _SQL.run(connection, "insert_leaf", values)
    head.frontier = after.to_bytes()
    if signing is None:
        return Grown(root=after.root())
    is_receipt = leaf.statement is not None
    tree = _sign(connection, head, before, own, signing, is_receipt=is_receipt)
    if signing.tells:
        head.told_size = leaf.batch_no
    return Grown(root=after.root(), signed=tree, untold=untold)


def catch_up(connection: Connection, head: Head, signing: Signing) -> Sequence[SealedLine]:
    """Sign every batch that was sealed where no key is; return those that the log is to tell of.

    These are none unless `signing` tells. The caller holds the lock, and stores the head. Raises
    LedgerRolledBackError.
    """
    account = head.account
    require_continued(connection, head, Frontier.from_bytes(head.batch_no, head.frontier), signing)
    if head.signed_size < head.batch_no:
        values = {"account": account, "signed_size": head.signed_size}
        before = Frontier().extend(read_leaves(connection, account, until=head.signed_size))
        for row in _SQL.run(connection, "read_unsigned", values).all():
            is_receipt = row.upload_id is not None
            leaf = bytes(row.leaf)
            before = _sign(connection, head, before, leaf, signing, is_receipt=is_receipt).frontier
    if not signing.tells or head.told_size == head.batch_no:
        return ()
    untold = _SQL.run(connection, "read_untold", {"account": account, "told_size": head.told_size})
    head.told_size = head.batch_no
    return [
        SealedLine(
            account,
            row.batch_no,
            row.upload_id,
            row.hash,
            row.rows_sealed,
            Checkpoint.from_text(read_note(row.note).text).root,
        )
        for row in untold
    ]


def find_ledger_name(connection: Connection) -> str | None:
    """Return the name that the ledger was signed under; None before the first time."""
    name = _SQL.run(connection, "find_ledger_name").scalar()
    return None if name is None else str(name)


def find_origin(connection: Connection, account: AccountId, *, name: str) -> str:
    """Return the origin of an account's next note; `name` is the ledger's if it has none yet."""
    row = _SQL.run(connection, "find_origin", {"account": account}).one_or_none()
    if row is None:
        return origin_of(name, account)
    return origin_of(row.origin_name or name, account, row.origin_no)


def find_behind(connection: Connection) -> list[AccountId]:
    """Return the accounts that have batches which were never signed, or never told of."""
    return [AccountId(account) for account in _SQL.run(connection, "find_behind").scalars()]


def require_continued(
    connection: Connection, head: Head, frontier: Frontier, signing: Signing
) -> None:
    """Raise LedgerRolledBackError unless a tree begins with the one that was signed last.

    A log must never sign two trees of one size: that is what a forger would do.
    """
    last = signing.signed_trees.read(head.account)
    if last is None:
        return
    origin = _origin(head, signing)
    if last.origin == origin and last.size <= frontier.size:
        since = read_leaves(connection, head.account, after=last.size, until=frontier.size)
        if len(since) == frontier.size - last.size and last.frontier.extend(since) == frontier:
            return
    raise LedgerRolledBackError(
        f"The books of {head.account} do not continue what was signed: {last.size} batches under "
        f"{last.origin}, and they hold {frontier.size}, which "
        f"{'differ' if last.origin == origin else f'are {origin}'}. Put the newest database back; "
        f"if this one is to stay: ingestd ledger resume --account {head.account} --reason TEXT"
    )


def read_leaves(
    connection: Connection, account: AccountId, *, after: int = 0, until: int
) -> list[bytes]:
    """Return the hashes of an account's leaves of batches above `after` and up to `until`."""
    if until <= after:
        return []
    values = {"account": account, "after": after, "until": until}
    # SQLAlchemy's own rows would take longer than the tree over them.
    return [bytes(leaf) for (leaf,) in _SQL.plain_rows(connection, "read_leaves", values)]


def read_signed_tree(connection: Connection, account: AccountId) -> SignedTree | None:
    """Return the last tree that the database has a note for; None where there is none."""
    values = {"account": account}
    row = _SQL.run(connection, "find_signed", values).one_or_none()
    if row is None:
        return None
    if row.signed_size == row.batch_no:
        frontier = Frontier.from_bytes(row.batch_no, bytes(row.frontier))
    else:
        frontier = Frontier().extend(read_leaves(connection, account, until=row.signed_size))
    origin = origin_of(row.origin_name, account, row.origin_no)
    return SignedTree(origin=origin, frontier=frontier)


def note_signed(connection: Connection, account: AccountId, signed_trees: SignedTrees) -> None:
    """Note what was signed last, before anything of it leaves the house.

    Whoever committed it has done so, unless a crash came between. Raises StorageError.
    """
    signed = read_signed_tree(connection, account)
    if signed is not None:
        signed_trees.raise_to(account, signed)


def _origin(head: Head, signing: Signing) -> str:
    return origin_of(head.origin_name or signing.name, head.account, head.origin_no)


def _sign(
    connection: Connection,
    head: Head,
    before: Frontier,
    leaf: bytes,
    signing: Signing,
    *,
    is_receipt: bool,
) -> SignedTree:
    """Sign the tree `before` with one more leaf, and keep the note as it will leave the house."""
    tree = SignedTree(origin=_origin(head, signing), frontier=before.append(leaf))
    continues = None
    if is_receipt:
        continues = _since_receipt(connection, head, before, leaf)
        head.receipt_size, head.receipt_frontier = tree.size, before.to_bytes()
    head.origin_name = head.origin_name or signing.name
    head.signed_size = tree.size
    of_tree = {"account": head.account, "origin_no": head.origin_no, "size": tree.size}
    _SQL.run(
        connection,
        "insert_checkpoint",
        of_tree
        | {
            "note": signing.sign(tree),
            "continues": None if continues is None else json.dumps(continues.to_fields()),
        },
    )
    if signing.for_witness:
        _SQL.run(connection, "insert_outgoing", of_tree)
    return tree


def _since_receipt(
    connection: Connection, head: Head, before: Frontier, leaf: bytes
) -> SinceReceipt | None:
    """Return how the tree `before` with one more leaf continues that of the last receipt."""
    since = head.receipt_size
    if not since:
        return None
    if since == before.size:
        # Receipt after receipt, as nearly always: what came since is at hand.
        growth = Growth(since=before, leaves=[leaf])
    else:
        own, *later = read_leaves(connection, head.account, after=since - 1, until=before.size)
        receipt = Frontier.from_bytes(since - 1, head.receipt_frontier).append(own)
        growth = Growth(since=receipt, leaves=[*later, leaf])
    return SinceReceipt(size=since, proof=tuple(growth.consistency_proof()))
