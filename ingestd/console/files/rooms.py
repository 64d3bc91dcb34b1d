"""The pages of files, in the menu's order."""

from __future__ import annotations

from ingestd.console.door.rights import Asked
from ingestd.console.files.drops import ELECTRONIC_RECEIPTS, QUEUED_CHARGES, Drops
from ingestd.console.files.lists import Lists
from ingestd.console.files.story import Stories
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.files.kept_files import KeptFiles
from ingestd.service.files.previews import Previews
from ingestd.service.files.stored_bytes import StoredBytes
from ingestd.service.installation.bootstrap import node_of


def counters(surroundings: Surroundings) -> tuple[Asked, ...]:
    """Return the pages where files are dropped: for charges, and for payments."""
    installation, receiver = surroundings.installation, surroundings.receiver
    kept = KeptFiles(receiver=receiver, clock=installation.clock)
    previews = Previews(kept, works=installation.works())
    return tuple(
        asked
        for counter in (QUEUED_CHARGES, ELECTRONIC_RECEIPTS)
        for asked in Drops(
            counter,
            previews=previews,
            installation=installation,
            bytes_max=receiver.limits.max_upload_bytes,
        ).asked()
    )


def uploads(surroundings: Surroundings) -> tuple[Asked, ...]:
    """Return the pages that show what came, and what became of it."""
    installation = surroundings.installation
    stored = StoredBytes(
        folders=installation.folders,
        archive=installation.archive(),
        nodes=frozenset(node_of(shard.folders) for shard in installation.shards),
        disk_reserve_bytes=surroundings.receiver.limits.disk_reserve_bytes,
    )
    stories = Stories(installation, surroundings.receiver, stored)
    return (*Lists(installation).asked(), *stories.asked())
