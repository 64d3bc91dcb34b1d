"""Limits of the door: how many, how long, how much."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ingestd.access.allowlist import Address, Network

MIB = 1024 * 1024


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
