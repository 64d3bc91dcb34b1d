"""Delivery: receipts to where the account fetches them, the file to the archive.

It comes after the transaction that decided everything, and may be repeated: a crash in
between leaves an upload that is done and not delivered, which the next start finds.
"""

from __future__ import annotations

from ingestd.database.engine import Database
from ingestd.intake.answering.receipt import (
    csv_of,
    has_csv,
    receipt_name,
    receipt_of,
    render_json,
)
from ingestd.ledger.evidence.signing import SignedTree, Signing
from ingestd.ledger.evidence.tree_log import note_signed
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, read_file_outcome
from ingestd.spool.archive.archive import Archive
from ingestd.spool.claimed import remove_claimed
from ingestd.spool.files import make_folder, move_durably, write_durably, write_pieces_durably
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueuedUpload, mark_delivered
from ingestd.values.clock import from_microseconds


def deliver(
    database: Database,
    folders: Folders,
    upload: QueuedUpload,
    *,
    decimals: int,
    archive: Archive | None = None,
    signing: Signing | None = None,
    signed: SignedTree | None = None,
) -> FileOutcome:
    """Write an upload's receipts and archive its file; safe to repeat. Return its outcome.

    Where nodes share an archive, it is there for good afterwards, and here not any more.

    What was signed is noted before: `signed`, where the caller has just committed it, or what the
    database says, since a crash may have come between. Raises StorageError or DatabaseError, and
    is tried again at the next rescan then.
    """
    if signing is not None and signed is not None:
        signing.signed_trees.raise_to(upload.account, signed)
    with database.reading_facts() as connection:
        outcome = read_file_outcome(connection, upload.account, upload.upload_id)
        if outcome is None:
            raise AssertionError("only an upload with an outcome is delivered")
        if signing is not None and signed is None:
            note_signed(connection, upload.account, signing.signed_trees)
        fields = receipt_of(connection, outcome, decimals=decimals)
    write_receipts(database, folders, outcome, fields)
    is_shared = archive is not None and _share(archive, folders, upload, outcome)
    if not is_shared:
        _archive(folders, outcome)
    database.at_once(
        lambda connection: mark_delivered(
            connection, upload.account, upload.upload_id, archived=is_shared
        )
    )
    if is_shared:
        remove_claimed(folders, upload.account, upload.upload_id)
    return outcome


def _share(archive: Archive, folders: Folders, upload: QueuedUpload, outcome: FileOutcome) -> bool:
    """Put a file into the archive that all nodes share; False for one that this node keeps.

    Raises ArchiveAwayError.
    """
    sha256 = outcome.provenance.sha256
    if not archive.is_shared or outcome.provenance.format is None or sha256 is None:
        return False
    source = folders.claimed(outcome.account) / outcome.upload_id / outcome.provenance.filename
    if not upload.archived:
        if not source.exists():
            return False  # it was given up
        archive.put(outcome.account, sha256, source)
    return True


def write_receipts(
    database: Database, folders: Folders, outcome: FileOutcome, fields: dict[str, object]
) -> None:
    """Write the JSON receipt, and the CSV one when any row was not applied."""
    folder = folders.receipts(outcome.account)
    make_folder(folder)
    filename = outcome.provenance.filename
    if has_csv(outcome):
        name = receipt_name(filename, outcome.upload_id, "csv")
        with database.reading() as connection:
            write_pieces_durably(folder / name, csv_of(connection, outcome))
    # The JSON comes last: a client that sees it may rely on the CSV being there.
    name = receipt_name(filename, outcome.upload_id, "json")
    write_durably(folder / name, render_json(fields))


def _archive(folders: Folders, outcome: FileOutcome) -> None:
    source = folders.claimed(outcome.account) / outcome.upload_id
    if not source.is_dir():
        return  # an interrupted upload has no file, and a repeated delivery has archived it
    if outcome.provenance.format is None:
        target = folders.quarantine(outcome.account, outcome.upload_id)
    else:
        received_at = from_microseconds(outcome.provenance.received_at)
        target = folders.archive(outcome.account, outcome.upload_id, received_at)
    make_folder(target.parent)
    move_durably(source, target)
