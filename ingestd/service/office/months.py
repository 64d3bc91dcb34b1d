"""Months at the office's desk: closed when they are over, so that their figures stay."""

from __future__ import annotations

from datetime import date

from ingestd.ledger.books.periods import close_month as close_period
from ingestd.ledger.books.periods import find_closing
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.values.clock import format_instant, from_microseconds
from ingestd.values.errors import LedgerRefusal, UsageError


def close_month(keeper: Bookkeeper, month: str) -> Answer:
    """Close a month that is over, and with it every month before.

    `closed_at` is the instant of the closing: reports as known then tell what was filed, and
    `report changes` since then what came after it.
    """
    try:
        date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise UsageError(f"{month} is no month. Write it such as 2026-03.") from error

    def answer(closed_at: int) -> Answer:
        instant = format_instant(from_microseconds(closed_at))
        return {"month": month, "status": "closed", "closed_at": instant}

    def work(entry: Entry) -> Answer:
        if month >= str(entry.day)[: len(month)]:
            raise LedgerRefusal(f"{month} is not over yet; it can be closed afterwards.")
        closed_at = find_closing(entry.connection, entry.head.account, month)
        if closed_at is not None:
            raise Unchanged(answer(closed_at))
        close_period(entry.connection, entry.head.account, month, batch_no=entry.batch.batch_no)
        return answer(entry.batch.sealed_at)

    return keeper.write("close", work, command=Command.LEDGER_CLOSE, on=None)
