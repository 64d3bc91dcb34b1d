"""Publishing: what is done once a batch is committed, before anybody outside hears of its root."""

from __future__ import annotations

from collections.abc import Sequence

from ingestd.ledger.evidence.seals import Seal
from ingestd.ledger.evidence.signing import SignedTree, Signing
from ingestd.ledger.evidence.tree_log import SealedLine
from ingestd.ledger.proof.malformed import write_base64
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.values.errors import StorageError
from ingestd.values.identifiers import AccountId

log = get_logger("ingestd.ledger")


def publish(seal: Seal, signing: Signing | None) -> None:
    """Note what was signed, and write the batch's line in the log."""
    leaf, tree = seal.leaf, seal.tree
    own = SealedLine(
        leaf.account,
        leaf.batch_no,
        leaf.upload_id,
        leaf.seal_hash,
        leaf.rows_sealed,
        tree.root,
    )
    publish_lines([*tree.untold, own], tree.signed, signing)


def publish_lines(
    lines: Sequence[SealedLine], signed: SignedTree | None, signing: Signing | None
) -> None:
    """Note the last tree that was signed, and write the lines of one account's batches.

    Where it cannot be noted, they are without roots: nothing that was signed may leave the house
    before.
    """
    is_noted = True
    if signing is not None and signed is not None and lines:
        is_noted = note(AccountId(lines[0].account), signed, signing)
    for line in lines:
        upload = {} if line.upload_id is None else {"upload_id": line.upload_id}
        log.info(
            Event.LEDGER_SEALED,
            account=line.account,
            **upload,
            batch_no=line.batch_no,
            hash=line.hash,
            rows_sealed=line.rows_sealed,
            size=line.batch_no,
            root=write_base64(line.root) if is_noted else None,
        )


def note(account: AccountId, signed: SignedTree, signing: Signing) -> bool:
    """Note a tree that was signed and committed; tell whether that worked."""
    try:
        signing.signed_trees.raise_to(account, signed)
    except StorageError as error:
        # The batch is in the books: whatever leaves the house later tries again before.
        log.error(Event.STORAGE_FAILED, account=account, code=error.code, message=error.message)
        return False
    return True
