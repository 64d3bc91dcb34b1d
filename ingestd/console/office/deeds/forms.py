"""Forms of deeds: what somebody fills in, field by field, and how it is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from ingestd.formats.judging.times import YEAR_MIN
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.values.errors import UsageError

Given = Mapping[str, str]
"""What a form says, by field; a field without anything is not there."""


class Kind(StrEnum):
    """How a field is shown."""

    TEXT = "text"
    AMOUNT = "amount"
    DAY = "day"
    CHOICE = "choice"
    FLAG = "flag"
    KEY = "key"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field: its name, what stands above it, what can be chosen, whether it must be filled.

    A `default` is chosen until somebody chooses otherwise.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    is_needed: bool = False
    hint: str = ""
    default: str = ""


def text(name: str, label: str, *, needed: bool = False, hint: str = "") -> Field:
    """Return a field for a text."""
    return Field(name=name, label=label, is_needed=needed, hint=hint)


def amount(label: str = "Amount", *, needed: bool = False, hint: str = "") -> Field:
    """Return the field for an amount."""
    return Field(name="amount", label=label, kind=Kind.AMOUNT, is_needed=needed, hint=hint)


def choice(
    name: str, label: str, choices: type[StrEnum], *, needed: bool = False, default: str = ""
) -> Field:
    """Return a field of which one of some words is chosen."""
    return Field(
        name=name,
        label=label,
        kind=Kind.CHOICE,
        choices=tuple(one.value for one in choices),
        is_needed=needed,
        default=default,
    )


def flag(name: str, label: str) -> Field:
    """Return a field that is ticked or not."""
    return Field(name=name, label=label, kind=Kind.FLAG)


def hidden(name: str) -> Field:
    """Return a field that another page has filled in."""
    return Field(name=name, label=name, kind=Kind.HIDDEN)


def key(prefix: str) -> Field:
    """Return the field for the id of what is made; a new one begins with `prefix`."""
    return Field(name="id", label="Its id", kind=Kind.KEY, hint=prefix, is_needed=True)


ON = Field(name="on", label="Day", kind=Kind.DAY, is_needed=True)
REASON = Field(name="reason", label="Reason", hint="Why; kept with it.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that is done to the books: its form, what does it, the page that shows it then.

    `section` says which other page it is found on.
    """

    name: str
    title: str
    fields: tuple[Field, ...]
    perform: Callable[[Bookkeeper, Given, date], Answer]
    way: Callable[[Answer, Given], str]

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Its own fields, and those that every deed has."""
        return (*self.fields, ON, REASON)


def read_given(deed: Deed, fields: Mapping[str, str]) -> dict[str, str]:
    """Return what a form says. Raises UsageError for a field that must be filled and is not."""
    given = {
        field.name: said
        for field in deed.all_fields
        if (said := fields.get(field.name, "").strip())
    }
    for field in deed.all_fields:
        if field.is_needed and field.name not in given:
            raise UsageError(f"{field.label} is empty. Fill it in.")
        if field.choices and given.get(field.name, field.choices[0]) not in field.choices:
            raise UsageError(f"{given[field.name]} is no choice for {field.label}.")
    return given


def day_of(given: Given) -> date:
    """Return the effective day. Raises UsageError for one that no file could name."""
    written = given["on"]
    try:
        day = date.fromisoformat(written)
    except ValueError as error:
        raise UsageError(f"{written} is no day. Write it such as 2026-03-02.") from error
    if day.year < YEAR_MIN:
        raise UsageError(f"{written} lies before {YEAR_MIN}. Correct the year.")
    return day


def for_forms(message: str) -> str:
    """Return what a command would say in words that fit a form: no options, but fields."""
    return re.sub(
        r"--([a-z]+(?:-[a-z]+)*)", lambda found: f"“{found[1].replace('-', ' ')}”", message
    )
