"""What a file format is made of: columns, their kinds and limits, and whether there is a header."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FIELD_BYTES_MAX = 128 * 1024
ROW_BYTES_MAX = 1024 * 1024

DIGITS_MAX = 18  # what a whole number of 64 bits holds

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
"""What separates the fields of files that people send, and what they call it."""

LIST_SEPARATOR = ";"
LIST_CHARACTERS_MAX = 4000
"""How long a list may be altogether: ten thousand rows are in memory at a time."""


class Kind(StrEnum):
    """What a column's text means, and so which rules it is judged by.

    WHOLE is a number to count with, DIGITS one that names something: it is kept as text
    without leading zeros, so that `0042` and `42` are the same. PLEDGES is a list of such numbers,
    each with an amount behind a `=` where one was promised.
    """

    CHOICE = "choice"
    IDENTIFIER = "identifier"
    TEXT = "text"
    AMOUNT = "amount"
    TIME = "time"
    DATE = "date"
    WHOLE = "whole"
    MOMENT = "moment"
    MONEY = "money"
    DIGITS = "digits"
    PLEDGES = "pledges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name in the header, what its text means and what limits it.

    `length_max` counts characters after Unicode normalisation (NFC); where it is not given,
    the kind's own rules or the reader's limit are narrower. `choices` are the only texts
    that a CHOICE may hold, `reserved` the ones that no value may be (in any case; `0` stands
    for zero as it may be written), and MONEY that `must_be_positive` is more than nothing. A list
    holds several values, a `;` between them; then all else is said of each of them. A CHOICE may be
    written in any case, unless it `is_exact`. What stands
    for an absent value, beside an empty field: `null` in any case, and zero. `title` is the
    specification's own name of the column where it has another one, written as names are.

    `known_as` are words by which people call an optional column whose absence changes what is
    posted; a file without it has no other column that may be meant. `when_absent` says what its
    absence means, after "so that".
    """

    name: str
    kind: Kind
    mandatory: bool
    description: str
    length_max: int = FIELD_BYTES_MAX
    choices: tuple[str, ...] = ()
    is_exact: bool = False
    reserved: tuple[str, ...] = ()
    is_list: bool = False
    must_be_positive: bool = False
    null_is_absent: bool = False
    zero_is_absent: bool = False
    title: str = ""
    known_as: tuple[str, ...] = ()
    when_absent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A file's columns, and how a field finds its column.

    With a header, columns stand in any order and only the mandatory ones must be there.
    Without one, every row has exactly these columns in this order. `named_by` are the columns
    by which people find a row again: its key, and, where it says so, whom it is about.
    """

    name: str
    columns: tuple[Column, ...]
    has_header: bool
    source: str
    named_by: tuple[str, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of all columns, in the format's own order."""
        return tuple(column.name for column in self.columns)

    @property
    def mandatory_names(self) -> tuple[str, ...]:
        """The names of the columns that a header must have."""
        return tuple(column.name for column in self.columns if column.mandatory)
