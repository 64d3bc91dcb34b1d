"""Upkeep: old receipts, partials, and copies for a look go; nothing acknowledged ever does."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ingestd.spool.files import clear_unfinished, storage_errors
from ingestd.spool.folders import Folders
from ingestd.values.clock import Clock
from ingestd.values.identifiers import AccountId

_SWEEP_SECONDS = 600.0
PREVIEW_HOURS = 24
_FETCHED_HOURS = 24  # since somebody looked into it last


@dataclass(slots=True, kw_only=True)
class Upkeep:
    """Removes what has had its time, at most every ten minutes for each account."""

    folders: Folders
    clock: Clock
    partial_hours: float
    receipt_days: int
    _swept: dict[AccountId, float] = field(default_factory=dict)

    def sweep(self, account: AccountId) -> int:
        """Remove an account's files that have had their time; return how many went.

        A receipt can be made again from the database for ever.
        """
        now = self.clock.monotonic()
        if now - self._swept.get(account, -_SWEEP_SECONDS) < _SWEEP_SECONDS:
            return 0
        self._swept[account] = now
        hour = 3600.0
        for folder in self._written_by_us(account):
            # What is written now is finished within moments, whatever its size.
            clear_unfinished(folder, older_than_seconds=hour, now=self.clock.now().timestamp())
        return (
            self._remove_older(self.folders.receipts(account), self.receipt_days * 24 * hour)
            + self._remove_older(self.folders.partials(account), self.partial_hours * hour)
            + self._remove_older(self.folders.previews(account), PREVIEW_HOURS * hour)
            + self._remove_older(self.folders.fetched(account), _FETCHED_HOURS * hour)
        )

    def _written_by_us(self, account: AccountId) -> tuple[Path, ...]:
        """The folders in which notes and receipts are written, and what belongs to no account."""
        folders = self.folders
        return (
            folders.receipts(account),
            folders.arrivals(account),
            folders.last_signed,
            folders.data_dir,
        )

    def _remove_older(self, folder: Path, seconds: float) -> int:
        limit = self.clock.now().timestamp() - seconds
        removed = 0
        with storage_errors(folder), os.scandir(folder) as entries:
            for entry in entries:
                try:
                    is_file = entry.is_file(follow_symlinks=False)
                    is_old = entry.stat(follow_symlinks=False).st_mtime < limit
                except FileNotFoundError:
                    continue  # a receipt just written, or a partial just resumed
                if is_file and is_old:
                    Path(entry.path).unlink(missing_ok=True)
                    removed += 1
        return removed
