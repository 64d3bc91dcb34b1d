"""Merkle trees (RFC 9162, section 2.1): hashes, roots, and proofs from all leaves.

A proof is a list of hashes of 32 bytes, those next to the leaves first. Trees of one log are
prefixes of each other: the tree of its first `size` leaves has one root for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without leaves."""

Subtree = Callable[[int, int], bytes]
"""Returns the root over the leaves from one index up to, and without, another."""


def hash_leaf(content: bytes) -> bytes:
    """Return the hash of a leaf, which no inner node can have."""
    return sha256(b"\x00" + content).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two halves."""
    return sha256(b"\x01" + left + right).digest()


def split_of(leaves: int) -> int:
    """Return how many of two or more leaves stand in the left half: a power of two."""
    return 1 << (leaves - 1).bit_length() - 1


def prove_inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the leaf at `index` is in the tree of `size` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    start, end = 0, size
    proof = []
    while end - start > 1:
        middle = start + split_of(end - start)
        if index < middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    return proof[::-1]


def prove_consistency(old_size: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the tree of `size` leaves begins with that of `old_size`.

    It is empty where the two are one, and where the old tree is: nothing needs to be shown.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} does not begin with one of {old_size}")
    if old_size in {0, size}:
        return []
    start, end = 0, size
    proof = []
    while end != old_size:
        middle = start + split_of(end - start)
        if old_size <= middle:
            proof.append(subtree(middle, end))
            end = middle
        else:
            proof.append(subtree(start, middle))
            start = middle
    # Whoever checks has the old root already where it is a node of the new tree.
    if start > 0:
        proof.append(subtree(start, end))
    return proof[::-1]


class Tree:
    """A tree over all hashes of leaves, for roots and proofs of every size up to its own.

    Building it hashes once for each leaf; a root or proof then takes some dozen hashes.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        level = list(leaves)
        # levels[k][i] is the root over the 2**k leaves from i * 2**k; ragged ends have none.
        self._levels = [level]
        while len(level) > 1:
            # `hash_node`, written out: a call for each of 100,000 nodes is half of what this costs.
            pairs = zip(level[0:-1:2], level[1::2], strict=True)
            level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            self._levels.append(level)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def leaf(self, index: int) -> bytes:
        """Return the hash of one leaf."""
        return self._levels[0][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves, or over all."""
        size = self._checked(size)
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the leaf at `index` is in the tree of `size` leaves, or of all."""
        return prove_inclusion(index, self._checked(size), self._subtree)

    def consistency_proof(self, old_size: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the tree of `size` leaves, or of all, begins with an older one."""
        return prove_consistency(old_size, self._checked(size), self._subtree)

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise ValueError(f"there are {self.size} leaves, not {size}")
        return size

    def _subtree(self, start: int, end: int) -> bytes:
        leaves = end - start
        if leaves & (leaves - 1) == 0:
            height = leaves.bit_length() - 1
            return self._levels[height][start >> height]
        middle = start + split_of(leaves)
        return hash_node(self._subtree(start, middle), self._subtree(middle, end))
