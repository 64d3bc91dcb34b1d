"""Digests of chunks: exactly the bytes that the page says, and no two columns alike."""

from __future__ import annotations

from array import array
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.ledger.proof.digest import (
    ColumnKind,
    hash_chunk,
    hash_column,
    join_columns,
)

TEXTS = st.lists(
    st.none() | st.text(st.characters(exclude_categories=["Cs"])) | st.text("ab", max_size=200),
    min_size=1,
)
OCTETS = st.lists(st.none() | st.binary(), min_size=1)
NUMBERS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1)
FLAGS = st.lists(st.none() | st.booleans(), min_size=1)
COLUMNS: dict[ColumnKind, st.SearchStrategy[list[Any]]] = {
    ColumnKind.TEXT: TEXTS,
    ColumnKind.OCTETS: OCTETS,
    ColumnKind.NUMBER: NUMBERS,
    ColumnKind.FLAG: FLAGS,
}


def _by_the_page(kind: ColumnKind, values: list[object]) -> bytes:
    """Return a column's hash, written value by value as docs/evidence.md has it."""
    written = b""
    if kind is ColumnKind.NUMBER:
        bits = [0] * ((len(values) + 7) // 8)
        for row, value in enumerate(values):
            if value is not None:
                bits[row // 8] |= 1 << row % 8
        written = bytes(bits)
    for value in values:
        match value:
            case None if kind is ColumnKind.NUMBER:
                written += bytes(8)
            case None:
                written += b"\x02" if kind is ColumnKind.FLAG else b"\x00"
            case bool():
                written += b"\x01" if value else b"\x00"
            case int():
                written += value.to_bytes(8, "little", signed=True)
            case str() | bytes():
                octets = value.encode() if isinstance(value, str) else value
                written += b"\x01" + len(octets).to_bytes(4, "little") + octets
    return sha256(written).digest()


@pytest.mark.parametrize("kind", ColumnKind)
@given(st.data())
def test_a_column_is_hashed_as_the_page_says(kind: ColumnKind, data: st.DataObject) -> None:
    """The quick ways for plain columns come to what anybody computes from the page."""
    values: list[object] = data.draw(COLUMNS[kind])
    assert hash_column(kind, values) == _by_the_page(kind, values)
    assert hash_column(kind, tuple(values)) == _by_the_page(kind, values)


@pytest.mark.parametrize("kind", ColumnKind)
@given(st.data())
def test_columns_that_differ_have_different_hashes(kind: ColumnKind, data: st.DataObject) -> None:
    """No value, none, an empty one, or one more row can be put in another's place."""
    values: list[object] = data.draw(COLUMNS[kind])
    others: list[object] = data.draw(COLUMNS[kind])
    assert (hash_column(kind, values) == hash_column(kind, others)) == (values == others)
    assert hash_column(kind, values) != hash_column(kind, [*values, None])
    place = data.draw(st.integers(0, len(values) - 1))
    changed = [*values[:place], data.draw(COLUMNS[kind])[0], *values[place + 1 :]]
    assert (hash_column(kind, values) == hash_column(kind, changed)) == (values == changed)


@given(st.text("ab\x00\x01", max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_texts_do_not_flow_into_each_other(text: str, one: int, other: int) -> None:
    """Where one value ends and the next begins is part of the digest."""
    pair, moved = [text[:one], text[one:]], [text[:other], text[other:]]
    for kind, values, others in (
        (ColumnKind.TEXT, pair, moved),
        (ColumnKind.OCTETS, [t.encode() for t in pair], [t.encode() for t in moved]),
    ):
        assert (hash_column(kind, values) == hash_column(kind, others)) == (pair == moved)


def test_none_is_neither_empty_nor_nothing() -> None:
    """A note that was taken away is not one that was emptied, nor a zero one that is missing."""
    for kind, empty in (
        (ColumnKind.TEXT, ""),
        (ColumnKind.OCTETS, b""),
        (ColumnKind.NUMBER, 0),
        (ColumnKind.FLAG, False),
    ):
        hashes = {
            hash_column(kind, values)
            for values in ([None], [empty], [None, None], [empty, None], [None, empty])
        }
        assert len(hashes) == 5


def test_what_is_not_of_its_kind_is_refused() -> None:
    """A database that suddenly gives other types must not be sealed as if nothing were."""
    for kind, value in (
        (ColumnKind.TEXT, 1),
        (ColumnKind.TEXT, b"a"),
        (ColumnKind.TEXT, ["a"]),
        (ColumnKind.OCTETS, "a"),
        (ColumnKind.NUMBER, "1"),
        (ColumnKind.NUMBER, 1.0),
        (ColumnKind.FLAG, 2),
        (ColumnKind.FLAG, "yes"),
    ):
        for values in ([value], [None, value]):
            with pytest.raises(TypeError):
                hash_column(kind, values)
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(OverflowError):
            hash_column(ColumnKind.NUMBER, [number])
    for raw in (b"12345678", "12345678"):
        with pytest.raises((ValueError, TypeError)):
            hash_column(ColumnKind.NUMBER, raw)
    with pytest.raises(UnicodeEncodeError):
        hash_column(ColumnKind.TEXT, ["\udc80"])


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_a_buffer_of_numbers_is_hashed_as_the_numbers_are(numbers: list[int]) -> None:
    """What lies in memory as 64-bit integers needs no object for each value."""
    buffer = memoryview(array("q", numbers))
    assert hash_column(ColumnKind.NUMBER, buffer) == hash_column(ColumnKind.NUMBER, numbers)
    assert hash_column(ColumnKind.NUMBER, buffer[::-1]) == hash_column(
        ColumnKind.NUMBER, numbers[::-1]
    )
    with pytest.raises(ValueError, match="64-bit"):
        hash_column(ColumnKind.NUMBER, memoryview(array("i", [1])))


def test_a_chunk_is_its_layout_and_its_columns_in_order() -> None:
    """A layout that came later, or columns that changed places, are another chunk."""
    one, other = (ColumnKind.NUMBER, [1, 2]), (ColumnKind.NUMBER, [3, 4])
    chunks = {
        hash_chunk(1, [one, other]),
        hash_chunk(1, [other, one]),
        hash_chunk(2, [one, other]),
        hash_chunk(1, [one]),
        hash_chunk(1, [one, other, other]),
    }
    assert len(chunks) == 5
    hashes = [hash_column(*one), hash_column(*other)]
    assert join_columns(1, hashes) == hash_chunk(1, [one, other])
    uneven: list[list[tuple[ColumnKind, list[int]]]] = [
        [],
        [(ColumnKind.NUMBER, [])],
        [one, (ColumnKind.NUMBER, [1])],
    ]
    for columns in uneven:
        with pytest.raises(ValueError, match="equally long"):
            hash_chunk(1, columns)


def test_the_published_digest() -> None:
    """The vector of docs/evidence.md: three rows with a column of each kind."""
    digest = hash_chunk(
        1,
        [
            (ColumnKind.NUMBER, [5001, None, -1]),
            (ColumnKind.TEXT, ["destiny-1001", "", "Café"]),
            (ColumnKind.OCTETS, [bytes(range(16)), None, b""]),
            (ColumnKind.FLAG, [True, None, False]),
        ],
    )
    assert digest == "09f623c59518f5b483394060a84ea4a4884ab50962adbc9091fb74cd929d9701"
