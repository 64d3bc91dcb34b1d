"""What the door is given where nodes share a database, or an archive, too."""

from __future__ import annotations

import asyncio
import contextlib

from ingestd.access.keeper import AccessKeeper
from ingestd.config.files.settings import Settings
from ingestd.intake.pipeline import Works
from ingestd.service.files.receipts_elsewhere import ReceiptsElsewhere
from ingestd.service.installation.bootstrap import Installation, node_of
from ingestd.sftp.bounds.bans import Bans
from ingestd.sftp.bounds.shared_bans import EXCHANGE_SECONDS, SharedBans
from ingestd.sftp.uploads.announcing import Announcing, OtherNodes
from ingestd.spool.folders import Folders
from ingestd.values.errors import DatabaseError


def other_nodes(
    works: Works, folders: Folders, keeper: AccessKeeper, settings: Settings
) -> OtherNodes:
    """Return what tells other nodes of uploads, and what brings their receipts."""
    return OtherNodes(
        announcing=_announcing(works, settings) if works.archive.is_shared else None,
        bring_receipts=None
        if works.database.is_embedded
        else _elsewhere(works, folders, keeper, settings).bring,
    )


async def keep_exchanging(installation: Installation, bans: Bans) -> None:
    """Tell other nodes of bans and failed logins, and hear of theirs, until cancelled.

    Never for an embedded ledger.

    A database that is away closes no door, and opens none for long.
    """
    database = installation.database
    shared = SharedBans(database=database, bans=bans, node=node_of(installation.folders))
    while not database.is_embedded:
        with contextlib.suppress(DatabaseError):
            await asyncio.to_thread(shared.exchange)
        await asyncio.sleep(EXCHANGE_SECONDS)
    await asyncio.Event().wait()


def _announcing(works: Works, settings: Settings) -> Announcing:
    return Announcing(
        archive=works.archive,
        database=works.database,
        node=works.node,
        clock=works.clock,
        settle_seconds=settings.intake.settle_seconds,
    )


def _elsewhere(
    works: Works, folders: Folders, keeper: AccessKeeper, settings: Settings
) -> ReceiptsElsewhere:
    return ReceiptsElsewhere(
        database=works.database,
        folders=folders,
        keeper=keeper,
        clock=works.clock,
        node=works.node,
        receipt_days=settings.intake.receipt_days,
    )
