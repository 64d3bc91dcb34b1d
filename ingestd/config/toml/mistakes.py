"""Collecting the mistakes of one config file: each with its place, in words, none held back."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping

from ingestd.config.toml.document import TomlDocument
from ingestd.config.toml.positions import KeyPath
from ingestd.values.errors import ConfigError, Mistake

SHOWN_CHARACTERS_MAX = 60
_NAMED_KEYS_MAX = 16


class InvalidValueError(ValueError):
    """A value of a config file cannot be; says what is wrong with it and what to write instead.

    Neither text holds the value when that could be a secret.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Mistakes:
    """The mistakes found so far in one document.

    `variables` names the environment variables that stood in for keys of the document: a
    mistake in such a value is the variable's, not the file's.
    """

    def __init__(
        self, document: TomlDocument, variables: Mapping[KeyPath, str] | None = None
    ) -> None:
        self._document = document
        self._variables = variables or {}
        self._found: list[Mistake] = []

    def add(self, keys: KeyPath, message: str, remedy: str = "") -> None:
        """Note what is wrong at a key, or at the innermost table around a key that is missing."""
        for length in range(len(keys), 0, -1):
            if variable := self._variables.get(keys[:length]):
                self._found.append(
                    Mistake(where=variable, line=None, key="", message=message, remedy=remedy)
                )
                return
        self.add_at(self._document.line_near(*keys), keys, message, remedy)

    def add_at(self, line: int | None, keys: KeyPath, message: str, remedy: str) -> None:
        """Note what is wrong with a key, at a line that is known more exactly."""
        self._found.append(
            Mistake(
                where=self._document.where,
                line=line,
                key=_printable(".".join(key for key in keys if isinstance(key, str))),
                message=message,
                remedy=remedy,
            )
        )

    def add_unknown_key(self, keys: KeyPath, known: Iterable[str]) -> None:
        """Note a key that means nothing here, with the known key that it most resembles."""
        self.add(keys, "unknown key.", suggest(str(keys[-1]), known))

    def add_invalid(self, keys: KeyPath, error: InvalidValueError) -> None:
        """Note a value that cannot be."""
        self.add(keys, error.message, error.remedy)

    def line_of(self, *keys: str | int) -> int | None:
        """Return the line of a key in the document."""
        return self._document.line_of(*keys)

    @property
    def found(self) -> tuple[Mistake, ...]:
        """Every mistake, in the order of the file's lines."""
        return tuple(sorted(self._found, key=lambda mistake: mistake.line or 0))

    def raise_if_any(self) -> None:
        """Raise ConfigError with every mistake, if there is one."""
        if self._found:
            raise ConfigError(self.found)


def suggest(name: str, known: Iterable[str]) -> str:
    """Return the remedy for a name that is not known: the nearest one, or the known ones."""
    names = sorted(known)
    if not names:
        return ""
    folded = {candidate.casefold(): candidate for candidate in names}
    if near := difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6):
        return f"Did you mean {folded[near[0]]}?"
    if len(names) > _NAMED_KEYS_MAX:
        return ""
    return f"Known here: {', '.join(names)}."


def shown(value: object) -> str:
    """Return a value as the file would write it, cut to a readable length."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = _printable(text)
    if len(text) > SHOWN_CHARACTERS_MAX:
        return text[: SHOWN_CHARACTERS_MAX - 1] + "…"
    return text


def _printable(text: str) -> str:
    # A message ends up on terminals, which control and bidi characters must not reach.
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
