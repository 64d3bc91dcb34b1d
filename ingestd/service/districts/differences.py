"""Differences of two texts, line by line, for people who decide by them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest

CONTEXT_LINES = 3
_COMPARED_MAX = 4_000_000  # pairs of lines, in the worst case some seconds


class Kind(StrEnum):
    """What became of a line."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of either text with its number there, or that lines between are left out."""

    kind: Kind
    text: str
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Lines of two texts that stand side by side; None: there is none on that side."""

    left: str | None
    right: str | None


Blocks = list[tuple[str, int, int, int, int]]


def find_differences(before: str, after: str) -> tuple[Line, ...]:
    """Return what is removed and added, with three lines of what is around it."""
    old, new = before.splitlines(), after.splitlines()
    return tuple(_lines(old, new))


def put_side_by_side(left: str, right: str) -> tuple[Pair, ...]:
    """Return two texts with what is the same on one height, but for what is far from any change."""
    old, new = left.splitlines(), right.splitlines()
    pairs: list[Pair] = []
    for tag, a, b, c, d in _blocks(old, new):
        if tag == "equal":
            shown = list(zip(old[a:b], new[c:d], strict=True))
            if len(shown) > 2 * CONTEXT_LINES:
                gap = f"… {len(shown) - 2 * CONTEXT_LINES} lines are the same …"
                shown = [*shown[:CONTEXT_LINES], (gap, gap), *shown[-CONTEXT_LINES:]]
            pairs += [Pair(left=one, right=other) for one, other in shown]
        else:
            pairs += [Pair(left=one, right=other) for one, other in zip_longest(old[a:b], new[c:d])]
    return tuple(pairs)


def count_changed(before: str, after: str) -> tuple[int, int]:
    """Return how many lines are added, and how many removed."""
    lines = find_differences(before, after)
    return (
        sum(line.kind is Kind.ADDED for line in lines),
        sum(line.kind is Kind.REMOVED for line in lines),
    )


def _lines(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    blocks = _blocks(old, new)
    for number, (tag, a, b, c, d) in enumerate(blocks):
        if tag != "equal":
            for at in range(a, b):
                yield Line(kind=Kind.REMOVED, text=old[at], before=at + 1)
            for at in range(c, d):
                yield Line(kind=Kind.ADDED, text=new[at], after=at + 1)
            continue
        head = 0 if number == 0 else CONTEXT_LINES
        tail = 0 if number == len(blocks) - 1 else CONTEXT_LINES
        is_long = b - a > head + tail
        for offset in range(b - a):
            if not is_long or offset < head or offset >= b - a - tail:
                yield Line(
                    kind=Kind.SAME,
                    text=old[a + offset],
                    before=a + offset + 1,
                    after=c + offset + 1,
                )
            elif offset == head:
                yield Line(kind=Kind.LEFT_OUT, text="")


def _blocks(old: Sequence[str], new: Sequence[str]) -> Blocks:
    """Return how one text becomes the other; what they begin and end with is not compared twice."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    a, b, c, d = head, len(old) - tail, head, len(new) - tail
    middle: Blocks = []
    if (b - a) * (d - c) > _COMPARED_MAX:
        middle = [("replace", a, b, c, d)]
    else:
        found = SequenceMatcher(None, old[a:b], new[c:d], autojunk=False).get_opcodes()
        middle = [(tag, a + i, a + j, c + k, c + m) for tag, i, j, k, m in found]
    first: Blocks = [("equal", 0, head, 0, head)] if head else []
    last: Blocks = [("equal", b, len(old), d, len(new))] if tail else []
    return [*first, *middle, *last]
