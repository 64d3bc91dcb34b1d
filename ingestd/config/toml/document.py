"""Reading a TOML file: its values, the line of each, and what is wrong when it cannot be read."""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingestd.config.toml.positions import KeyPath, line_positions
from ingestd.values.errors import ConfigError, Mistake

CONFIG_BYTES_MAX = 4 * 2**20  # some hundred thousand addresses; a larger file is some other file

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_SAID_PLAINLY = (
    ("Cannot overwrite", "the key stands here for the second time.", "Keep one of the two."),
    ("Cannot declare", "the table stands here for the second time.", "Join the two."),
    ("Duplicate inline", "the key stands here for the second time.", "Keep one of the two."),
    ("Cannot mutate", "the table is already complete further up.", "Join the two."),
    ("Unterminated string", "a text has no closing quote.", 'Close it with ".'),
    ("Unclosed array", "a list is not closed, or a comma is missing.", 'Write ["one", "two"].'),
    ("Unclosed inline", "a table is not closed, or a comma is missing.", "Close it with }."),
    ("Expected '=' after", "this is no `key = value`.", "Comments start with #."),
    ("Expected ']", "a [table] line is not closed.", "Close it with ]."),
    ("Expected newline", "something follows the value.", "Put each `key = value` on its own line."),
    ("Invalid value", "the value is not TOML.", 'Put text in quotes: "…"; write true and false.'),
    ("Invalid statement", "this is no `key = value`.", "Comments start with #."),
    ("Illegal character '\\n'", "a text has no closing quote on its line.", 'Close it with ".'),
    ("Unescaped", "a backslash in a text must be doubled.", r"Write \\, or use 'single quotes'."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TomlDocument:
    """What one TOML file held at one moment. `sha256` is of its bytes, in hex."""

    where: str
    content: bytes
    values: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    sha256: str

    def line_of(self, *keys: str | int) -> int | None:
        """Return the 1-based line of a key, a table or a list's element; None: not there."""
        return self.lines.get(keys)

    def line_near(self, *keys: str | int) -> int | None:
        """Return the line of a key, or of the innermost table around it that is there."""
        for length in range(len(keys), 0, -1):
            if (line := self.lines.get(keys[:length])) is not None:
                return line
        return None


def read_toml(path: Path) -> TomlDocument:
    """Read one TOML file. Raises ConfigError when it is missing, empty, unreadable or not TOML."""
    return parse_toml(read_config_bytes(path), where=str(path))


def read_config_bytes(path: Path) -> bytes:
    """Return a config file's bytes. Raises ConfigError when it is missing, unreadable or huge."""
    try:
        with path.open("rb") as file:
            content = file.read(CONFIG_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise _refusal(
            str(path),
            "the file is missing.",
            f"`ingestd init` writes a commented one; {path.parent} is the folder it looked in.",
        ) from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise _refusal(
            str(path), f"the file cannot be read: {reason}.", "Check its owner and permissions."
        ) from error
    if len(content) > CONFIG_BYTES_MAX:
        raise _refusal(
            str(path), f"the file is larger than {CONFIG_BYTES_MAX} bytes.", "Is it the right one?"
        )
    return content


def parse_toml(content: bytes, *, where: str) -> TomlDocument:
    """Read a TOML file's bytes. Raises ConfigError when they are empty or not TOML."""
    text = _decode(content, where)
    if not text.strip():
        raise _refusal(
            where, "the file is empty.", "An editor may still be saving it; else restore it."
        )
    try:
        values = tomllib.loads(text)
        lines = line_positions(text)
    except RecursionError as error:
        raise _refusal(where, "lists or tables are nested too deeply.", "Flatten them.") from error
    except ValueError as error:  # TOMLDecodeError, and numbers with thousands of digits
        raise ConfigError((_syntax_mistake(where, text, str(error)),)) from error
    return TomlDocument(
        where=where,
        content=content,
        values=values,
        lines=lines,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _decode(content: bytes, where: str) -> str:
    try:
        # Some editors put a byte order mark in front; it means nothing in UTF-8.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mistake = Mistake(
            where=where,
            line=content.count(b"\n", 0, error.start) + 1,
            key="",
            message=f"byte 0x{content[error.start]:02x} is not UTF-8.",
            remedy="Save the file as UTF-8.",
        )
        raise ConfigError((mistake,)) from error


def _syntax_mistake(where: str, text: str, error: str) -> Mistake:
    place = _PLACE.search(error)
    line = int(place[1]) if place and place[1] else text.rstrip().count("\n") + 1
    said = _PLACE.sub("", error)
    for start, message, remedy in _SAID_PLAINLY:
        if said.startswith(start):
            return Mistake(where=where, line=line, key="", message=message, remedy=remedy)
    return Mistake(where=where, line=line, key="", message=f"not valid TOML: {said}.")


def _refusal(where: str, message: str, remedy: str) -> ConfigError:
    return ConfigError((Mistake(where=where, line=None, key="", message=message, remedy=remedy),))
