"""Rules: what a verdict on a file depends on, besides its bytes and its format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class LastRow(StrEnum):
    """What becomes of a last row without a line end: it may have been cut off.

    COMPLETE takes it where it is seen to be whole.
    """

    COMPLETE = "complete"
    REJECT = "reject"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """Everything that a verdict on a file depends on, besides its bytes and its format.

    `decimals` is how many decimals the account's currency has, `now` an instant with a
    time zone. `encoding` is a text encoding that Python knows, `delimiter` one character.
    `ignore_columns` are labels of columns that are never taken for misspelt ones.
    """

    timezone: ZoneInfo
    decimals: int
    now: datetime
    encoding: str = "utf-8"
    delimiter: str = ","
    last_row_without_newline: LastRow = LastRow.COMPLETE
    reject_naive_time: bool = False
    ignore_columns: tuple[str, ...] = ()
