"""The clock against the books: whether now is later than what was written last.

Every batch is dated after the one before, whatever the clock says. So a clock that was set back
would go unseen, and with it the day on which files and payments count: it is told, and nothing
is written until it is right again, or somebody says that it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head
from ingestd.values.clock import format_second, from_microseconds
from ingestd.values.errors import ClockBehindError
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

BEHIND_MAX = 60_000_000
"""How far, in microseconds, a clock may be behind the last batch: nodes' clocks differ a little."""

_EVERY_ACCOUNT = AccountId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDoubt:
    """The clock says `now`, which is before an account's last batch; in microseconds since 1970."""

    account: AccountId
    sealed_at: int
    now: int

    @property
    def behind_seconds(self) -> int:
        """How far the clock is behind."""
        return (self.sealed_at - self.now) // 1_000_000

    @property
    def message(self) -> str:
        """What is doubted, and what to do, for people."""
        clock, sealed = from_microseconds(self.now), from_microseconds(self.sealed_at)
        return (
            f"The clock says {format_second(clock)}, but the last batch of {self.account} is of "
            f"{format_second(sealed)}. Set the clock right; if it is right: "
            f"ingestd ledger accept-clock --account {self.account} --reason TEXT"
        )


def find_clock_doubts(connection: Connection, *, now: int) -> list[ClockDoubt]:
    """Return every account whose last batch is over a minute ahead of the clock, farthest first.

    Those are left out whose lead somebody accepted.
    """
    return _find(connection, _EVERY_ACCOUNT, now=now)


def find_clock_doubt(connection: Connection, account: AccountId, *, now: int) -> ClockDoubt | None:
    """Return what is to be said against the clock by one account's books, or None."""
    return next(iter(_find(connection, account, now=now)), None)


def require_clock(connection: Connection, head: Head, *, now: int) -> None:
    """Raise ClockBehindError unless a batch may be dated `now`; the caller locked the head."""
    if head.sealed_at <= now + BEHIND_MAX:
        return  # as nearly always: nobody is asked
    doubt = find_clock_doubt(connection, head.account, now=now)
    if doubt is not None:
        raise ClockBehindError(doubt.message)


def accept_clock(connection: Connection, doubt: ClockDoubt, *, by: str, reason: str) -> None:
    """Write down for ever that the clock is right, who says so, and why.

    From now on the account's batches follow its last one, until the clock has caught up.
    """
    _SQL.run(
        connection,
        "accept_clock",
        {
            "account": doubt.account,
            "sealed_at": doubt.sealed_at,
            "clock_at": doubt.now,
            "accepted_by": by,
            "reason": reason,
        },
    )


def _find(connection: Connection, account: AccountId, *, now: int) -> list[ClockDoubt]:
    values = {"account": account, "undoubted": now + BEHIND_MAX, "most": BEHIND_MAX}
    return [
        ClockDoubt(account=AccountId(row.account), sealed_at=row.sealed_at, now=now)
        for row in _SQL.run(connection, "find_clock_doubts", values)
    ]
