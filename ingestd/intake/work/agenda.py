"""The agenda: which accounts to look at, and when, so that no event makes us look at them all."""

from __future__ import annotations

from collections.abc import Collection

from ingestd.values.clock import Clock
from ingestd.values.identifiers import AccountId


class Agenda:
    """When each account is to be looked at next; every one at least each `rescan_seconds`.

    An account that was never asked about is due at once. Belongs to one thread.
    """

    def __init__(self, clock: Clock, *, rescan_seconds: float) -> None:
        self._clock = clock
        self._rescan_seconds = rescan_seconds
        self._due_at: dict[AccountId, float] = {}

    def note_event(self, account: AccountId) -> None:
        """Make an account due: something appeared in its folders."""
        self._due_at[account] = 0.0

    def note_trouble(self) -> None:
        """Make every account due: events may have been missed, or the accounts changed."""
        self._due_at.clear()

    def take_due(self, accounts: Collection[AccountId]) -> list[AccountId]:
        """Return which of the accounts are due; each is due again after a rescan's time.

        Accounts that are no longer among them are forgotten.
        """
        now = self._clock.monotonic()
        due = [account for account in accounts if self._due_at.get(account, 0.0) <= now]
        later = now + self._rescan_seconds
        self._due_at = {account: self._due_at.get(account, later) for account in accounts}
        self._due_at |= dict.fromkeys(due, later)
        return due

    def look_again(self, account: AccountId, seconds: float) -> None:
        """Make an account due after `seconds`, unless it is sooner."""
        at = self._clock.monotonic() + seconds
        self._due_at[account] = min(self._due_at.get(account, at), at)

    @property
    def timed_wait_seconds(self) -> float:
        """How long until an account is due by the clock, whatever event made others due before."""
        timed = min((at for at in self._due_at.values() if at), default=None)
        if timed is None:
            return self._rescan_seconds
        return max(timed - self._clock.monotonic(), 0.0)

    @property
    def wait_seconds(self) -> float:
        """How long until an account is due; the rescan's time when there is none."""
        if not self._due_at:
            return self._rescan_seconds
        return max(min(self._due_at.values()) - self._clock.monotonic(), 0.0)
