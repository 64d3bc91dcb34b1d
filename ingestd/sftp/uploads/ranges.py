"""Which bytes of a file were written: the proof that an upload has no hole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right


class WrittenRanges:
    """A set of byte offsets, kept as merged half-open intervals in ascending order."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def __bool__(self) -> bool:
        return bool(self._starts)

    @property
    def end(self) -> int:
        """The offset after the last byte written; 0 when there is none."""
        return self._ends[-1] if self._ends else 0

    @property
    def prefix_bytes(self) -> int:
        """How many bytes from offset 0 on were written without a hole."""
        return self._ends[0] if self._starts and self._starts[0] == 0 else 0

    def add(self, start: int, end: int) -> None:
        """Count the bytes from `start` up to, but without, `end` as written."""
        if end <= start:
            return
        if self._ends and self._ends[-1] == start:
            # Nearly every write of nearly every client.
            self._ends[-1] = end
            return
        first = bisect_left(self._ends, start)
        after = bisect_right(self._starts, end)
        if first < after:
            start = min(start, self._starts[first])
            end = max(end, self._ends[after - 1])
        self._starts[first:after] = [start]
        self._ends[first:after] = [end]

    def cut(self, size_bytes: int) -> None:
        """Forget every byte at or after `size_bytes`: the file was truncated."""
        keep = bisect_left(self._starts, size_bytes)
        del self._starts[keep:], self._ends[keep:]
        if self._ends and self._ends[-1] > size_bytes:
            self._ends[-1] = size_bytes
