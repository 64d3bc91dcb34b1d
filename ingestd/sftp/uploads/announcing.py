"""Announcing: a whole upload is known to every node before its client is told OK.

Its bytes are put into the archive that all nodes share, and its row into the queue, where it is not
due before the node that took it had the time to claim it. While the database cannot be told, a note
beside the blob says what the row would. So what was acknowledged outlives this node's disk.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from ingestd.database.engine import Database
from ingestd.formats.names import FormatName, format_of
from ingestd.sftp.tree.incoming import AccountFiles
from ingestd.sftp.uploads.losses import Loss, UploadLostError
from ingestd.spool.archive.archive import Archive
from ingestd.spool.arrivals import Arrival, note_path, render_note, write_note
from ingestd.spool.queue import announce, entry_of_arrival, find_upload, withdraw
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.clock import Clock, to_microseconds
from ingestd.values.errors import ArchiveAwayError, DatabaseError, IngestdError, StorageError
from ingestd.values.identifiers import AccountId, UploadId

CLAIM_SECONDS = 60.0
"""How long a node has to claim what it took, beyond the time in which a file settles."""

_CLAIM_SECONDS_MAX = 240.0  # what is due in more than five minutes is due at once, to the queue
_DATABASE_SECONDS = 3.0
_RECEIPTS_SECONDS = 5.0
_PUTS_AT_ONCE = 8
_ROWS_AT_ONCE = 4

T = TypeVar("T")

log = get_logger("ingestd.sftp")


class NotWithdrawnError(IngestdError):
    """An upload that all nodes know of cannot be withdrawn, as they cannot be told."""

    code = "not_withdrawn"


class Announcing:
    """Tells all nodes of uploads. Belongs to one door, and waits for nothing without a bound."""

    def __init__(
        self,
        *,
        archive: Archive,
        database: Database,
        node: str,
        clock: Clock,
        settle_seconds: float,
    ) -> None:
        self._archive = archive
        self._database = database
        self._node = node
        self._clock = clock
        self._claim_seconds = min(settle_seconds + CLAIM_SECONDS, _CLAIM_SECONDS_MAX)
        # Apart: a database that hangs is not to keep bytes from the archive.
        self._puts = ThreadPoolExecutor(_PUTS_AT_ONCE, thread_name_prefix="archive")
        self._rows = ThreadPoolExecutor(_ROWS_AT_ONCE, thread_name_prefix="announce")
        self._being_told: set[UploadId] = set()

    def close(self) -> None:
        """Let go of the threads; what they do is safe to repeat."""
        self._puts.shutdown(wait=False, cancel_futures=True)
        self._rows.shutdown(wait=False, cancel_futures=True)

    async def announce(self, files: AccountFiles, path: Path, arrival: Arrival) -> Arrival:
        """Let every node be able to process a file; return its arrival, which says how.

        One whose name nobody recognises is not committed, and nobody's business. Safe to repeat,
        also under another name. Raises UploadLostError when the archive is away and nothing is to
        be taken without it, and StorageError.
        """
        format_name = format_of(arrival.filename, takes_catalogs=files.takes_catalogs)
        if format_name is None:
            return arrival
        if arrival.sha256 is None:
            raise AssertionError("only a whole upload is announced")
        put = partial(self._archive.put, arrival.account, arrival.sha256, path)
        try:
            await self._in(self._puts, put)
            arrival = replace(arrival, archived=True)
            if not await self._tell(arrival, format_name):
                noted = replace(arrival, noted=True)
                note = render_note(noted, node=self._node, format=format_name or "")
                put_note = partial(self._archive.put_note, arrival.account, arrival.upload_id, note)
                await self._in(self._puts, put_note)
                arrival = noted
        except ArchiveAwayError as error:
            log.error(
                Event.STORAGE_FAILED,
                account=arrival.account,
                upload_id=arrival.upload_id,
                code=error.code,
                message=error.message,
                detail=error.detail,
            )
            if not self._archive.accepts_when_away:
                raise UploadLostError(Loss.ARCHIVE_AWAY) from error
        return arrival

    async def rename(self, files: AccountFiles, old: str, new: str) -> None:
        """Let all nodes know of a waiting file under another name, before it has that name.

        A name that is recognised commits the file; one that is not takes it back. The caller holds
        the lock on names. Raises UploadLostError, NotWithdrawnError and StorageError.
        """
        arrival = await asyncio.to_thread(files.arrival_of, old)
        if arrival is None or arrival.sha256 is None:
            return  # put there by a hand: it becomes known when it is claimed
        if files.is_recognised(new):
            path = files.folders.incoming(files.account) / old
            renamed = await self.announce(files, path, replace(arrival, filename=new))
            await asyncio.to_thread(write_note, note_path(files.folders, renamed), renamed)
        elif files.is_recognised(old):
            await self.withdraw(arrival)

    async def remove(self, files: AccountFiles, name: str) -> bool:
        """Take a waiting file back from all nodes; False when one has taken it already.

        The caller holds the lock on names. Raises NotWithdrawnError, and StorageError.
        """
        if not files.is_recognised(name):
            return True
        arrival = await asyncio.to_thread(files.arrival_of, name)
        return arrival is None or await self.withdraw(arrival)

    async def withdraw(self, arrival: Arrival) -> bool:
        """Take back what was announced; False when a node has taken the file already.

        Raises NotWithdrawnError when the nodes cannot be told.
        """
        if arrival.upload_id in self._being_told:
            raise NotWithdrawnError("The database has not answered yet whether it was told.")
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                is_taken = await self._in(self._rows, partial(self._withdraw_now, arrival))
            if arrival.noted:
                remove = partial(self._archive.remove_note, arrival.account, arrival.upload_id)
                await self._in(self._puts, remove)
        except (DatabaseError, ArchiveAwayError, TimeoutError) as error:
            raise NotWithdrawnError("The other nodes cannot be told.") from error
        return not is_taken

    def _withdraw_now(self, arrival: Arrival) -> bool:
        account, upload_id = arrival.account, arrival.upload_id
        if self._database.at_once(partial(withdraw, account=account, upload_id=upload_id)):
            return False
        with self._database.reading() as connection:
            return find_upload(connection, account, upload_id) is not None

    async def _tell(self, arrival: Arrival, format_name: FormatName | None) -> bool:
        """Put a row into the queue; False when the database does not answer in time.

        An embedded ledger has no other nodes, and one writer, who may be busy for long.
        """
        if self._database.is_embedded:
            return False
        entry = entry_of_arrival(arrival, format_name=format_name, node=self._node)
        due_at = to_microseconds(self._clock.now()) + round(self._claim_seconds * 1_000_000)
        self._being_told.add(arrival.upload_id)
        telling = self._rows.submit(
            self._database.at_once, partial(announce, entry=entry, due_at=due_at)
        )
        telling.add_done_callback(lambda _: self._being_told.discard(arrival.upload_id))
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                await asyncio.wrap_future(telling)
        except (DatabaseError, TimeoutError):
            return False
        return True

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, work)


@dataclass(frozen=True, slots=True)
class OtherNodes:
    """What a door tells other nodes, and what it shows of theirs; neither, where there are none.

    `bring_receipts` writes the receipts of what they have finished into an account's folder. It
    blocks, and raises DatabaseError and StorageError. `further` are those of accounts whose books
    another database keeps.
    """

    announcing: Announcing | None = None
    bring_receipts: Callable[[AccountId], object] | None = None
    further: Mapping[AccountId, OtherNodes] = field(default_factory=dict, hash=False)

    def of(self, account: AccountId) -> OtherNodes:
        """Return who is told of an account's uploads."""
        return self.further.get(account, self)

    def close(self) -> None:
        """Let go of what tells."""
        for others in (self, *self.further.values()):
            if others.announcing is not None:
                others.announcing.close()

    async def receipts_at_hand(self, account: AccountId) -> None:
        """Have the receipts of all nodes in the folder; those that cannot be had soon are not."""
        if self.bring_receipts is not None:
            with contextlib.suppress(DatabaseError, StorageError, TimeoutError):
                async with asyncio.timeout(_RECEIPTS_SECONDS):
                    await asyncio.to_thread(self.bring_receipts, account)
