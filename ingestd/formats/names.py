"""File names: which are recognised, which are temporary, which may exist at all."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class FormatName(StrEnum):
    """The formats that are taken: what their file names start with, and their name in receipts."""

    STUDENT_BILLING = "student_billing"
    STUDENT_REFUNDS = "student_refunds"
    FEE_PAYMENTS = "fee_payments"
    SUNDRY_PAYMENTS = "sundry_payments"
    ENROLMENT_PAYMENTS = "enrolment_payments"
    PRODUCTS = "products"
    STUDENTS = "students"
    PARENTS = "parents"


CATALOG_NAMES = frozenset({FormatName.PRODUCTS, FormatName.STUDENTS, FormatName.PARENTS})
"""Formats whose files are taken only from accounts that allow it."""

PAYMENT_NAMES = frozenset(
    {FormatName.FEE_PAYMENTS, FormatName.SUNDRY_PAYMENTS, FormatName.ENROLMENT_PAYMENTS}
)
"""Formats in which payment providers deliver what was paid: without a header, column by column."""

_ENDING = ".csv"
NAME_BYTES_MAX = 255  # what Linux file systems take in one name

_TEMPORARY = re.compile(r"(\..*|.*\.(filepart|part|partial|tmp))", re.IGNORECASE | re.DOTALL)


def is_possible(name: str) -> bool:
    """Tell whether a client's file name can be a file of ours: one name, no path, no NUL."""
    encoded = name.encode("utf-8", "surrogateescape")
    return (
        name not in {"", ".", ".."}
        and "/" not in name
        and "\0" not in name
        and len(encoded) <= NAME_BYTES_MAX
    )


def is_temporary(name: str) -> bool:
    """Tell whether a name says "not finished yet"; such files are never claimed."""
    return _TEMPORARY.fullmatch(name) is not None


def bare_name(name: str) -> str:
    """Return a name without the spaces, invisible characters and last dots around it.

    They are of no use to anybody, and nobody sees why such a name is not recognised.
    """
    outside = "".join(char for char in set(name) if char.isspace() or not char.isprintable())
    return name.strip(outside).rstrip(outside + ".")


def names_taken(*, takes_catalogs: bool) -> tuple[FormatName, ...]:
    """Return the formats that an account's files may have, by whether it takes catalogs."""
    return tuple(name for name in FormatName if takes_catalogs or name not in CATALOG_NAMES)


def format_of(name: str, *, takes_catalogs: bool) -> FormatName | None:
    """Return the format that a file name stands for in an account, or None for none.

    The whole name counts, in any case, after Unicode normalisation (macOS sends NFD).
    `takes_catalogs` is the account's answer; without it a catalog's name stands for nothing.
    """
    normal = unicodedata.normalize("NFC", name).casefold()
    if is_temporary(name) or not normal.endswith(_ENDING):
        return None
    taken = names_taken(takes_catalogs=takes_catalogs)
    return next((format_name for format_name in taken if normal.startswith(format_name)), None)


def source_in(name: str, format_name: str) -> str | None:
    """Return the source that a file's name tells, or None: what stands behind its format and `_`.

    A catalog comes from no place of sale.
    """
    stem = unicodedata.normalize("NFC", name)
    start = f"{format_name}_"
    if format_name in CATALOG_NAMES or stem[: len(start)].casefold() != start:
        return None
    said = stem[len(start) :]
    return bare_name(said[: -len(_ENDING)] if said.casefold().endswith(_ENDING) else said) or None


def is_recognised(name: str, *, takes_catalogs: bool) -> bool:
    """Tell whether a file under this name will be claimed; `takes_catalogs` as above."""
    return format_of(name, takes_catalogs=takes_catalogs) is not None
