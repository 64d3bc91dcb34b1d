"""Entries: one change of the books by a command, a batch of its own, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.database.engine import Database
from ingestd.ledger.head import Head, lock_head
from ingestd.ledger.periods import open_from
from ingestd.ledger.seal import Batch, open_batch, seal
from ingestd.values.clock import Clock, day_in, from_microseconds, to_microseconds
from ingestd.values.errors import LedgerRefusal

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A batch that is being written, on `connection`, under the lock of the account's head.

    `day` (`YYYY-MM-DD`, in the account's time zone) is when what is written takes effect.
    """

    connection: Connection
    head: Head
    batch: Batch
    account: Account
    day: str


class Unchanged(Exception):  # noqa: N818 - no error: the books stay as they are
    """Raised where an entry turns out to change nothing: it was made before, or was a question."""

    def __init__(self, answer: object) -> None:
        super().__init__("nothing to write")
        self.answer = answer


def write_entry(
    database: Database,
    clock: Clock,
    account: Account,
    *,
    event: str,
    work: Callable[[Entry], T],
    on: date | None = None,
) -> T:
    """Run `work` as one sealed batch, and return its answer; nothing of it is kept when it fails.

    `on` is the effective day, today by default. Raises LedgerRefusal for a day that is ahead or
    in a closed month, and whatever `work` raises; `Unchanged` is answered without a batch.
    """
    with database.connection() as connection:

        def write() -> T:
            head = lock_head(connection, account.account_id)
            now = to_microseconds(clock.now())
            batch = open_batch(head, event=event, now=now)
            today = day_in(account.timezone, from_microseconds(now))
            day = (on or today).isoformat()
            entry = Entry(connection=connection, head=head, batch=batch, account=account, day=day)
            answer = work(entry)
            # Asked last: what was written before is answered, though its month is closed now.
            refuse_day(connection, account, day, today=today.isoformat())
            seal(connection, head, batch)
            return answer

        try:
            return database.transact(connection, write)
        except Unchanged as repeated:
            answer: T = repeated.answer  # type: ignore[assignment]
            return answer


def refuse_day(connection: Connection, account: Account, day: str, *, today: str) -> None:
    """Raise LedgerRefusal for a day that nothing can be dated: ahead, or in a closed month."""
    if day > today:
        raise LedgerRefusal(f"{day} has not come yet; today is {today}.")
    first = open_from(connection, account.account_id)
    if day < first:
        raise LedgerRefusal(
            f"{day} is in a month that is closed. The first open day is {first}: give it with --on."
        )
