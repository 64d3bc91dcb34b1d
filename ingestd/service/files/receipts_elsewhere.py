"""Receipts of files that other nodes processed: rendered from their rows when somebody looks.

What lies in `receipts/` is a cache. A client that lists it, or asks for one file, finds what any
node has finished by then.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.intake.answering.delivery import write_receipts
from ingestd.intake.answering.receipt import receipt_name, receipt_of
from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from ingestd.spool.folders import Folders
from ingestd.values.clock import Clock, to_microseconds
from ingestd.values.identifiers import AccountId, UploadId
from ingestd.values.money import decimals_of

_SQL = Statements(__file__)

_FRESH_SECONDS = 1.0
_RECEIPTS_AT_ONCE = 500


@dataclass(slots=True, kw_only=True)
class ReceiptsElsewhere:
    """Brings receipts of other nodes' files into an account's folder on this one."""

    database: Database
    folders: Folders
    keeper: AccessKeeper
    clock: Clock
    node: str
    receipt_days: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _seen: dict[AccountId, int] = field(default_factory=dict)
    _asked_at: dict[AccountId, float] = field(default_factory=dict)

    def bring(self, account: AccountId) -> int:
        """Write what other nodes have finished since it was asked last; return how many that were.

        It is asked once a second at most. Raises DatabaseError and StorageError.
        """
        with self._lock:
            now = self.clock.monotonic()
            if now - self._asked_at.get(account, -_FRESH_SECONDS) < _FRESH_SECONDS:
                return 0
            written = self._bring_new(account)
            self._asked_at[account] = now
            return written

    def _bring_new(self, account: AccountId) -> int:
        since = self.clock.now() - timedelta(days=self.receipt_days)
        values = {
            "account": account,
            "node": self.node,
            "after": self._seen.get(account, 0),
            "since": to_microseconds(since),
            "limit": _RECEIPTS_AT_ONCE,
        }
        known = self.keeper.current.accounts.get(account)
        decimals = 2 if known is None else decimals_of(known.currency)
        written = 0
        with self.database.reading() as connection:
            finished = _SQL.run(connection, "find_finished_elsewhere", values).all()
        for row in finished:
            upload_id = UploadId(row.upload_id)
            name = receipt_name(row.filename, upload_id, "json")
            if not (self.folders.receipts(account) / name).exists():
                self._write(account, upload_id, decimals)
                written += 1
            self._seen[account] = row.batch_no
        return written

    def _write(self, account: AccountId, upload_id: UploadId, decimals: int) -> None:
        with self.database.reading_facts() as connection:
            outcome = read_file_outcome(connection, account, upload_id)
            if outcome is None:
                raise AssertionError("what is finished has an outcome")
            fields = receipt_of(connection, outcome, decimals=decimals)
        write_receipts(self.database, self.folders, outcome, fields)
