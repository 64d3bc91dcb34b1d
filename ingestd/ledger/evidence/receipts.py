"""The seal of a receipt, from what is stored: the same however often the receipt is made."""

from __future__ import annotations

import json

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.evidence.tree_log import read_leaves
from ingestd.ledger.proof.checkpoint import InclusionProof
from ingestd.ledger.proof.frontier import Frontier, Growth
from ingestd.ledger.proof.receipt_seal import ReceiptSeal, SinceReceipt
from ingestd.ledger.proof.tree import Tree
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)


def read_receipt_seal(
    connection: Connection, account: AccountId, upload_id: UploadId
) -> ReceiptSeal | None:
    """Return the seal of an upload's receipt; None where its batch was never signed."""
    values = {"account": account, "upload_id": upload_id}
    row = _SQL.run(connection, "find_receipt", values).one_or_none()
    if row is None:
        return None
    index = int(row.batch_no) - 1
    if row.batch_no == row.receipt_size:
        # The last receipt's: its tree is the one before with this batch behind it.
        before = Frontier.from_bytes(index, bytes(row.receipt_frontier or b""))
        path = Growth(since=before, leaves=[bytes(row.leaf)]).inclusion_proof(index)
    else:
        path = Tree(read_leaves(connection, account, until=index + 1)).inclusion_proof(index)
    continues = row.continues
    return ReceiptSeal(
        batch_no=row.batch_no,
        sealed_at=row.sealed_at,
        rows_sealed=row.rows_sealed,
        amount_posted=row.amount_posted,
        seal_hash=row.hash,
        proof=InclusionProof(index=index, proof=path, note=row.note),
        continues=None if continues is None else SinceReceipt.from_fields(json.loads(continues)),
    )
