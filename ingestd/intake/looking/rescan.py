"""The rescan: what lies in `incoming/` right now, and which of it is ready to be claimed.

File events only make it run sooner; the folder itself is the truth.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from dataclasses import dataclass, field

from ingestd.formats.names import is_recognised, is_temporary
from ingestd.spool.files import storage_errors
from ingestd.spool.folders import Folders
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import Clock
from ingestd.values.identifiers import AccountId

UNRECOGNISED_SECONDS = 3600
# watchdog keeps each event for half a second, in case the other half of a move follows.
EVENT_SECONDS_MAX = 0.5

log = get_logger("ingestd.intake")

_Signature = tuple[int, int, int]  # inode, size, modification time: a change starts the wait anew


@dataclass(slots=True)
class _Sighting:
    signature: _Signature
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one rescan of an account found: names to claim, names to set aside.

    `forgotten` are temporary names, oldest first, that had their time, or are too many; `temporary`
    counts those that have not, too. `next_look_seconds` is when the first file that waits will be
    ready; None when none waits.
    """

    ready: tuple[str, ...]
    unrecognised: tuple[str, ...]
    forgotten: tuple[str, ...]
    temporary: int
    next_look_seconds: float | None


@dataclass(slots=True, kw_only=True)
class Rescan:
    """Remembers what it saw, so that it can tell which files have been quiet for long enough."""

    folders: Folders
    clock: Clock
    settle_seconds: float
    temporary_seconds: float
    temporary_max: int
    _sightings: dict[tuple[AccountId, str], _Sighting] = field(default_factory=dict)
    _skipped: set[tuple[AccountId, str]] = field(default_factory=set)

    def look(self, account: AccountId, *, takes_catalogs: bool) -> Found:
        """Look at an account's `incoming/` once. Raises StorageError when it cannot be read.

        `takes_catalogs` is the account's answer to whether catalog files are claimed.
        """
        now = self.clock.monotonic()
        ready: list[tuple[float, str]] = []
        unrecognised: list[str] = []
        temporary: list[tuple[float, str]] = []
        waits: list[float] = []
        present: set[str] = set()
        files = self._files(account, takes_catalogs=takes_catalogs)
        # One instant for all: each by its own would tell of two which is older as they are read.
        present_time = self.clock.now().timestamp()
        for name, status in files:
            present.add(name)
            placed = present_time - status.st_ctime
            quiet = self._quiet_seconds(account, name, status, now, placed)
            if is_temporary(name):
                temporary.append((placed, name))
            elif not is_recognised(name, takes_catalogs=takes_catalogs):
                if placed >= UNRECOGNISED_SECONDS:
                    unrecognised.append(name)
            elif quiet < self.settle_seconds:
                waits.append(self.settle_seconds - quiet)
            elif _somebody_writes(self.folders, account, name):
                waits.append(max(self.settle_seconds, 0.05))
            else:
                ready.append((status.st_mtime, name))
        self._forget_gone(account, present)
        return Found(
            ready=tuple(name for _, name in sorted(ready)),
            unrecognised=tuple(sorted(unrecognised)),
            forgotten=self._forgotten(account, temporary),
            temporary=len(temporary),
            next_look_seconds=min(waits, default=None),
        )

    def _forgotten(self, account: AccountId, temporary: list[tuple[float, str]]) -> tuple[str, ...]:
        """Return the names that had their time or are too many, but none that is being written.

        What comes through the door is written elsewhere, and is placed anew when it is whole.
        """
        oldest_first = sorted(temporary, reverse=True)
        had_their_time = sum(1 for placed, _ in temporary if placed >= self.temporary_seconds)
        too_many = len(temporary) - self.temporary_max
        count = max(had_their_time, too_many)
        return tuple(
            name
            for _, name in oldest_first[:count]
            if not _somebody_writes(self.folders, account, name)
        )

    def _files(
        self, account: AccountId, *, takes_catalogs: bool
    ) -> list[tuple[str, os.stat_result]]:
        folder = self.folders.incoming(account)
        files: list[tuple[str, os.stat_result]] = []
        with storage_errors(folder):
            try:
                entries = os.scandir(folder)
            except FileNotFoundError:
                return []
            with entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # withdrawn between the two looks
                    if stat.S_ISREG(status.st_mode):
                        files.append((entry.name, status))
                    elif is_recognised(entry.name, takes_catalogs=takes_catalogs):
                        self._skip(account, entry.name)
        return files

    def _quiet_seconds(
        self, account: AccountId, name: str, status: os.stat_result, now: float, placed: float
    ) -> float:
        """Return for how long a file was quiet: as long as it was seen so, and a little before.

        By its own time it may have been so before it was seen; that counts for as long as an
        event may be late, and no longer: another machine's clock may have dated the file.
        """
        signature = (status.st_ino, status.st_size, status.st_mtime_ns)
        sighting = self._sightings.get((account, name))
        if sighting is None or sighting.signature != signature:
            before = min(max(placed, 0.0), EVENT_SECONDS_MAX)
            sighting = _Sighting(signature, now - before)
            self._sightings[account, name] = sighting
        return now - sighting.since

    def _skip(self, account: AccountId, name: str) -> None:
        """Say once that a folder, link or pipe bears a recognised name; it is left alone."""
        if (account, name) not in self._skipped:
            self._skipped.add((account, name))
            log.warning(
                Event.FILE_SKIPPED, account=account, filename=name, reason="not a regular file"
            )

    def _forget_gone(self, account: AccountId, present: set[str]) -> None:
        for key in [key for key in self._sightings if key[0] == account and key[1] not in present]:
            del self._sightings[key]


def _somebody_writes(folders: Folders, account: AccountId, name: str) -> bool:
    """Tell whether a program still has the file open for writing, where the system can tell.

    The kernel grants a read lease only when nobody has a file open for writing. Where
    leases do not exist (network file systems) or are not ours to take, quiet time decides.
    """
    path = folders.incoming(account) / name
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # Whoever opens the file for writing while we hold the lease sends us a signal: the
        # usual one, SIGIO, would end the process, and this one is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False
