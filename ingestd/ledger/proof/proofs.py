"""Checking proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2), with nothing but roots in hand."""

from __future__ import annotations

from collections.abc import Sequence

from ingestd.ledger.proof.tree import HASH_BYTES, hash_node


def proves_inclusion(
    leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether a proof shows that the leaf at `index` is in the tree with this root."""
    if not 0 <= index < size or not _all_hashes(leaf, root, *proof):
        return False
    node, last = index, size - 1
    computed = leaf
    for sibling in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            computed = hash_node(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = hash_node(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and computed == root


def proves_consistency(
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether a proof shows that the tree with `root` begins with that of `old_root`.

    Of an empty tree, and of a tree and itself, there is nothing to prove: its proof is empty.
    """
    if not 0 <= old_size <= size or not _all_hashes(old_root, root, *proof):
        return False
    if old_size in {0, size}:
        return not proof and (old_size == 0 or old_root == root)
    # The old root is the proof's first hash, left out where it is a node of the new tree.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return False
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_computed = computed = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_computed = hash_node(sibling, old_computed)
            computed = hash_node(sibling, computed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            computed = hash_node(computed, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old_computed == old_root and computed == root


def _all_hashes(*hashes: bytes) -> bool:
    return all(len(one) == HASH_BYTES for one in hashes)
