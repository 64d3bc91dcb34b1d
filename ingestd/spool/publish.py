"""Publishing: the one moment at which an upload becomes a file that will be processed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ingestd.formats.names import is_recognised
from ingestd.spool.arrivals import Arrival, note_path, write_note
from ingestd.spool.claimed import take, withdraw
from ingestd.spool.files import move_durably, storage_errors
from ingestd.spool.folders import Folders
from ingestd.values.errors import StorageError


def publish(folders: Folders, staged: Path, arrival: Arrival, *, takes_catalogs: bool) -> Arrival:
    """Make a whole staged file appear in `incoming/`; the caller has fsynced its bytes.

    Afterwards the file, its name and its note survive a power cut, and the client may be
    told OK. A file of the same recognised name that was acknowledged earlier and still waits
    is not lost: it is claimed as an upload of its own; `takes_catalogs` is the account's part
    in which names those are. Returns the arrival with its inode. Raises StorageError, and then
    nothing was promised and nothing is published: the file is back in its place, unless it was
    taken already, or the disk lets nothing be moved any more.
    """
    target = folders.incoming(arrival.account) / arrival.filename
    with storage_errors(staged):
        arrival = replace(arrival, inode=staged.stat().st_ino)
    if is_recognised(target.name, takes_catalogs=takes_catalogs):
        make_way(folders, arrival, target)
    note = note_path(folders, arrival)
    # Not where it goes: each step of writing it there would wake whoever watches that folder.
    write_note(note, arrival, unfinished_in=staged.parent)
    try:
        move_durably(staged, target)
    except (OSError, StorageError):
        # Renamed already, perhaps, and only its folder's sync failed.
        if staged.exists() or withdraw(folders, arrival, staged):
            note.unlink(missing_ok=True)
        raise
    return arrival


def make_way(folders: Folders, arrival: Arrival, target: Path) -> None:
    """Claim what waits at `target`, so that a new file replaces nothing acknowledged."""
    if os.path.lexists(target):
        take(folders, arrival.account, target.name)


def keep_partial(folders: Folders, staged: Path, arrival: Arrival) -> None:
    """Keep what arrived of an interrupted upload aside, and tell the intake.

    Raises StorageError; the bytes were never acknowledged, so nothing is lost then.
    """
    move_durably(staged, folders.partials(arrival.account) / arrival.filename)
    write_note(note_path(folders, arrival), arrival)
