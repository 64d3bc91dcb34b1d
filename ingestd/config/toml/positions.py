"""Where things stand in a TOML document: the line of every key and of every list element.

The standard library reads TOML but forgets lines. This scanner reads them again, and only from
text that the standard library has accepted: it never has to judge, so it can be small.
Source: https://toml.io/en/v1.0.0
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping

KeyPath = tuple[str | int, ...]
"""The keys, and indexes into lists, that lead to a value."""

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
# A multi-line string may end in up to two quotes of its own before the closing three.
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\r\n]+")


def line_positions(text: str) -> Mapping[KeyPath, int]:
    """Return the 1-based line of every key and list element of a valid document.

    A table stands where its header stands, or where it is first mentioned when it has none.
    """
    return _Scanner(text).scan()


class _Scanner:
    """One pass over one document; `_at` is the next character to look at."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._lines: dict[KeyPath, int] = {}
        self._array_lengths: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_GAP)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._line()
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        keys = self._key()
        self._at += 2 if is_array else 1
        table: KeyPath = ()
        for key in keys[:-1]:
            table = self._inside(table, key, line)
        table = (*table, keys[-1])
        if is_array:
            index = self._array_lengths.get(table, 0)
            self._array_lengths[table] = index + 1
            self._lines.setdefault(table, line)
            table = (*table, index)
        self._lines[table] = line
        return table

    def _inside(self, table: KeyPath, key: str, line: int) -> KeyPath:
        """Step into a table on the way to another; of an array of tables, into its last."""
        table = (*table, key)
        self._lines.setdefault(table, line)
        if table in self._array_lengths:
            return (*table, self._array_lengths[table] - 1)
        return table

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        *parents, last = self._key()
        for parent in parents:
            table = (*table, parent)
            self._lines.setdefault(table, line)
        self._lines[(*table, last)] = line
        self._at += 1  # the equals sign
        self._value((*table, last))

    def _key(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACES)
            if self._text[self._at] in "\"'":
                keys.append(str(tomllib.loads(f"key = {self._take(_STRING)}")["key"]))
            else:
                keys.append(self._take(_BARE_KEY))
            self._skip(_SPACES)
            if self._text[self._at] != ".":
                return keys
            self._at += 1

    def _value(self, path: KeyPath) -> None:
        self._skip(_SPACES)
        match self._text[self._at]:
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._take(_STRING)
            case _:
                self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self._at += 1
        index = 0
        while not self._at_end_of("]"):
            self._lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._at += 1
        while not self._at_end_of("}"):
            self._pair(path)

    def _at_end_of(self, closing: str) -> bool:
        """Skip to the next element of a list or inline table, or past its closing bracket."""
        self._skip(_GAP)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_GAP)
        if self._text[self._at] != closing:
            return False
        self._at += 1
        return True

    def _line(self) -> int:
        return bisect_right(self._line_starts, self._at)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise AssertionError(f"line {self._line()}: not the TOML that the parser accepted")
        self._at = found.end()
        return found.group()
