"""Identifiers, numbers that name something, choices, notes: their characters and lengths."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace

from ingestd.formats.fields import LIST_CHARACTERS_MAX, LIST_SEPARATOR, Column
from ingestd.formats.findings.codes import Code, Verdict, shorten
from ingestd.formats.judging.judged import Problem

TextJudge = Callable[[str], "str | Problem[str]"]

# Control characters, and all that shows nothing or another kind of space: no-break and
# typographic spaces, soft hyphen, zero-width and bidirectional marks, fillers, variation
# selectors, steering of shorthand and music, tags, and the replacement character, which hides
# what stood there.
_FORBIDDEN_IN_IDENTIFIERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    "\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

# As Excel writes long numbers (1.23457E+15), formulas that protect zeros (="00123") and
# cells forced to be text ('00123), what it leaves of a broken formula (#REF!), and what it
# shows of a column that is too narrow (####).
_CHANGED_BY_SPREADSHEET = re.compile(
    r"[0-9](?:[.,][0-9]+)?[Ee]\+[0-9]+|=\".*|'.*"
    r"|#(?:REF!|N/A|NAME\?|VALUE!|DIV/0!|NUM!|NULL!)|.*####.*",
    re.DOTALL,
)

# Line breaks inside quotes are how a note with several lines is written, so they are no surprise.
_CONTROL_IN_NOTES = re.compile(
    "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)

# UTF-8 read as Windows-1252 and saved again: é becomes Ã©, ’ becomes â€™.
_CP1252_FROM_80_TO_BF = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_DAMAGED = re.compile(f"\ufffd|[ÂÃ][{_CP1252_FROM_80_TO_BF}]|â€|ðŸ")

# However zero is written, payment files mean nothing by it.
_ZERO = re.compile(r"0+(?:\.0+)?")

_NULL = "null"
_SPREADSHEET_SIGNS = ("+", "'", '="', "#")


VALUE_MISSING: Problem[str] = Problem(
    code=Code.VALUE_MISSING, message="This column is mandatory. Fill in a value."
)


class IdentifierJudge:
    """Judges the identifiers of one column: text that is never read as a number."""

    def __init__(self, column: Column) -> None:
        self._length_max = column.length_max
        self._null_is_absent = column.null_is_absent

    def all_plain(self, texts: Sequence[str]) -> bool:
        """Tell whether all texts are identifiers as they stand, by a look at all of them at once.

        False says nothing: then each is to be judged. A million texts are looked at in the
        time in which fifty thousand are judged one by one.
        """
        joined = "".join(texts)
        return (
            joined.isascii()
            and joined.isprintable()
            and " " not in joined
            and not any(sign in joined for sign in _SPREADSHEET_SIGNS)
            and "" not in texts
            and max(map(len, texts), default=0) <= self._length_max
            and not (self._null_is_absent and _NULL in joined.lower())
        )

    def __call__(self, text: str) -> str | Problem[str]:
        """Return the identifier in NFC without outer spaces, or what is wrong with it."""
        identifier = unicodedata.normalize("NFC", text.strip(" "))
        if not identifier:
            return VALUE_MISSING
        if self._null_is_absent and identifier.lower() == _NULL:
            return _NULL_WRITTEN
        forbidden = _FORBIDDEN_IN_IDENTIFIERS.search(identifier)
        if forbidden:
            return Problem(
                code=Code.IDENTIFIER_CHARACTER,
                message=f"The identifier holds {_character(forbidden[0])}, which cannot be seen. "
                "Type the identifier anew, or correct it where it is exported.",
            )
        if len(identifier) > self._length_max:
            return _too_long(self._length_max)
        if _CHANGED_BY_SPREADSHEET.fullmatch(identifier):
            return _SPREADSHEET
        return identifier


class DigitsJudge:
    """Judges the numbers of one column that name something: `0042` and `42` name the same."""

    def __init__(self, column: Column) -> None:
        self._length_max = column.length_max
        self._problem: Problem[str] = Problem(
            code=Code.NUMBER_INVALID,
            message=f"Write a whole number of up to {column.length_max} digits, such as 42.",
        )

    def __call__(self, text: str) -> str | Problem[str]:
        """Return the number without outer spaces and leading zeros, or what is wrong with it."""
        digits = text.strip(" ")
        if not digits:
            return VALUE_MISSING
        if _CHANGED_BY_SPREADSHEET.fullmatch(digits):
            return _SPREADSHEET
        # Other scripts have digits, too; payment files are compared as text.
        if not (digits.isascii() and digits.isdigit()):
            return self._problem
        number = digits.lstrip("0") or "0"
        return number if len(number) <= self._length_max else self._problem


class ChoiceJudge:
    """Judges a column that may hold a few words only, with outer spaces.

    Their case means nothing, unless the column is exact.
    """

    def __init__(self, column: Column, code: Code) -> None:
        self._is_exact = column.is_exact
        words = column.choices if column.is_exact else map(str.upper, column.choices)
        self._choices = dict(zip(words, column.choices, strict=True))
        exactly = ", exactly so" if column.is_exact else ""
        self._problem: Problem[str] = Problem(
            code=code, message=f"Write {' or '.join(column.choices)} here{exactly}."
        )

    def __call__(self, text: str) -> str | Problem[str]:
        """Return the word as the format writes it, or what is wrong with it."""
        word = text.strip(" ")
        if not word:
            return VALUE_MISSING
        # Letters outside ASCII are not folded: `ı` in upper case would be an I.
        key = word if self._is_exact or not word.isascii() else word.upper()
        return self._choices.get(key) or self._problem


class NoteJudge:
    """Judges notes: people's own words, kept as they are but for Unicode normalisation."""

    def __init__(self, column: Column) -> None:
        self._length_max = column.length_max

    def all_plain(self, texts: Sequence[str]) -> bool:
        """Tell whether all notes can be taken as they stand; False says nothing."""
        joined = "".join(texts)
        if not joined.isprintable() or max(map(len, texts), default=0) > self._length_max:
            return False
        # What is normal as a whole is normal in its parts.
        return joined.isascii() or (
            unicodedata.is_normalized("NFC", joined) and not _DAMAGED.search(joined)
        )

    def __call__(self, text: str) -> str | Problem[str]:
        """Return the note in NFC, or what is wrong with it."""
        note = unicodedata.normalize("NFC", text)
        if len(note) > self._length_max:
            return _too_long(self._length_max)
        control = _CONTROL_IN_NOTES.search(note)
        if control:
            return Problem(
                code=Code.TEXT_CONTROL_CHARACTER,
                verdict=Verdict.WARNING,
                message=f"The note holds {_character(control[0])}. It was kept, and is shown "
                "escaped.",
                clean=note,
            )
        if _DAMAGED.search(note):
            return Problem(
                code=Code.TEXT_DAMAGED,
                verdict=Verdict.WARNING,
                message="Some letters of the note seem to have been lost when the file was "
                "saved in another encoding. The note was kept as it is.",
                clean=note,
            )
        return note


