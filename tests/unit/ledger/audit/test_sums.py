"""Sums under a key: the same rows have the same sum, and other rows another one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.ledger.audit.columns import Numbers, Texts
from ingestd.ledger.audit.sums import (
    KEY_BYTES,
    CannotAddError,
    TwoSides,
    Words,
    pair,
    siphash,
    word,
    words_of_texts,
)

WORDS = st.integers(0, 2**64 - 1)
ROWS = st.lists(st.tuples(WORDS, WORDS), max_size=20)


def words_of(rows: list[tuple[int, int]]) -> list[Words]:
    return [np.array([row[place] for row in rows], np.uint64) for place in (0, 1)]


def numbers(*values: int | None) -> Numbers:
    present = np.array([value is not None for value in values])
    found = np.array([value or 0 for value in values], np.int64)
    return Numbers(found, None if present.all() else present)


def test_the_hash_is_siphash_1_3() -> None:
    """The sums are as good as the hash: it is the one that Python's dicts rely on."""
    if sys.hash_info.algorithm != "siphash13":
        pytest.skip("this Python hashes otherwise: there is nothing to compare with")
    rows = [(0, 0), (1, 2**63), (2**64 - 1, 81985529216486895)]
    script = (
        f"print([hash(b''.join(w.to_bytes(8, 'little') for w in row)) % 2**64 for row in {rows}])"
    )
    # With this seed the interpreter's key is all zeros.
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )
    assert str(list(map(int, siphash(bytes(KEY_BYTES), words_of(rows))))) == done.stdout.strip()


@given(first=ROWS, second=ROWS, order=st.randoms())
def test_two_sides_agree_where_they_hold_the_same_rows(
    first: list[tuple[int, int]], second: list[tuple[int, int]], order: object
) -> None:
    """Whatever the order and the chunks, each row as often as it is there."""
    sides = TwoSides()
    for row in first:
        sides.add(words_of([row]))
    if second:
        sides.subtract(words_of(second))
    assert sides.agree == (sorted(first) == sorted(second))


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**62), 2**62)), max_size=8),
    more=st.lists(st.tuples(st.integers(0, 3), st.integers(-(2**62), 2**62)), max_size=8),
)
def test_amounts_of_a_key_have_to_come_to_the_same(
    rows: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    """A balance is one row, and the postings that make it are many."""
    sides, apart = TwoSides(weights=2), None
    apart = sides.apart()
    left: dict[int, int] = {}
    for part, sign, side in ((rows, 1, sides.add), (more, -1, apart.subtract)):
        for key, amount in part:
            weight = np.array([amount], np.int64)
            side([np.array([key], np.uint64)], weight, np.zeros_like(weight))
            left[key] = left.get(key, 0) + sign * amount
    sides.merge(apart)
    assert sides.agree == (not any(left.values()))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_difference_that_many_twos_divide_is_seen(sign: int) -> None:
    """Modulo 2**64 an amount of 2**60 would leave four bits of a hash: one key in sixteen."""
    for key in range(1_000):
        sides = TwoSides(key=key.to_bytes(KEY_BYTES, "little"))
        sides.add([np.array([7], np.uint64)], np.array([sign << 62 if key % 2 else sign << 60]))
        assert not sides.agree, key


def test_a_number_that_is_not_there_is_like_no_other() -> None:
    """A posting without a party differs from one of party 0."""
    words = pair(numbers(1, 1, 1), numbers(None, 0, 1))
    assert len(set(map(int, words))) == 3
    assert int(pair(numbers(5), 7)[0]) == (5 << 32) + 7


@pytest.mark.parametrize("value", [-1, 2**32 - 1, 2**40])
def test_a_number_that_does_not_fit_is_refused(value: int) -> None:
    """Two rows that differ must never be hashed as one: the statements look at them instead."""
    with pytest.raises(CannotAddError):
        pair(numbers(1), numbers(value))


def test_a_word_has_to_be_there() -> None:
    """An amount of nothing is none of 0."""
    with pytest.raises(CannotAddError):
        word(numbers(1, None))


@given(st.lists(st.binary(max_size=40), min_size=1))
def test_texts_of_every_length_become_words(texts: list[bytes]) -> None:
    """Keys are as long as a school makes them."""
    lengths = np.array([len(text) for text in texts], np.int64)
    octets = np.frombuffer(b"".join(texts), np.uint8)
    found = {}
    for rows, length, words in words_of_texts(Texts(lengths, octets)):
        for place, row in enumerate(map(int, rows)):
            whole = b"".join(int(word[place]).to_bytes(8, "little") for word in words)
            assert not whole[length:].strip(b"\0")
            found[row] = whole[:length]
    assert [found[row] for row in range(len(texts))] == texts


def test_a_text_that_is_not_there_is_refused() -> None:
    """Every charge has a key."""
    with pytest.raises(CannotAddError):
        list(words_of_texts(Texts(np.array([-1, 1]), np.frombuffer(b"a", np.uint8))))
