"""Attempts: how often somebody may guess before it takes them a quarter of an hour."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

SECONDS = 900.0
BY_NAME_MAX = 10
BY_ADDRESS_MAX = 30
_REMEMBERED_MAX = 10_000


class Attempts:
    """Counts what did not succeed of late, by the name tried and by the address that tried it."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._failed: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def seconds_to_wait(self, *, name: str | None, address: str) -> int:
        """Return for how long nobody is let in by this name or from this address; 0: try.

        Where nothing is tried that has a name, only the address counts.
        """
        by_name = 0 if name is None else self._wait(("name", name), BY_NAME_MAX)
        return max(by_name, self._wait(("address", address), BY_ADDRESS_MAX))

    def begin(self, *, name: str | None, address: str) -> None:
        """Count an attempt, before it is known what becomes of it: many may be made at once."""
        now = self._monotonic()
        tried = [("address", address), *([] if name is None else [("name", name)])]
        for key in tried:
            self._failed.setdefault(key, deque(maxlen=BY_ADDRESS_MAX)).append(now)
            self._failed.move_to_end(key)
        while len(self._failed) > _REMEMBERED_MAX:
            self._failed.popitem(last=False)

    def succeed(self, *, name: str, address: str) -> None:
        """Forget the attempts of somebody who knew the password in the end."""
        self._failed.pop(("name", name), None)
        if of_address := self._failed.get(("address", address)):
            of_address.pop()

    def _wait(self, key: tuple[str, str], allowed: int) -> int:
        now = self._monotonic()
        failed = self._failed.get(key, deque())
        while failed and failed[0] <= now - SECONDS:
            failed.popleft()
        if len(failed) < allowed:
            return 0
        return int(failed[len(failed) - allowed] + SECONDS - now) + 1
