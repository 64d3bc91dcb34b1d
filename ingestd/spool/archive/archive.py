"""What an archive does, whichever it is; and where blobs and notes lie in one that is shared.

A blob is an upload's bytes under their hash: the same bytes are one blob of their account, and
nobody can put others in their place without being noticed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingestd.values.identifiers import AccountId, UploadId


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveWaits:
    """How long an archive is waited for, in seconds: one answer, and a request with its repeats."""

    connect: float = 3.0
    answer: float = 10.0
    repeats: float = 8.0


class Archive(Protocol):
    """Keeps the bytes of uploads. Every method blocks, for a time that is bounded.

    Where it says so, it raises ArchiveAwayError when the archive cannot be reached, is too slow, or
    lets nobody in.
    """

    @property
    def is_shared(self) -> bool:
        """Whether every node reaches what is kept, so that any of them can process it."""

    @property
    def accepts_when_away(self) -> bool:
        """Whether uploads are taken while it is away, with no copy but on this node's disk."""

    @property
    def trouble(self) -> str:
        """Why something that was asked lately was not answered, in words for people, or nothing.

        It is forgotten once the like of it is answered, or `examine` finds nothing wrong.
        """

    def put(self, account: AccountId, sha256: str, path: Path) -> None:
        """Keep a file's bytes for good, under their hash; safe to repeat.

        A blob that is there already is read back: other bytes under this hash are set aside, and
        replaced. Raises ArchiveAwayError, and StorageError when the file does not have this hash.
        """

    def fetch(self, account: AccountId, sha256: str, path: Path) -> None:
        """Put a blob at `path`, whole and with its own hash, or not at all.

        Raises ArchiveAwayError, WrongBlobError when other bytes are kept under the hash, and
        StorageError when none are.
        """

    def holds(self, account: AccountId, sha256: str) -> bool:
        """Tell whether something is kept under a hash. Raises ArchiveAwayError."""

    def put_note(self, account: AccountId, upload_id: UploadId, note: bytes) -> None:
        """Keep a note beside the blobs, in place of an earlier one. Raises ArchiveAwayError."""

    def read_notes(self, account: AccountId) -> list[tuple[UploadId, bytes]]:
        """Return an account's notes, oldest upload first. Raises ArchiveAwayError."""

    def remove_note(self, account: AccountId, upload_id: UploadId) -> None:
        """Remove a note, if there is one. Raises ArchiveAwayError."""

    def ask(self) -> None:
        """Return once it answers a small question. Raises ArchiveAwayError."""

    def examine(self) -> str:
        """Write, read, list and remove something; return what was found, in words for people.

        Raises ArchiveAwayError, and StorageError when it gives back something else.
        """


def blob_key(account: AccountId, sha256: str) -> str:
    """Return where a blob lies, below the archive's prefix; `sha256` is in hex."""
    return f"{account}/sha256/{sha256[:2]}/{sha256}"


def wrong_key(key: str) -> str:
    """Return where bytes are set aside that were found under a hash that is not theirs."""
    return f"{key}.wrong"


def notes_prefix(account: AccountId) -> str:
    """Return what the keys of an account's notes begin with."""
    return f"{account}/notes/"
