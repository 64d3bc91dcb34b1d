"""What a data folder knows of its ledger, and what shows that it has processed something."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestd.spool.files import make_folder, storage_errors, write_durably
from ingestd.spool.folders import Folders
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import (
    LEDGER_ID_PATTERN,
    UPLOAD_ID_PATTERN,
    AccountId,
    LedgerId,
    UploadId,
)

_ARCHIVED_MAX = 100  # as many are looked for in a ledger, to tell whether it knows the folder


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLedger:
    """The ledger that a data folder belongs to.

    The id alone decides; `place` tells people which database it was last found in.
    """

    ledger_id: LedgerId
    place: str


def read_known_ledger(folders: Folders) -> KnownLedger | None:
    """Return the ledger that the folder belongs to, or None when it knows none.

    Raises StorageError for a file that cannot be read, or holds no id.
    """
    path = folders.ledger_id
    with storage_errors(path):
        try:
            text = path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return None
    ledger_id, _, place = map(str.strip, text.partition("\n"))
    if LEDGER_ID_PATTERN.fullmatch(ledger_id) is None:
        raise StorageError(
            f"{path} holds no ledger's id. Put it back from the backup; or, if the database that "
            "the config names is the right one: ingestd init --adopt-ledger"
        )
    return KnownLedger(ledger_id=LedgerId(ledger_id), place=place)


def write_known_ledger(folders: Folders, known: KnownLedger) -> None:
    """Let the folder belong to a ledger from now on; it survives a power cut."""
    make_folder(folders.data_dir)
    write_durably(folders.ledger_id, f"{known.ledger_id}\n{known.place}\n".encode())
    if os.geteuid() == 0:
        # Written by a command of root's, it must still be the daemon's to read.
        owner = folders.data_dir.stat()
        os.chown(folders.ledger_id, owner.st_uid, owner.st_gid)


def holds_uploads(folders: Folders) -> bool:
    """Tell whether uploads were processed in this folder, or taken to be.

    What is still arriving, or waits to be claimed, may go into any ledger.
    """
    working, serving = _folders_in(folders.work), _folders_in(folders.spool)
    return any(
        map(
            _holds_file,
            itertools.chain(
                (folders.data_dir / "archive", folders.data_dir / "quarantine"),
                (folders.claimed(AccountId(account.name)) for account in working),
                (folders.receipts(AccountId(account.name)) for account in serving),
            ),
        )
    )


def archived_uploads(folders: Folders) -> list[tuple[AccountId, UploadId]]:
    """Return some uploads that the folder's ledger must know, as they have an outcome there."""
    found = (
        (AccountId(account.name), UploadId(upload.name))
        for account in _folders_in(folders.data_dir / "archive")
        for month in sorted(_folders_in(account), reverse=True)
        for upload in _folders_in(month)
        if UPLOAD_ID_PATTERN.fullmatch(upload.name)
    )
    return list(itertools.islice(found, _ARCHIVED_MAX))


def _holds_file(folder: Path) -> bool:
    """Tell whether there is a file at any depth; one is enough, however many there are."""
    with storage_errors(folder):
        try:
            entries = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        with entries:
            return any(
                not entry.is_dir(follow_symlinks=False) or _holds_file(Path(entry.path))
                for entry in entries
            )


def _folders_in(folder: Path) -> Iterator[Path]:
    with storage_errors(folder):
        try:
            entries = os.scandir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        with entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield Path(entry.path)
