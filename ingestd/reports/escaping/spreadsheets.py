"""Spreadsheets: what a cell of a CSV file holds, so that none of it is run as a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

NUMERIC = frozenset(
    {
        *("amount", "paid", "open", "balance", "charged", "voided", "net", "realised", "rows"),
        *("received", "settled", "returned", "pending", "promised", "payments", "wallet_open"),
        *("tax", "written_off", "held", "owed_back"),
        *("0-30", "31-60", "61-90", "91+", "due"),
        *("sold_nett", "sold_tax", "collected_tax", "given_back_tax"),
        *("refunded", "to_wallet", "discount_reversed", "settled_now", "settled_before"),
    }
)
"""The columns that hold figures, in reports and in what commands answer."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def spreadsheet_cells(row: Mapping[str, object], columns: Sequence[str]) -> list[str]:
    """Return a row's cells; text that a spreadsheet would run as a formula is escaped."""
    return [_safe(column, row.get(column)) for column in columns]


def _safe(column: str, value: object) -> str:
    text = "" if value is None else str(value)
    # A list of what an answer names, such as what was paid, may stand in a column of numbers.
    is_number = column in NUMERIC and _NUMBER.fullmatch(text)
    if text.startswith(_FORMULA_STARTS) and not is_number:
        return "'" + text
    return text
