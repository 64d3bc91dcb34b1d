"""Stretches: a large file cut in two at a line end, so that two processes can judge it.

A file is cut only where each line is a row, whatever stands in it: no byte of it may be a quote,
and no CR may stand alone.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

# So far beyond its middle at most a file is cut; a longer line is refused anyhow.
REACH_BYTES = 1 << 20

_SINGLE_BYTE = ("ascii", "cp125", "iso8859-")
_WRITTEN = re.compile(rb"[0-9A-Za-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Whole lines of a file: its bytes from `first_byte` up to, and without, `end_byte`.

    `lines_above` says how many lines stand above it, and `line_above` is the last of these,
    without its line end. It holds a letter or a digit: no run of blank lines goes over a cut.
    """

    first_byte: int
    end_byte: int
    lines_above: int = 0
    line_above: bytes = b""


class Survey:
    """Looks for the place where a file may be cut in two, while its bytes go by.

    Each block is given to `take` in turn; then `stretches` are one or two.
    """

    def __init__(self, size_bytes: int, encoding: str) -> None:
        self._middle = size_bytes // 2
        self._is_open = can_be_cut(encoding)
        self._seen_bytes = 0
        self._after_cr = False
        self._lines = 0
        self._beyond = bytearray()
        self._line_start = self._searched = 0
        self._cut: tuple[int, bytes] | None = None

    def take(self, block: bytes) -> None:
        """Look at the file's next bytes."""
        if self._is_open:
            self._is_open = b'"' not in block and self._has_whole_ends(block)
            if self._is_open:
                self._look_for_cut(block)
        self._seen_bytes += len(block)

    def stretches(self) -> tuple[Stretch, ...]:
        """Return the file whole, or in two; the first one begins at its first byte."""
        whole = Stretch(first_byte=0, end_byte=self._seen_bytes)
        if not self._is_open or self._after_cr or self._cut is None:
            return (whole,)
        place, line = self._cut
        return (
            Stretch(first_byte=0, end_byte=place),
            Stretch(
                first_byte=place,
                end_byte=self._seen_bytes,
                lines_above=self._lines,
                line_above=line,
            ),
        )

    def _has_whole_ends(self, block: bytes) -> bool:
        """Tell whether each CR has its LF, which may begin the next block."""
        if self._after_cr and not block.startswith(b"\n"):
            return False
        self._after_cr = block.endswith(b"\r")
        return block.count(b"\r") == block.count(b"\r\n") + self._after_cr

    def _look_for_cut(self, block: bytes) -> None:
        if self._cut is not None:
            return
        before = max(0, self._middle - self._seen_bytes)
        self._lines += block.count(b"\n", 0, before)
        self._beyond += block[before:]
        # The rest of the line that the middle lies in, then the first line with something in it.
        while self._cut is None:
            stop = self._beyond.find(b"\n", self._searched)
            if stop < 0:
                self._searched = len(self._beyond)
                break
            line = bytes(self._beyond[self._line_start : stop]).removesuffix(b"\r")
            if self._line_start and _WRITTEN.search(line):
                self._lines += self._beyond.count(b"\n", 0, stop + 1)
                self._cut = (self._middle + stop + 1, line)
            self._line_start = self._searched = stop + 1
        self._is_open = len(self._beyond) <= REACH_BYTES or self._cut is not None


def can_be_cut(encoding: str) -> bool:
    """Tell whether a byte of a line end is nothing else, wherever it stands."""
    name = codecs.lookup(encoding).name
    return name == "utf-8" or name.startswith(_SINGLE_BYTE)
