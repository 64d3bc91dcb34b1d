"""The keeper of what is in force: readers always see accounts and allowlist of one moment."""

from __future__ import annotations

from collections.abc import Callable

from ingestd.access.accounts import Access
from ingestd.values.identifiers import AccountId

Listener = Callable[[Access], None]


class AccessKeeper:
    """Holds the access rules in force, and tells listeners when they change.

    `current` may be read from any thread: it is replaced whole, never changed.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._listeners: list[Listener] = []

    @property
    def current(self) -> Access:
        """The rules in force now."""
        return self._access

    def replace(self, access: Access) -> None:
        """Put new rules in force and tell every listener, in the caller's thread."""
        self._access = access
        for listener in self._listeners:
            listener(access)

    def on_change(self, listener: Listener) -> None:
        """Call `listener` with the new rules whenever they change."""
        self._listeners.append(listener)

    def of_accounts(self, keeps: Callable[[AccountId], bool]) -> AccessKeeper:
        """Return a keeper of the same rules for some accounts alone, which follows this one."""
        follower = AccessKeeper(self._access.of_accounts(keeps))
        self.on_change(lambda access: follower.replace(access.of_accounts(keeps)))
        return follower
