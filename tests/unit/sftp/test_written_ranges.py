"""The proof that an upload has no hole, against a plain set of offsets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingestd.sftp.uploads.ranges import WrittenRanges

OFFSETS = st.integers(min_value=0, max_value=60)
WRITES = st.lists(st.tuples(OFFSETS, OFFSETS), max_size=30)


def written(writes: list[tuple[int, int]]) -> tuple[WrittenRanges, set[int]]:
    ranges, model = WrittenRanges(), set[int]()
    for start, end in writes:
        ranges.add(start, end)
        model |= set(range(start, end))
    return ranges, model


def prefix_of(model: set[int]) -> int:
    return next(offset for offset in range(len(model) + 1) if offset not in model)


@given(WRITES)
def test_ranges_know_exactly_what_was_written(writes: list[tuple[int, int]]) -> None:
    """A hole that is overlooked would be billed as zeros."""
    ranges, model = written(writes)
    assert ranges.end == max(model, default=-1) + 1
    assert ranges.prefix_bytes == prefix_of(model)
    assert bool(ranges) is bool(model)
    starts = [offset for offset in model if offset - 1 not in model]
    assert len(ranges) == len(starts)


@given(WRITES, OFFSETS)
def test_a_cut_forgets_what_lies_behind(writes: list[tuple[int, int]], size_bytes: int) -> None:
    """A file that was truncated and extended again has a hole where it was cut."""
    ranges, model = written(writes)
    ranges.cut(size_bytes)
    model = {offset for offset in model if offset < size_bytes}
    assert ranges.end == max(model, default=-1) + 1
    assert ranges.prefix_bytes == prefix_of(model)
