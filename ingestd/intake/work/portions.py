"""How many receipts a crowd of forgotten temporary names gets. Pure, but for the clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingestd.values.clock import Clock
from ingestd.values.identifiers import AccountId

ALONE_AN_HOUR = 10
SHARED_SECONDS = 600.0
_HOUR_SECONDS = 3600.0


@dataclass(slots=True, kw_only=True)
class Portions:
    """Decides which names are set aside now, and which of them share a receipt.

    A few forgotten names of an hour get a receipt each. Of more, those that have come together
    in ten minutes share one, or `crowd` of them as soon as there are so many: a client that
    never renames what it sends cannot fill the books, nor its own folder of receipts.
    """

    clock: Clock
    crowd: int
    _alone: dict[AccountId, deque[float]] = field(default_factory=dict)
    _shared_at: dict[AccountId, float] = field(default_factory=dict)

    def decide(self, account: AccountId, names: Sequence[str]) -> list[tuple[str, ...]]:
        """Return the names to set aside now, in portions of one receipt each.

        The others stay where they are until a later look.
        """
        now = self.clock.monotonic()
        alone = self._alone.setdefault(account, deque())
        while alone and now - alone[0] >= _HOUR_SECONDS:
            alone.popleft()
        free = max(ALONE_AN_HOUR - len(alone), 0)
        portions: list[tuple[str, ...]] = [(name,) for name in names[:free]]
        alone.extend(now for _ in portions)
        rest = tuple(names[free:])
        waited = now - self._shared_at.get(account, -SHARED_SECONDS) >= SHARED_SECONDS
        if rest and (waited or len(rest) >= self.crowd):
            self._shared_at[account] = now
            portions.append(rest)
        return portions
