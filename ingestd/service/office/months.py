"""Months at the office's desk: closed when they are over, so that their figures stay."""

from __future__ import annotations

from datetime import date

from ingestd.ledger.books.periods import close_month as close_period
from ingestd.ledger.books.periods import is_closed
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.values.errors import LedgerRefusal, UsageError


def close_month(keeper: Bookkeeper, month: str) -> Answer:
    """Close a month that is over, and with it every month before."""
    try:
        date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise UsageError(f"{month} is no month. Write it such as 2026-03.") from error

    def work(entry: Entry) -> Answer:
        answer: Answer = {"month": month, "status": "closed"}
        if month >= str(entry.day)[: len(month)]:
            raise LedgerRefusal(f"{month} is not over yet; it can be closed afterwards.")
        if is_closed(entry.connection, entry.head.account, month):
            raise Unchanged(answer)
        close_period(entry.connection, entry.head.account, month, batch_no=entry.batch.batch_no)
        return answer

    return keeper.write("close", work, command=Command.LEDGER_CLOSE, on=None)
