"""Limits of the door: how many, how long, how much, and who is banned for a while."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from ingestd.access.allowlist import Address, Network
from ingestd.values.clock import Clock

MIB = 1024 * 1024

# One IPv6 customer has at least a /64; counting single addresses would count nothing.
_IPV6_PREFIX = 64
# More addresses than this are forgotten, oldest failure first: memory has a limit too.
_ADDRESSES_MAX = 10_000
# Failures that cost nothing but themselves: a mistyped password is no attack.
_FAILURES_FREE = 2
_DELAY_SECONDS_FIRST = 0.25
_DELAY_SECONDS_MAX = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """What one door allows. Every default is meant for a server that faces the internet."""

    max_connections: int = 256
    max_connections_per_address: int = 16
    max_sessions_per_connection: int = 10
    max_upload_bytes: int = 512 * MIB
    max_files_waiting: int = 1000
    max_temporary_files: int = 1000
    max_open_files: int = 64
    max_auth_tries: int = 6
    ban_after_failures: int = 10
    ban_seconds: float = 900
    never_ban: tuple[Network, ...] = ()
    login_seconds: float = 30
    idle_seconds: float = 300
    keepalive_seconds: float = 30
    disk_reserve_bytes: int = 256 * MIB
    # What all connections together may hold in second and further channels; and in windows wider
    # than each channel's own and in listings beyond one, together and each.
    channels_bytes: int = 64 * MIB
    windows_bytes: int = 64 * MIB
    connection_windows_bytes: int = 4 * MIB


class ConnectionCount:
    """Counts open connections, in all and by address."""

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._by_address: Counter[Address] = Counter()
        self._total = 0

    def refusal(self, address: Address) -> str | None:
        """Return which limit one more connection from this address would break, or None."""
        if self._total >= self._limits.max_connections:
            return "too_many_connections"
        if self._by_address[address] >= self._limits.max_connections_per_address:
            return "too_many_connections_from_address"
        return None

    def add(self, address: Address) -> None:
        """Count one connection."""
        self._total += 1
        self._by_address[address] += 1

    def remove(self, address: Address) -> None:
        """Count one connection less."""
        self._total -= 1
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """When somebody failed, and, where only keys were wrong, at which user name."""

    moment: float
    keys_of: str | None = None


class Bans:
    """Remembers failed authentications by address (IPv6: by /64), delays, then bans."""

    def __init__(self, limits: DoorLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._failures: dict[Address, list[_Failure]] = {}
        self._banned_until: dict[Address, float] = {}
        self._untold: set[Address] = set()

    def is_banned(self, address: Address) -> bool:
        """Tell whether the address is banned now."""
        source = _source(address)
        until = self._banned_until.get(source)
        if until is None:
            return False
        if self._clock.monotonic() < until:
            return True
        del self._banned_until[source]
        return False

    def note_failure(self, address: Address, *, keys_of: str | None = None) -> bool:
        """Count one failed authentication. True when it is the one that bans the address.

        `keys_of` is the user name at which nothing but keys was tried: see `forgive_keys`.
        """
        if any(address in network for network in self._limits.never_ban):
            return False
        source = _source(address)
        recent = self._recent(source)
        recent.append(_Failure(moment=self._clock.monotonic(), keys_of=keys_of))
        self._failures.pop(source, None)
        self._failures[source] = recent
        self._forget_oldest()
        if len(recent) < self._limits.ban_after_failures or self.is_banned(address):
            return False
        del self._failures[source]
        self._banned_until[source] = self._clock.monotonic() + self._limits.ban_seconds
        self._untold.add(source)
        return True

    def pronounced(self) -> dict[Address, float]:
        """Return what was pronounced here, and not told yet: the address, and the seconds left."""
        now = self._clock.monotonic()
        return {
            source: self._banned_until[source] - now
            for source in list(self._untold)
            if source in self._banned_until
        }

    def note_told(self, told: Iterable[Address]) -> None:
        """Note that other nodes were told of these bans."""
        self._untold.difference_update(told)

    def learn(self, source: Address, seconds: float) -> None:
        """Let an address be banned for as long as another node says, unless it never is here."""
        if any(source in network for network in self._limits.never_ban):
            return
        until = self._clock.monotonic() + seconds
        self._banned_until[source] = max(self._banned_until.get(source, until), until)
        self._forget_oldest()

    def forgive_keys(self, address: Address, user_name: str) -> None:
        """Forget the wrong keys that this address tried at this user name.

        They were on the way to the right one. Passwords, and keys tried at other names, stay
        counted: whoever has an account of its own must not go free by it.
        """
        source = _source(address)
        kept = [failure for failure in self._recent(source) if failure.keys_of != user_name]
        self._failures.pop(source, None)
        if kept:
            self._failures[source] = kept

    def delay_seconds(self, address: Address) -> float:
        """Return how long the next refusal to this address is held back."""
        failures = len(self._recent(_source(address))) - _FAILURES_FREE
        if failures <= 0:
            return 0.0
        return min(_DELAY_SECONDS_FIRST * 2.0 ** (failures - 1), _DELAY_SECONDS_MAX)

    def _recent(self, source: Address) -> list[_Failure]:
        oldest = self._clock.monotonic() - self._limits.ban_seconds
        return [failure for failure in self._failures.get(source, ()) if failure.moment > oldest]

    def _forget_oldest(self) -> None:
        for memory in (self._failures, self._banned_until):
            while len(memory) > _ADDRESSES_MAX:
                del memory[next(iter(memory))]


def _source(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        return ip_network((address, _IPV6_PREFIX), strict=False).network_address
    return address
