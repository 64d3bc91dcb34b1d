"""A tree's frontier: the few hashes from which it grows, and from which it is proven.

The frontier of a tree are its peaks, the roots of the complete subtrees that its size falls
into: one for each bit of the size that is set, the largest first. All leaves behind them may be
forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingestd.ledger.proof.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    hash_node,
    prove_consistency,
    prove_inclusion,
    split_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The peaks of a tree of `size` leaves; the defaults are the tree without any."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"{len(self.peaks)} peaks are not those of a tree of {self.size}")
        if any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise ValueError("a peak is a hash of 32 bytes")

    @classmethod
    def from_bytes(cls, size: int, stored: bytes) -> Frontier:
        """Return the frontier that `to_bytes` wrote; ValueError where it is none of this size."""
        peaks = tuple(
            stored[start : start + HASH_BYTES] for start in range(0, len(stored), HASH_BYTES)
        )
        return cls(size=size, peaks=peaks)

    def to_bytes(self) -> bytes:
        """Return the peaks one after the other, the largest subtree's first."""
        return b"".join(self.peaks)

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf, given as its hash."""
        peaks = list(self.peaks)
        node = leaf
        merged = self.size
        while merged & 1:
            node = hash_node(peaks.pop(), node)
            merged >>= 1
        return Frontier(size=self.size + 1, peaks=(*peaks, node))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier with all of these leaves, given as their hashes, in their order."""
        frontier = self
        for leaf in leaves:
            frontier = frontier.append(leaf)
        return frontier

    def root(self) -> bytes:
        """Return the tree's root."""
        if not self.peaks:
            return EMPTY_ROOT
        *higher, root = self.peaks
        for peak in reversed(higher):
            root = hash_node(peak, root)
        return root


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A tree known by the frontier that it once had and by the hashes of all leaves since.

    Both proofs that a new receipt needs come from it: `since` is the frontier at the receipt
    before, `leaves` are the batches after it. What it costs goes by how many those are.
    """

    since: Frontier
    leaves: Sequence[bytes]
    _known: dict[tuple[int, int], bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = {}
        start, remaining = 0, self.since.size
        for peak in self.since.peaks:
            width = 1 << remaining.bit_length() - 1
            known[start, start + width] = peak
            start, remaining = start + width, remaining - width
        object.__setattr__(self, "_known", known)

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self.since.size + len(self.leaves)

    def root(self) -> bytes:
        """Return the tree's root."""
        return self._subtree(0, self.size) if self.size else EMPTY_ROOT

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Return the proof that a leaf is in the tree; only one that came since has one here."""
        if index < self.since.size:
            raise ValueError(f"leaf {index} lies behind the frontier at {self.since.size}")
        return prove_inclusion(index, self.size, self._subtree)

    def consistency_proof(self) -> list[bytes]:
        """Return the proof that the tree continues the one that had the frontier."""
        return prove_consistency(self.since.size, self.size, self._subtree)

    def _subtree(self, start: int, end: int) -> bytes:
        if (found := self._known.get((start, end))) is not None:
            return found
        if end - start == 1:
            return self.leaves[start - self.since.size]
        middle = start + split_of(end - start)
        node = hash_node(self._subtree(start, middle), self._subtree(middle, end))
        self._known[start, end] = node
        return node
