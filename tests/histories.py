"""Histories of an account's books as its district sees them: receipts, checkpoints, keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from ingestd.ledger.proof.checkpoint import Checkpoint, Continuation, InclusionProof, origin_of
from ingestd.ledger.proof.frontier import Frontier, Growth
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.note import Signer, sign_note
from ingestd.ledger.proof.receipt_seal import ReceiptSeal, SinceReceipt
from ingestd.ledger.proof.statement import (
    StatedFinding,
    StatedRows,
    StatedTotal,
    Statement,
)
from ingestd.ledger.proof.tree import Tree

LEDGER = "ledger.example"
SEED = bytes(range(32))


def some_receipt(number: int, account: str = "SPRINGFIELD") -> dict[str, Any]:
    """Return a receipt without its seal, with something in each of its fields."""
    return {
        "receipt_version": 1,
        "upload_id": f"01K{number:023d}",
        "account": account,
        "filename": f"fee_payments_é_{number}.csv",
        "format": "fee_payments",
        "sha256": sha256(b"%d" % number).hexdigest(),
        "size_bytes": 1000 + number,
        "received_at": "2026-11-22T06:01:02Z",
        "finished_at": "2026-11-22T06:01:03Z",
        "status": "processed_with_findings",
        "rows": {"total": 5, "applied": 2, "duplicate": 1, "conflict": 1, "rejected": 1},
        "applied_amount": "31.50",
        "batches": [{"merchant_id": "M1", "batch_num": "B7", "rows": 2, "amount": "31.50"}],
        "findings": [
            {
                "row": 4,
                "line": 5,
                "column": "amount",
                "code": "amount_invalid",
                "value": "1E+2",
                "message": "Write the amount as digits.",
            },
        ],
        "findings_omitted": 2,
        "findings_by_code": {"amount_invalid": 2, "date_invalid": 1},
    }


def statement_of(receipt: dict[str, Any]) -> Statement:
    """Return what a receipt states, as the daemon knows it before it writes the receipt."""
    totals = receipt.get("batches")
    return Statement(
        upload_id=receipt["upload_id"],
        account=receipt["account"],
        filename=receipt["filename"],
        format=receipt["format"],
        sha256=receipt["sha256"],
        size_bytes=receipt["size_bytes"],
        received_at=receipt["received_at"],
        finished_at=receipt["finished_at"],
        status=receipt["status"],
        rows=None if receipt["rows"] is None else StatedRows(**receipt["rows"]),
        applied_amount=receipt["applied_amount"],
        totals=totals
        and [
            StatedTotal(**{**total, "amount": int(total["amount"].replace(".", ""))})
            for total in totals
        ],
        findings=[StatedFinding(**finding) for finding in receipt["findings"]],
        findings_omitted=receipt["findings_omitted"],
    )


@dataclass
class History:
    """An account's books from outside: every batch in order, and what was handed out."""

    signers: Sequence[bytes] = (SEED,)
    account: str = "SPRINGFIELD"
    origin_no: int = 1
    leaves: list[bytes] = field(default_factory=list)
    frontier_at_receipt: Frontier = field(default_factory=Frontier)

    @property
    def origin(self) -> str:
        """Under which name the tree is signed."""
        return origin_of(LEDGER, self.account, self.origin_no)

    @property
    def keys(self) -> list[str]:
        """The vkeys that the district got on paper."""
        return [Signer(self.origin, seed).key.to_text() for seed in self.signers]

    def note(self, size: int | None = None) -> str:
        """Return the signed checkpoint, as the witness gets it."""
        size = len(self.leaves) if size is None else size
        root = Tree(self.leaves).root(size)
        text = Checkpoint(origin=self.origin, size=size, root=root).to_text()
        return sign_note(text, [Signer(self.origin, seed) for seed in self.signers])

    def continuation(self, since: int) -> str:
        """Return what `ingestd ledger checkpoint --since` writes."""
        proof = tuple(Tree(self.leaves).consistency_proof(since))
        return Continuation(old_size=since, proof=proof, note=self.note()).to_text()

    def command(self, event: str = "settled") -> None:
        """Add a command's batch."""
        self._add(event=event, upload_id=None, statement=None)

    def file(self, receipt: dict[str, Any] | None = None) -> dict[str, Any]:
        """Add a file's batch and return its receipt."""
        receipt = receipt or some_receipt(len(self.leaves) + 1, self.account)
        leaf = self._add(
            event="upload",
            upload_id=receipt["upload_id"],
            statement=statement_of(receipt).hash(),
        )
        since = self.frontier_at_receipt
        growth = Growth(since=since, leaves=self.leaves[since.size :])
        proof = InclusionProof(
            index=leaf.index, proof=growth.inclusion_proof(leaf.index), note=self.note()
        )
        continues = None
        if since.size:
            continues = SinceReceipt(size=since.size, proof=tuple(growth.consistency_proof()))
        self.frontier_at_receipt = since.extend(growth.leaves)
        return receipt | {"seal": ReceiptSeal.of(leaf, proof, continues).to_fields()}

    def _add(self, *, event: str, upload_id: str | None, statement: str | None) -> BatchLeaf:
        batch_no = len(self.leaves) + 1
        leaf = BatchLeaf(
            account=self.account,
            batch_no=batch_no,
            event=event,
            upload_id=upload_id,
            sealed_at=1767225600000000 + batch_no,
            rows_sealed=9,
            amount_posted=3150,
            seal_hash=sha256(b"rows of %d" % batch_no).hexdigest(),
            statement=statement,
        )
        self.leaves.append(leaf.hash())
        return leaf


def write_receipt(folder: Path, receipt: dict[str, Any]) -> Path:
    """Write a receipt as the account fetches it."""
    path = folder / f"payments.{receipt['upload_id']}.json"
    text = json.dumps(receipt, ensure_ascii=False, indent=2)
    path.write_bytes(text.encode("utf-8", "backslashreplace") + b"\n")
    return path
