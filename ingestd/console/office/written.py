"""What a page says of the deed that led to it: as the books tell it, whatever its address says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingestd.access.accounts import Account
from ingestd.console.office.desk import Desk
from ingestd.reports.trails.batch_story import Answer, tell_batch
from ingestd.values.errors import UsageError

ENTRY, AGAIN = "entry", "again"


@dataclass(frozen=True, slots=True)
class Written:
    """The batch that a deed wrote; None where it was so already, and nothing was written."""

    batch: Answer | None


def find_written(desk: Desk, account: Account, params: Mapping[str, str]) -> Written | None:
    """Return what an address says was just written, if the books hold it."""
    number = number_of(params.get(ENTRY, ""))
    if number is None:
        return Written(None) if AGAIN in params else None
    with desk.reading() as connection:
        try:
            story = tell_batch(connection, desk.inquiry(connection, account), number, rows=0)
        except UsageError:
            return None
    return Written(story["batch"])


def number_of(text: str) -> int | None:
    """Return a number that was written into an address, or None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
