"""Entries: one change of the books by a command, a batch of its own, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.database.engine import Database
from ingestd.ledger.books.batches import Batch, open_batch
from ingestd.ledger.books.clock_check import require_clock
from ingestd.ledger.books.head import Head, lock_head
from ingestd.ledger.books.periods import open_from
from ingestd.ledger.entries.author import Author, judged_author, store_author
from ingestd.ledger.evidence.publishing import note
from ingestd.ledger.evidence.seals import Seal, seal
from ingestd.ledger.evidence.signing import Signing
from ingestd.values.clock import Clock, day_in, from_microseconds, to_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import LedgerRefusal, UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A batch that is being written, on `connection`, under the lock of the account's head.

    `day` (in the account's time zone) is when what is written takes effect. `reason` is why, where
    somebody said so; a file's has none.
    """

    connection: Connection
    head: Head
    batch: Batch
    account: Account
    day: Day
    reason: str | None = None


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
    author: Author,
    work: Callable[[Entry], T],
    on: date | None = None,
    signing: Signing | None = None,
) -> T:
    """Run `work` as one sealed batch, and return its answer; nothing of it is kept when it fails.

    The batch keeps its `author`. `on` is the effective day, today by default. Without `signing`
    the batch waits for the daemon, which signs it; that tells of it in any case. Raises UsageError
    for an author who cannot be kept or says too little, LedgerRefusal for a day that is ahead or
    in a closed month, ClockBehindError for a clock that cannot tell today, LedgerRolledBackError
    for books that do not continue what was signed, and whatever `work` raises; `Unchanged` is
    answered without a batch.
    """
    author = judged_author(account, author)
    with database.connection() as connection:

        def write() -> tuple[T, Seal]:
            head = lock_head(connection, account.account_id)
            now = to_microseconds(clock.now())
            # Today would be another day, and the effective day is today unless it is given.
            require_clock(connection, head, now=now)
            batch = open_batch(head, event=event, now=now)
            today = day_in(account.timezone, from_microseconds(now))
            day = Day.of(on or today)
            entry = Entry(
                connection=connection,
                head=head,
                batch=batch,
                account=account,
                day=day,
                reason=author.reason,
            )
            refusal = refusal_of_day(connection, account, day, today=Day.of(today))
            # What was written before is answered, though its month is closed by now.
            try:
                answer = work(entry)
            except (LedgerRefusal, UsageError) as error:
                raise refusal or error from None
            if refusal is not None:
                raise refusal
            store_author(connection, batch, author)
            return answer, seal(connection, head, batch, signing=signing)

        try:
            answer, closed = database.transact(connection, write)
        except Unchanged as repeated:
            made_before: T = repeated.answer  # type: ignore[assignment]
            return made_before
    if signing is not None and closed.tree.signed is not None:
        note(account.account_id, closed.tree.signed, signing)
    return answer


def refusal_of_day(
    connection: Connection, account: Account, day: Day, *, today: Day
) -> LedgerRefusal | None:
    """Return why nothing can be dated a day: it is ahead, or in a closed month; None if it can."""
    if day > today:
        return LedgerRefusal(f"{day} has not come yet; today is {today}.")
    first = open_from(connection, account.account_id)
    if day < first:
        return LedgerRefusal(
            f"{day} is in a month that is closed. The first open day is {first}: give it with --on."
        )
    return None
