"""Trees and proofs: the reference values, and what holds for trees of every size."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.ledger.proof.frontier import Frontier, Growth
from ingestd.ledger.proof.proofs import proves_consistency, proves_inclusion
from ingestd.ledger.proof.tree import EMPTY_ROOT, Tree, hash_leaf, hash_node

# The leaves and roots with which RFC 6962's own implementation is tested.
REFERENCE_LEAVES = [
    hash_leaf(bytes.fromhex(text))
    for text in [
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    ]
]
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
REFERENCE_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
REFERENCE_INCLUSION_OF_LEAF_5_OF_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
SIZES = st.integers(1, 130)


def _hex(proof: list[bytes]) -> list[str]:
    return [node.hex() for node in proof]


def _leaves(count: int) -> list[bytes]:
    return [hash_leaf(b"%d" % number) for number in range(count)]


def _naive_root(leaves: list[bytes]) -> bytes:
    """Return the root word by word as RFC 9162, section 2.1.1, defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hash_node(_naive_root(leaves[:split]), _naive_root(leaves[split:]))


def _changed(node: bytes, byte: int) -> bytes:
    return node[:byte] + bytes([node[byte] ^ 1]) + node[byte + 1 :]


def test_roots_are_those_of_the_reference() -> None:
    """Any program that knows RFC 6962 comes to the same roots."""
    assert [Tree(REFERENCE_LEAVES).root(size).hex() for size in range(9)] == REFERENCE_ROOTS
    for size in range(9):
        assert Frontier().extend(REFERENCE_LEAVES[:size]).root().hex() == REFERENCE_ROOTS[size]


