"""Bans: who failed to log in too often is not answered for a while, at whichever node it failed."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from typing import TypeVar

from ingestd.access.allowlist import Address
from ingestd.sftp.bounds.limits import DoorLimits
from ingestd.values.clock import Clock

ADDRESSES_MAX = 10_000
"""More addresses than this are forgotten, oldest failure first: memory has a limit too."""

# One IPv6 customer has at least a /64; counting single addresses would count nothing.
_IPV6_PREFIX = 64
# Failures that cost nothing but themselves: a mistyped password is no attack.
_FAILURES_FREE = 2
_DELAY_SECONDS_FIRST = 0.25
_DELAY_SECONDS_MAX = 4.0

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """When somebody failed, and, where only keys were wrong, at which user name."""

    moment: float
    keys_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureCount:
    """How often an address has failed at one node lately; it counts for `seconds` from now."""

    failures: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Elsewhere:
    failures: int
    until: float


class Bans:
    """Remembers failed authentications by address (IPv6: by /64), delays, then bans.

    What other nodes counted counts here, too. Safe to share between threads.
    """

    def __init__(self, limits: DoorLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self._failures: dict[Address, list[_Failure]] = {}
        self._banned_until: dict[Address, float] = {}
        self._elsewhere: dict[Address, dict[str, _Elsewhere]] = {}
        self._untold: set[Address] = set()
        self._told_counts: dict[Address, int] = {}
        self._changed: dict[Address, None] = {}

    def is_banned(self, address: Address) -> bool:
        """Tell whether the address is banned now."""
        source = _source(address)
        until = self._banned_until.get(source)
        if until is None:
            return False
        if self._clock.monotonic() < until:
            return True
        self._banned_until.pop(source, None)
        return False

    def note_failure(self, address: Address, *, keys_of: str | None = None) -> bool:
        """Count one failed authentication. True when it is the one that bans the address.

        `keys_of` is the user name at which nothing but keys was tried: see `forgive_keys`.
        """
        if any(address in network for network in self._limits.never_ban):
            return False
        source = _source(address)
        with self._lock:
            recent = self._recent(source)
            recent.append(_Failure(moment=self._clock.monotonic(), keys_of=keys_of))
            self._put(self._failures, source, recent)
            self._note_changed(source)
            if self._count(source) < self._limits.ban_after_failures or self.is_banned(address):
                return False
            del self._failures[source]
            until = self._clock.monotonic() + self._limits.ban_seconds
            self._put(self._banned_until, source, until)
            self._untold.add(source)
            return True

    def forgive_keys(self, address: Address, user_name: str) -> None:
        """Forget the wrong keys that this address tried at this user name, at this node.

        They were on the way to the right one. Passwords, and keys tried at other names, stay
        counted: whoever has an account of its own must not go free by it.
        """
        source = _source(address)
        with self._lock:
            before = self._failures.pop(source, [])
            recent = self._recent_of(before)
            kept = [failure for failure in recent if failure.keys_of != user_name]
            if kept:
                self._failures[source] = kept
            if len(kept) != len(before):
                self._note_changed(source)

    def delay_seconds(self, address: Address) -> float:
        """Return how long the next refusal to this address is held back."""
        with self._lock:
            failures = self._count(_source(address)) - _FAILURES_FREE
        if failures <= 0:
            return 0.0
        return min(_DELAY_SECONDS_FIRST * 2.0 ** (failures - 1), _DELAY_SECONDS_MAX)

    def pronounced(self) -> dict[Address, float]:
        """Return what was pronounced here, and not told yet: the address, and the seconds left."""
        now = self._clock.monotonic()
        with self._lock:
            return {
                source: self._banned_until[source] - now
                for source in self._untold
                if source in self._banned_until
            }

    def note_told(self, told: Iterable[Address]) -> None:
        """Note that other nodes were told of these bans."""
        with self._lock:
            self._untold.difference_update(told)

    def learn(self, source: Address, seconds: float) -> None:
        """Let an address be banned for as long as another node says, unless it never is here."""
        if any(source in network for network in self._limits.never_ban):
            return
        until = self._clock.monotonic() + seconds
        with self._lock:
            until = max(self._banned_until.get(source, until), until)
            self._put(self._banned_until, source, until)

    def changed_counts(self, most: int) -> dict[Address, FailureCount]:
        """Return what this node counts, where others were told otherwise, of so many addresses.

        A count of nothing takes back what was told.
        """
        now = self._clock.monotonic()
        counts: dict[Address, FailureCount] = {}
        with self._lock:
            for source in list(self._changed):
                if len(counts) == most:
                    break
                recent = self._recent(source)
                if len(recent) == self._told_counts.get(source, 0):
                    del self._changed[source]
                    continue
                last = recent[-1].moment if recent else now
                seconds = last + self._limits.ban_seconds - now
                counts[source] = FailureCount(failures=len(recent), seconds=seconds)
        return counts

    def note_told_counts(self, told: Mapping[Address, FailureCount]) -> None:
        """Note that other nodes were told of these counts."""
        with self._lock:
            for source, count in told.items():
                self._told_counts.pop(source, None)
                if count.failures:
                    self._put(self._told_counts, source, count.failures)

    def notice_what_is_over(self) -> None:
        """Let what was told be told anew where some of the failures have had their time."""
        with self._lock:
            for source, told in list(self._told_counts.items()):
                if len(self._recent(source)) != told:
                    self._note_changed(source)

    def learn_count(self, source: Address, node: str, count: FailureCount) -> None:
        """Let what another node counts of an address count here, in place of what it said before.

        It bans nobody by itself: the next failure does, wherever that is.
        """
        with self._lock:
            nodes = self._elsewhere.pop(source, {})
            nodes.pop(node, None)
            if count.failures > 0 and count.seconds > 0:
                until = self._clock.monotonic() + count.seconds
                nodes[node] = _Elsewhere(failures=count.failures, until=until)
            if nodes:
                self._put(self._elsewhere, source, nodes)

    def _note_changed(self, source: Address) -> None:
        """Let a count be told in its turn: whoever fails on and on is not put behind the others."""
        if len(self._changed) < ADDRESSES_MAX:
            self._changed.setdefault(source)

    def _count(self, source: Address) -> int:
        """Return how often an address has failed lately, at all nodes as far as is known here."""
        now = self._clock.monotonic()
        nodes = self._elsewhere.get(source, {}).values()
        elsewhere = sum(one.failures for one in nodes if one.until > now)
        return len(self._recent(source)) + elsewhere

    def _recent(self, source: Address) -> list[_Failure]:
        return self._recent_of(self._failures.get(source, []))

    def _recent_of(self, failures: list[_Failure]) -> list[_Failure]:
        oldest = self._clock.monotonic() - self._limits.ban_seconds
        return [failure for failure in failures if failure.moment > oldest]

    @staticmethod
    def _put(memory: dict[Address, V], source: Address, value: V) -> None:
        """Keep something of an address, as the newest; the oldest goes where there are too many."""
        memory.pop(source, None)
        memory[source] = value
        while len(memory) > ADDRESSES_MAX:
            del memory[next(iter(memory))]


def _source(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        return ip_network((address, _IPV6_PREFIX), strict=False).network_address
    return address
