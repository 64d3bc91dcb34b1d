"""The clock against the books: whether now is later than what was written last.

Every batch is dated after the one before, whatever the clock says. So a clock that was set back
would go unseen, and with it the day on which files and payments count: it is told, and nothing
is written until it is right again, or somebody says that it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.head import Head
from ingestd.values.clock import format_second, from_microseconds
from ingestd.values.errors import ClockBehindError
from ingestd.values.identifiers import AccountId

BEHIND_MAX = 60_000_000
"""How far, in microseconds, a clock may be behind the last batch: nodes' clocks differ a little."""

# An acceptance counts for the lead that it was given for: not for a batch that a clock, once more
# ahead, has dated later still, nor for a clock that is set back further.
_DOUBTED = (
    "SELECT h.account, h.sealed_at FROM seal_head h WHERE h.sealed_at > :now + :most"
    " AND NOT EXISTS (SELECT 1 FROM clock_acceptance a WHERE a.account = h.account"
    "  AND a.sealed_at >= h.sealed_at - :most AND a.clock_at <= :now + :most)"
)


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
    found = connection.execute(
        sa.text(f"{_DOUBTED} ORDER BY h.sealed_at DESC, h.account"),
        {"now": now, "most": BEHIND_MAX},
    )
    return [
        ClockDoubt(account=AccountId(row.account), sealed_at=row.sealed_at, now=now)
        for row in found
    ]


def find_clock_doubt(connection: Connection, account: AccountId, *, now: int) -> ClockDoubt | None:
    """Return what is to be said against the clock by one account's books, or None."""
    row = connection.execute(
        sa.text(f"{_DOUBTED} AND h.account = :account"),
        {"now": now, "most": BEHIND_MAX, "account": account},
    ).one_or_none()
    return None if row is None else ClockDoubt(account=account, sealed_at=row.sealed_at, now=now)


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
    connection.execute(
        sa.text(
            "INSERT INTO clock_acceptance (account, sealed_at, clock_at, accepted_by, reason)"
            " VALUES (:account, :sealed_at, :clock_at, :accepted_by, :reason)"
        ),
        {
            "account": doubt.account,
            "sealed_at": doubt.sealed_at,
            "clock_at": doubt.now,
            "accepted_by": by,
            "reason": reason,
        },
    )
