"""Signing: what an account's checkpoints are signed with, and what holds a signer to his word.

Whoever runs the ledger hands it down; here no key is read, and nothing is written to a disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ingestd.ledger.proof.checkpoint import Checkpoint
from ingestd.ledger.proof.frontier import Frontier
from ingestd.ledger.proof.note import Signer, VerifierKey, sign_note
from ingestd.values.identifiers import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTree:
    """A tree that was signed: under which origin, and its frontier."""

    origin: str
    frontier: Frontier

    @property
    def size(self) -> int:
        """How many batches it holds."""
        return self.frontier.size

    @property
    def checkpoint(self) -> Checkpoint:
        """What is signed of it."""
        return Checkpoint(origin=self.origin, size=self.size, root=self.frontier.root())


class SignedTrees(Protocol):
    """The last tree that was signed for each account: kept outside of the database.

    A database that was put back, or rewritten, is seen by it.
    """

    def read(self, account: AccountId) -> SignedTree | None:
        """Return the last tree signed for an account; None before the first."""

    def raise_to(self, account: AccountId, tree: SignedTree) -> None:
        """Keep a tree that was committed, durably, before anybody outside sees its checkpoint.

        A smaller one than is there changes nothing.
        """

    def start_over(self, account: AccountId, tree: SignedTree) -> None:
        """Keep a tree of a new origin instead of what was there, which is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """The keys of a ledger, and what it calls itself.

    `name` becomes an account's when it is signed for the first time, and stays. While a key takes
    over there are two `seeds`, and each note bears both signatures. With `for_witness` each
    checkpoint also waits for the witness. Whoever `tells` writes a log that is kept, and tells
    there of every batch, whoever sealed it.
    """

    name: str
    seeds: Sequence[bytes] = field(repr=False)
    signed_trees: SignedTrees
    for_witness: bool = False
    tells: bool = False

    def sign(self, tree: SignedTree) -> str:
        """Return the note over a tree."""
        signers = [Signer(tree.origin, seed) for seed in self.seeds]
        return sign_note(tree.checkpoint.to_text(), signers)

    def keys(self, origin: str) -> list[VerifierKey]:
        """Return what notes of an origin are checked with."""
        return [Signer(origin, seed).key for seed in self.seeds]
