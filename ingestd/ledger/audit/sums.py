"""Sums of rows under a key: whether two sides hold the same rows, however each is ordered.

What has to agree is written down twice: every charge and its posting, every balance and what
postings come to. Sorting both sides to compare them costs more than reading them. Instead each
row is hashed under a key that is drawn for this one look, and the hashes of each side are added up
(a multiset hash, MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and Suh, 2003). Sides with
the same rows have the same sum; sides that differ have it once in 2**64 looks, whatever somebody
who does not know the key has done to the rows. So a sum can say that there is nothing to find;
what there is to find, the statements tell.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingestd.ledger.audit.columns import Flags, Int64s, Numbers, Texts

Words = npt.NDArray[np.uint64]
Rows = Flags | npt.NDArray[np.intp]
"""Which of many rows: a flag for each, or their places."""

KEY_BYTES = 16
_WORD = np.uint64
_HALF_BITS = 32
_LOW_HALF = _WORD((1 << _HALF_BITS) - 1)
# What stands for a number that is not there, beside those that are.
_NONE = (1 << _HALF_BITS) - 1
# Fewer rows than this are gathered from several batches before they are hashed together.
_TOGETHER_ROWS = 4_096
# A weight whose product with 32 bits fits into 63.
_SMALL = 1 << (_HALF_BITS - 1)
_INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


class CannotAddError(ValueError):
    """Raised when a value does not fit into what is hashed: then the sums say nothing."""


class _Put(NamedTuple):
    """A few rows that wait: their words, and how often each counts, below zero on the second."""

    words: Sequence[Words]
    weights: Sequence[Int64s]


class TwoSides:
    """The sums of both sides, the second taken from the first: nothing is left where they agree.

    A row counts as often as its weight says: once, or its amount for sides whose amounts have to
    come to the same. There may be several weights, each with a sum of its own.
    """

    def __init__(self, *, weights: int = 1, key: bytes | None = None) -> None:
        self._key = key or os.urandom(KEY_BYTES)
        # Of each hash the two halves are added up apart: products of 32 bits with an amount can be
        # added up exactly. Modulo 2**64 an amount that many twos divide would be no difference.
        self._left = [[0, 0] for _ in range(weights)]
        self._waiting: dict[int, list[_Put]] = {}  # by how many words a row has
        self._rows_waiting = 0

    @property
    def agree(self) -> bool:
        """Whether the two sides are the same."""
        self._hash_waiting()
        return not any(any(halves) for halves in self._left)

    def apart(self) -> TwoSides:
        """Return empty sides under the same key."""
        return TwoSides(weights=len(self._left), key=self._key)

    def merge(self, other: TwoSides) -> None:
        """Add what was put to sides that were apart."""
        other._hash_waiting()
        for left, more in zip(self._left, other._left, strict=True):
            left[:] = [ours + theirs for ours, theirs in zip(left, more, strict=True)]

    def add(self, words: Sequence[Words], *weights: Int64s) -> None:
        """Add rows to the first side. Each has some words, always as many; no weight is once."""
        self._put(words, weights, sign=1)

    def subtract(self, words: Sequence[Words], *weights: Int64s) -> None:
        """Add rows to the second side."""
        self._put(words, weights, sign=-1)

    def _put(self, words: Sequence[Words], weights: Sequence[Int64s], *, sign: int) -> None:
        rows = len(words[0])
        if rows >= _TOGETHER_ROWS:
            self._hash(words, weights, sign=sign)
            return
        signed = [sign * each for each in weights] or [np.full(rows, sign, np.int64)]
        put = _Put([np.broadcast_to(each, rows) for each in words], signed)
        self._waiting.setdefault(len(words), []).append(put)
        self._rows_waiting += rows
        if self._rows_waiting >= _TOGETHER_ROWS:
            self._hash_waiting()

    def _hash_waiting(self) -> None:
        """Hash what came in few rows, all of it at once: most of its cost is in the calls."""
        for puts in self._waiting.values():
            words = [
                np.concatenate(each) for each in zip(*(put.words for put in puts), strict=True)
            ]
            weights = [
                np.concatenate(each) for each in zip(*(put.weights for put in puts), strict=True)
            ]
            self._hash(words, weights, sign=1)
        self._waiting = {}
        self._rows_waiting = 0

    def _hash(self, words: Sequence[Words], weights: Sequence[Int64s], *, sign: int) -> None:
        hashes = siphash(self._key, words)
        halves = (hashes >> _WORD(_HALF_BITS), hashes & _LOW_HALF)
        for place, left in enumerate(self._left):
            for side, half in enumerate(halves):
                total = _weighed(half, weights[place]) if weights else int(half.sum(dtype=_WORD))
                left[side] += sign * total


def word(column: Numbers) -> Words:
    """Return numbers that are all there, a word each. Raises CannotAddError."""
    if column.present is not None:
        raise CannotAddError("a number is not there")
    return column.values.view(_WORD)


def pair(high: Numbers | int, low: Numbers | int) -> Words:
    """Return two small numbers a row as one word. Raises CannotAddError for one of 32 bits."""
    return _small(high) << _WORD(_HALF_BITS) | _small(low)


def select(column: Numbers, rows: Rows) -> Numbers:
    """Return some rows of a column."""
    present = None if column.present is None else column.present[rows]
    return Numbers(column.values[rows], present)


def words_of_texts(texts: Texts) -> Iterator[tuple[Rows, int, Sequence[Words]]]:
    """Yield the texts of each length: which rows, how long, and the texts as words.

    Raises CannotAddError where a text is not there.
    """
    ends = np.cumsum(texts.lengths)
    for length in map(int, np.unique(texts.lengths)):
        if length < 0:
            raise CannotAddError("a text is not there")
        rows = np.flatnonzero(texts.lengths == length)
        starts = ends[rows] - length
        padded = np.zeros((len(rows), (length + 7) // 8 * 8), np.uint8)
        padded[:, :length] = texts.octets[starts[:, None] + np.arange(length)]
        yield rows, length, list(np.ascontiguousarray(padded.view("<u8").T).astype(_WORD))


def siphash(key: bytes, words: Sequence[Words]) -> Words:
    """Return SipHash-1-3 of many messages at once; each is one word of every array, in order."""
    halves = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:KEY_BYTES], "little")
    rows = len(words[0])
    state = [
        np.full(rows, initial ^ halves[place % 2], _WORD) for place, initial in enumerate(_INITIAL)
    ]
    spare = np.empty(rows, _WORD)
    for message in (*words, np.full(rows, (8 * len(words) & 0xFF) << 56, _WORD)):
        state[3] ^= message
        _round(state, spare)
        state[0] ^= message
    state[2] ^= _WORD(0xFF)
    for _ in range(3):
        _round(state, spare)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _weighed(halves: Words, weights: Int64s) -> int:
    """Return the sum of words of 32 bits, each as often as its weight says: exactly."""
    signed = halves.view(np.int64)
    if not len(weights) or (weights.min() >= -_SMALL and weights.max() < _SMALL):
        return _add_up(signed * weights)
    upper, lower = weights >> _HALF_BITS, (weights & _NONE).view(_WORD)
    return (_add_up(signed * upper) << _HALF_BITS) + _add_up(halves * lower)


def _add_up(products: Int64s | Words) -> int:
    # A sum of their halves fits into 64 bits.
    bits = products.dtype.type(_HALF_BITS)
    return (int((products >> bits).sum()) << _HALF_BITS) + int(
        (products & products.dtype.type(_NONE)).sum()
    )


def _round(state: Sequence[Words], spare: Words) -> None:
    v0, v1, v2, v3 = state
    v0 += v1
    _rotate(v1, 13, spare)
    v1 ^= v0
    _rotate(v0, 32, spare)
    v2 += v3
    _rotate(v3, 16, spare)
    v3 ^= v2
    v0 += v3
    _rotate(v3, 21, spare)
    v3 ^= v0
    v2 += v1
    _rotate(v1, 17, spare)
    v1 ^= v2
    _rotate(v2, 32, spare)


def _rotate(words: Words, bits: int, spare: Words) -> None:
    # In place: a new array for each step would cost as much as the steps.
    np.left_shift(words, _WORD(bits), out=spare)
    np.right_shift(words, _WORD(64 - bits), out=words)
    np.bitwise_or(words, spare, out=words)


def _small(column: Numbers | int) -> Words:
    if isinstance(column, int):
        return np.array([column], _WORD)
    values = column.values
    if len(values) and (values.min() < 0 or values.max() >= _NONE):
        raise CannotAddError("a number is not of 32 bits")
    words = values.astype(_WORD)
    if column.present is not None:
        words[~column.present] = _NONE
    return words
