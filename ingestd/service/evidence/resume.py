"""Resuming the books after a restore that was wanted, and the keys that signatures are held to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ingestd.database.engine import Database
from ingestd.ledger.books.head import lock_head
from ingestd.ledger.evidence.publishing import note
from ingestd.ledger.evidence.resuming import Resumption, is_continued, resume
from ingestd.ledger.evidence.seals import Seal
from ingestd.ledger.evidence.signing import SignedTree, SignedTrees, Signing
from ingestd.ledger.proof.malformed import write_base64
from ingestd.values.clock import Clock, to_microseconds
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId

Answer = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class _StartingOver:
    """What was signed last counts no more; what is signed now takes its place."""

    kept: SignedTrees

    def read(self, _account: AccountId) -> SignedTree | None:
        return None

    def raise_to(self, account: AccountId, tree: SignedTree) -> None:
        self.kept.start_over(account, tree)

    def start_over(self, account: AccountId, tree: SignedTree) -> None:
        self.kept.start_over(account, tree)


def resume_account(
    database: Database, clock: Clock, signing: Signing, account: AccountId, *, by: str, reason: str
) -> Answer | None:
    """Resume an account's books; return what was lost, or None where they are as they were signed.

    Raises ClockBehindError, StorageError and DatabaseError.
    """
    kept = signing.signed_trees
    freed = replace(signing, signed_trees=_StartingOver(kept=kept))
    with database.connection() as connection:

        def write() -> tuple[SignedTree | None, Seal] | None:
            head = lock_head(connection, account)
            try:
                lost = kept.read(account)
                if is_continued(connection, head, signing):
                    return None
            except StorageError:
                lost = None  # damaged: nobody knows any more what was lost
            now = to_microseconds(clock.now())
            resumption = Resumption(lost=lost, by=by, reason=reason)
            return lost, resume(connection, head, freed, resumption, now=now)

        done = database.transact(connection, write)
    if done is None:
        return None
    lost, seal = done
    signed = seal.tree.signed
    if signed is not None:
        note(account, signed, freed)
    return {
        "account": account,
        "origin": None if signed is None else signed.origin,
        "batch_no": seal.batch_no,
        "lost_origin": None if lost is None else lost.origin,
        "lost_size": None if lost is None else lost.size,
        "lost_root": None if lost is None else write_base64(lost.frontier.root()),
        "resumed_by": by,
        "reason": reason,
    }
