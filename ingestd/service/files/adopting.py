"""Adopting what a lost node had acknowledged, and whose bytes are in the archive of all nodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from ingestd.database.engine import Database
from ingestd.spool.archive.archive import Archive
from ingestd.spool.arrivals import Arrival, parse_note
from ingestd.spool.nodes import list_nodes
from ingestd.spool.queue import (
    QueuedUpload,
    adopt,
    enqueue,
    entry_of_arrival,
    list_kept_by_nodes,
)
from ingestd.values.identifiers import AccountId, UploadId

ADOPTED = "adopted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An upload that a node alone knew of or had, and what became of it: adopted, or why not."""

    upload_id: UploadId
    filename: str
    node: str
    what: str


def adopt_uploads(
    database: Database, archive: Archive, account: AccountId, *, node: str
) -> list[Adoption]:
    """Let any node process what a node that is not live had, where the archive has its bytes.

    That is what such a node noted while the database was away, and what it took while the archive
    was, and somebody has put there since. Safe to repeat. `node` is the one that asks. Raises
    ArchiveAwayError and DatabaseError.
    """
    with database.reading() as connection:
        live = {each.node for each in list_nodes(connection) if each.is_live}
        kept = list_kept_by_nodes(connection, account)
    return [
        *_adopt_noted(database, archive, account, node=node, live=live),
        *(_adopt_kept(database, archive, each, live=live) for each in kept),
    ]


def _adopt_noted(
    database: Database, archive: Archive, account: AccountId, *, node: str, live: set[str]
) -> Iterator[Adoption]:
    for upload_id, text in archive.read_notes(account):
        arrival = parse_note(text)
        if arrival is None or (arrival.upload_id, arrival.account) != (upload_id, account):
            yield Adoption(upload_id=upload_id, filename="", node="", what="not a note of ours")
            continue
        told = json.loads(text)
        what = _why_not(archive, arrival, noted_by=told["node"], live=live)
        if not what:
            entry = entry_of_arrival(arrival, format_name=told["format"] or None, node=node)
            # Not at once: the note goes only if the ledger is in force that has the row.
            database.write(partial(enqueue, entry=entry))
            archive.remove_note(account, upload_id)
        yield Adoption(
            upload_id=upload_id, filename=arrival.filename, node=told["node"], what=what or ADOPTED
        )


def _adopt_kept(
    database: Database, archive: Archive, upload: QueuedUpload, *, live: set[str]
) -> Adoption:
    account, upload_id = upload.account, upload.upload_id
    what = ADOPTED
    if upload.node in live:
        what = "its node is live, and processes it"
    elif upload.sha256 is None or not archive.holds(account, upload.sha256):
        what = "the archive does not have its bytes: see ingestd uploads give-up"
    elif not database.write(partial(adopt, account=account, upload_id=upload_id)):
        what = "taken up a moment ago: look again"
    return Adoption(upload_id=upload_id, filename=upload.filename, node=upload.node, what=what)


def _why_not(archive: Archive, arrival: Arrival, *, noted_by: str, live: set[str]) -> str:
    if noted_by in live:
        return "its node is live, and queues it"
    if arrival.sha256 is None or not archive.holds(arrival.account, arrival.sha256):
        return "the archive does not have its bytes"
    return ""
