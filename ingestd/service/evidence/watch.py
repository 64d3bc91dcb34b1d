"""The daemon's evidence: what commands sealed is signed and told; the witness gets it all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.ledger.books.head import lock_head, store_head
from ingestd.ledger.evidence.outbox import Outgoing, count_outbox, forget_sent, read_outbox
from ingestd.ledger.evidence.publishing import publish_lines
from ingestd.ledger.evidence.signing import Signing
from ingestd.ledger.evidence.tree_log import (
    SealedLine,
    catch_up,
    find_behind,
    note_signed,
    read_signed_tree,
)
from ingestd.service.evidence.witness import CheckpointConflictError, Witness
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.errors import IngestdError, LedgerRolledBackError
from ingestd.values.identifiers import AccountId

_LOOK_SECONDS = 1.0
_PAUSE_SECONDS_MAX = 300.0
_SENT_AT_ONCE = 200

log = get_logger("ingestd.service")


@dataclass(slots=True, kw_only=True)
class EvidenceWatch:
    """Signs and tells of what commands sealed, and empties the witness's outbox.

    The witness is left alone for longer and longer while it fails.
    """

    database: Database
    signing: Signing
    witness: Witness | None
    metrics: Metrics
    monotonic: Callable[[], float]
    _told: set[object] = field(default_factory=set)
    _pause_seconds: float = 0.0
    _next_try: float = 0.0

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        """Do what is to be done now; what fails is told once, and tried again."""
        try:
            self._catch_up()
            if self.witness is not None and self.monotonic() >= self._next_try:
                self._send(self.witness)
            self._told.discard("trouble")
        except IngestdError as error:
            if "trouble" not in self._told:
                self._told.add("trouble")
                log.error(
                    Event.WORKER_FAILED, where="evidence", error=error.message, will_retry=True
                )

    def _catch_up(self) -> None:
        with self.database.reading() as connection:
            accounts = find_behind(connection)
        for account in accounts:
            try:
                self._catch_up_with(account)
                self._told.discard(account)
            except LedgerRolledBackError as error:
                if account not in self._told:
                    self._told.add(account)
                    log.critical(Event.LEDGER_ROLLED_BACK, account=account, error=error.message)

    def _catch_up_with(self, account: AccountId) -> None:

        def write(connection: Connection) -> Sequence[SealedLine]:
            head = lock_head(connection, account)
            lines = catch_up(connection, head, self.signing)
            store_head(connection, head)
            return lines

        lines = self.database.write(write)
        with self.database.reading() as connection:
            signed = read_signed_tree(connection, account)
        publish_lines(lines, signed, self.signing)

    def _send(self, witness: Witness) -> None:
        with self.database.reading() as connection:
            waiting = count_outbox(connection)
            outgoing = read_outbox(connection, limit=_SENT_AT_ONCE)
        noted: set[AccountId] = set()
        for checkpoint in outgoing:
            if checkpoint.account not in noted:
                with self.database.reading() as connection:
                    note_signed(connection, checkpoint.account, self.signing.signed_trees)
                noted.add(checkpoint.account)
            waiting -= self._send_one(witness, checkpoint)
            self.metrics.witness_behind.set(waiting)
            if self._next_try > self.monotonic():
                return
        self.metrics.witness_behind.set(waiting)
        if "witness" in self._told:
            self._told.discard("witness")
            log.info(Event.WITNESS_RESTORED)

    def _send_one(self, witness: Witness, checkpoint: Outgoing) -> bool:
        try:
            witness.send(checkpoint)
        except CheckpointConflictError as error:
            # It stays in the outbox: whoever looks into this has to know of it.
            if checkpoint not in self._told:
                self._told.add(checkpoint)
                log.critical(
                    Event.CHECKPOINT_CONFLICT,
                    account=checkpoint.account,
                    size=checkpoint.size,
                    error=error.message,
                )
            return False
        except IngestdError as error:
            self._pause_seconds = min(max(1.0, 2 * self._pause_seconds), _PAUSE_SECONDS_MAX)
            self._next_try = self.monotonic() + self._pause_seconds
            if "witness" not in self._told:
                self._told.add("witness")
                log.error(Event.WITNESS_DELAYED, account=checkpoint.account, error=error.message)
            return False
        self._pause_seconds = 0.0
        self.database.write(lambda connection: forget_sent(connection, checkpoint))
        return True
