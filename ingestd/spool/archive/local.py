"""The archive of a node that shares none: its own folder, to which a file is moved in the end.

An upload's bytes lie on this disk from their fsync on, wherever they are moved. So there is nothing
to put before, and nowhere to fetch from.
"""

from __future__ import annotations

from pathlib import Path

from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId, UploadId


class LocalArchive:
    """What an upload's bytes are kept in unless `archive_url` names a shared archive."""

    is_shared = False
    accepts_when_away = False
    trouble = ""

    def put(self, account: AccountId, sha256: str, path: Path) -> None:
        """Do nothing: the bytes are where they are kept."""

    def fetch(self, account: AccountId, sha256: str, path: Path) -> None:
        """Raise StorageError: there is no other copy."""
        raise StorageError(f"{path} is not there, and there is no other copy. Check the disk.")

    def holds(self, account: AccountId, sha256: str) -> bool:
        """Return False: nothing is kept under a hash."""
        return False

    def put_note(self, account: AccountId, upload_id: UploadId, note: bytes) -> None:
        """Do nothing: the arrival note lies on the same disk as the bytes."""

    def read_notes(self, account: AccountId) -> list[tuple[UploadId, bytes]]:
        """Return none: see `spool.arrivals`."""
        return []

    def remove_note(self, account: AccountId, upload_id: UploadId) -> None:
        """Do nothing: there is none."""

    def ask(self) -> None:
        """Do nothing: readiness asks the disk."""

    def examine(self) -> str:
        """Return that it is a folder."""
        return "a folder of this node"