@pytest.mark.parametrize(("old_size", "size"), REFERENCE_CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference(old_size: int, size: int) -> None:
    """A proof made here is checked by programs of others."""
    expected = REFERENCE_CONSISTENCY[old_size, size]
    tree = Tree(REFERENCE_LEAVES)
    assert _hex(tree.consistency_proof(old_size, size)) == expected
    since = Frontier().extend(REFERENCE_LEAVES[:old_size])
    growth = Growth(since=since, leaves=REFERENCE_LEAVES[old_size:size])
    assert _hex(growth.consistency_proof()) == expected
    assert proves_consistency(
        old_size, tree.root(old_size), size, tree.root(size), tree.consistency_proof(old_size, size)
    )


def test_the_inclusion_proof_is_that_of_the_reference() -> None:
    """As above, for the proof that a leaf is in the tree."""
    tree = Tree(REFERENCE_LEAVES)
    proof = tree.inclusion_proof(5)
    assert _hex(proof) == REFERENCE_INCLUSION_OF_LEAF_5_OF_8
    assert proves_inclusion(REFERENCE_LEAVES[5], 5, 8, tree.root(), proof)


@given(SIZES)
def test_a_frontier_has_the_root_of_the_whole_tree(size: int) -> None:
    """Forgetting the leaves changes nothing, nor does storing the peaks in between."""
    leaves = _leaves(size)
    frontier = Frontier()
    for leaf in leaves:
        frontier = Frontier.from_bytes(frontier.size, frontier.to_bytes()).append(leaf)
    assert frontier.root() == Tree(leaves).root() == _naive_root(leaves)
    assert len(frontier.peaks) == size.bit_count()


@given(SIZES, st.data())
def test_proofs_from_a_frontier_are_those_from_all_leaves(size: int, data: st.DataObject) -> None:
    """The daemon proves from what it keeps; whoever has all leaves comes to the same."""
    old_size = data.draw(st.integers(0, size - 1))
    leaves = _leaves(size)
    tree = Tree(leaves)
    growth = Growth(since=Frontier().extend(leaves[:old_size]), leaves=leaves[old_size:])
    assert growth.size == size
    assert growth.root() == tree.root()
    assert growth.consistency_proof() == tree.consistency_proof(old_size)
    index = data.draw(st.integers(old_size, size - 1))
    assert growth.inclusion_proof(index) == tree.inclusion_proof(index)


@given(SIZES, st.data())
def test_every_inclusion_proof_holds_and_no_changed_one_does(
    size: int, data: st.DataObject
) -> None:
    """Not one byte of leaf, root or proof can be changed unseen."""
    leaves = _leaves(size)
    tree = Tree(leaves)
    index = data.draw(st.integers(0, size - 1))
    proof, root = tree.inclusion_proof(index), tree.root()
    assert proves_inclusion(leaves[index], index, size, root, proof)
    byte = data.draw(st.integers(0, 31))
    assert not proves_inclusion(_changed(leaves[index], byte), index, size, root, proof)
    assert not proves_inclusion(leaves[index], index, size, _changed(root, byte), proof)
    assert not proves_inclusion(leaves[index], size, size, root, proof)
    assert not proves_inclusion(leaves[index], index, size, root, [*proof, root])
    for place, node in enumerate(proof):
        changed = [*proof[:place], _changed(node, byte), *proof[place + 1 :]]
        assert not proves_inclusion(leaves[index], index, size, root, changed)
        assert not proves_inclusion(leaves[index], index, size, root, proof[:place])


@given(SIZES, st.data())
def test_every_consistency_proof_holds_and_no_changed_one_does(
    size: int, data: st.DataObject
) -> None:
    """A tree that forgot or changed a leaf cannot be passed off as the old one's successor."""
    tree = Tree(_leaves(size))
    old_size = data.draw(st.integers(1, size))
    proof, root, old_root = tree.consistency_proof(old_size), tree.root(), tree.root(old_size)
    assert proves_consistency(old_size, old_root, size, root, proof)
    byte = data.draw(st.integers(0, 31))
    assert not proves_consistency(old_size, _changed(old_root, byte), size, root, proof)
    assert not proves_consistency(old_size, old_root, size, _changed(root, byte), proof)
    assert not proves_consistency(old_size, old_root, size, root, [*proof, root])
    for place, node in enumerate(proof):
        changed = [*proof[:place], _changed(node, byte), *proof[place + 1 :]]
        assert not proves_consistency(old_size, old_root, size, root, changed)
        assert not proves_consistency(old_size, old_root, size, root, proof[:place])


@given(SIZES, st.data())
def test_a_tree_with_another_leaf_continues_nothing(size: int, data: st.DataObject) -> None:
    """Whoever rewrites an old batch has no proof left that fits what was signed."""
    leaves = _leaves(size + 1)
    index = data.draw(st.integers(0, size - 1))
    forged = Tree([*leaves[:index], hash_leaf(b"forged"), *leaves[index + 1 :]])
    honest = Tree(leaves)
    for proof in (honest.consistency_proof(size), forged.consistency_proof(size)):
        assert not proves_consistency(size, honest.root(size), size + 1, forged.root(), proof)


def test_an_empty_tree_is_the_beginning_of_every_tree() -> None:
    """The first receipt has nothing that it could continue."""
    root = Tree(_leaves(3)).root()
    assert proves_consistency(0, EMPTY_ROOT, 3, root, [])
    assert not proves_consistency(0, EMPTY_ROOT, 3, root, [root])
    assert not proves_consistency(4, root, 3, root, [])
    assert not proves_consistency(3, root[:31], 3, root[:31], [])


def test_what_is_no_place_in_the_tree_has_no_proof() -> None:
    """A wrong number is our own bug, and told as such."""
    tree = Tree(_leaves(3))
    for call in (
        lambda: tree.root(4),
        lambda: tree.inclusion_proof(3),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.consistency_proof(4),
        lambda: Growth(since=Frontier().extend(_leaves(2)), leaves=_leaves(1)).inclusion_proof(1),
        lambda: Frontier.from_bytes(3, tree.root()),
        lambda: Frontier.from_bytes(1, tree.root() + b"x"),
        lambda: Frontier.from_bytes(1, tree.root()[:31]),
    ):
        with pytest.raises(ValueError, match=r"leaf|leaves|tree|peak"):
            call()