class ReservedJudge:
    """Judges a column some of whose values are reserved: other files write them for nothing."""

    def __init__(self, column: Column, judge: TextJudge) -> None:
        self._reserved = frozenset(column.reserved)
        self._judge = judge

    def __call__(self, text: str) -> str | Problem[str]:
        """Return what the other rules of the column say, unless the value is reserved."""
        word = text.strip(" ").lower()
        name = "0" if _ZERO.fullmatch(word) else word
        return _RESERVED if name in self._reserved else self._judge(text)


class ListJudge:
    """Judges a column of lists: several values in one field."""

    def __init__(self, judge: TextJudge) -> None:
        self._judge = judge

    def __call__(self, text: str) -> str | Problem[str]:
        """Return the clean values, each once and in order, or what is wrong with the first bad one.

        Spaces around a value, and places without one, mean nothing.
        """
        if len(text) > LIST_CHARACTERS_MAX:
            return _too_long(LIST_CHARACTERS_MAX)
        values: dict[str, None] = {}
        for part in text.split(LIST_SEPARATOR):
            if word := part.strip(" "):
                value = self._judge(word)
                if isinstance(value, Problem):
                    return replace(value, message=f"“{shorten(word)}”: {value.message}")
                values[value] = None
        return LIST_SEPARATOR.join(values)


def fold_key(tracking_id: str) -> str:
    """Return a key by which two tracking ids that differ only by case or width are the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tracking_id).casefold())


_NULL_WRITTEN: Problem[str] = Problem(
    code=Code.VALUE_MISSING,
    message="NULL is what databases export where there is no value, and this column is mandatory. "
    "Fill in a value.",
)

_RESERVED: Problem[str] = Problem(
    code=Code.KEY_RESERVED,
    message="Payment files write this where there is nothing, so nothing can be called so. "
    "Use another, or leave the field empty where that is allowed.",
)

_SPREADSHEET: Problem[str] = Problem(
    code=Code.CHANGED_BY_SPREADSHEET,
    message="The identifier was changed by a spreadsheet. Export the file again and "
    "send it without opening it in a spreadsheet, or format the column as text first.",
)


def _too_long(length_max: int) -> Problem[str]:
    return Problem(
        code=Code.VALUE_TOO_LONG, message=f"Shorten the value to at most {length_max} characters."
    )


def _character(character: str) -> str:
    """Name a character that cannot be shown: `U+00A0 NO-BREAK SPACE`."""
    name = unicodedata.name(character, "a control character")
    return f"U+{ord(character):04X} ({name.lower()})"
