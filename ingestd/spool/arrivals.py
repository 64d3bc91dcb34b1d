"""Arrival notes: what a door knows about an upload, left for the intake to find.

A door never waits for the database. It writes a note next to the file; the intake takes
the note with the file and records both. A file without a note was copied in by hand.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from datetime import datetime
from pathlib import Path

from ingestd.spool.files import storage_errors, write_durably
from ingestd.spool.folders import Folders
from ingestd.values.clock import format_instant
from ingestd.values.identifiers import AccountId, UploadId

NOTE_SUFFIX = ".json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One upload as the door saw it end.

    `source` is the door, and `sent_by` the user or token where it came by HTTP. `whole` tells a
    published file from an interrupted one; `sha256` is None when the bytes are not kept; `inode`
    is how a published file is known again after renames; `loss` says why an upload is not whole,
    in a word of the door's. `archived`: its bytes are in the archive that all nodes share; `noted`:
    so is this note, since the database could not be told.
    """

    upload_id: UploadId
    account: AccountId
    filename: str
    whole: bool
    size_bytes: int
    sha256: str | None
    received_at: datetime
    peer: str | None = None
    session_id: str | None = None
    key_fingerprint: str | None = None
    client_version: str | None = None
    inode: int = 0
    loss: str | None = None
    source: str = "sftp"
    sent_by: str | None = None
    archived: bool = False
    noted: bool = False


_FIELDS = frozenset(field.name for field in fields_of(Arrival))


def note_path(folders: Folders, arrival: Arrival) -> Path:
    """Return where an upload's note lies until the intake takes it.

    The file's inode stands in the name, so that the note of a file is found among thousands
    without reading them; 0 stands for an upload that is not whole.
    """
    inode = arrival.inode if arrival.whole else 0
    return folders.arrivals(arrival.account) / f"{arrival.upload_id}.{inode}{NOTE_SUFFIX}"


def write_note(path: Path, arrival: Arrival, *, unfinished_in: Path | None = None) -> None:
    """Leave a note; afterwards it survives a power cut. Raises StorageError.

    It is written in `unfinished_in`, on the same file system; else beside `path`.
    """
    write_durably(path, render_note(arrival), unfinished_in=unfinished_in)


def render_note(arrival: Arrival, **more: str) -> bytes:
    """Return a note's bytes; `more` stands beside what the door knows."""
    fields = asdict(arrival) | {"received_at": format_instant(arrival.received_at)} | more
    return json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogateescape")


def read_note(path: Path) -> Arrival | None:
    """Return a note, or None when it is gone or is not one (a hand put it there).

    Raises StorageError when it cannot be read.
    """
    with storage_errors(path), contextlib.suppress(FileNotFoundError, IsADirectoryError):
        return parse_note(path.read_bytes())
    return None


def parse_note(note: bytes) -> Arrival | None:
    """Return what a note says, or None when it is none; what stands beside it is left out."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        told = json.loads(note.decode("utf-8", "surrogateescape"))
        fields = {name: value for name, value in told.items() if name in _FIELDS}
        return Arrival(**fields | {"received_at": datetime.fromisoformat(fields["received_at"])})
    return None


def list_notes(folders: Folders, account: AccountId) -> list[Arrival]:
    """Return an account's notes, oldest upload first."""
    return _read_notes(folders, account, NOTE_SUFFIX)


def list_interrupted(folders: Folders, account: AccountId) -> list[Arrival]:
    """Return the notes of uploads that are not whole, oldest first."""
    notes = _read_notes(folders, account, f".0{NOTE_SUFFIX}")
    return [note for note in notes if not note.whole]


def notes_of_file(folders: Folders, account: AccountId, inode: int) -> list[Arrival]:
    """Return the notes of a published file, oldest first; only the last is surely its own."""
    notes = _read_notes(folders, account, f".{inode}{NOTE_SUFFIX}")
    return [note for note in notes if note.whole and note.inode == inode]


def note_of_upload(folders: Folders, account: AccountId, upload_id: str) -> Arrival | None:
    """Return the note of one upload, or None."""
    notes = _read_notes(folders, account, NOTE_SUFFIX, prefix=f"{upload_id}.")
    return notes[0] if notes else None


def _read_notes(
    folders: Folders, account: AccountId, suffix: str, *, prefix: str = ""
) -> list[Arrival]:
    folder = folders.arrivals(account)
    with storage_errors(folder):
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            return []
    notes = [
        read_note(folder / name)
        for name in names
        if name.endswith(suffix) and name.startswith(prefix) and not name.startswith(".")
    ]
    return [note for note in notes if note is not None]
