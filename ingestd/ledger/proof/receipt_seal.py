"""What a receipt holds under `seal`: its batch, the proof, and how it continues the one before."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingestd.ledger.proof.checkpoint import InclusionProof
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.malformed import (
    SIZE_MAX,
    MalformedError,
    read_proof,
    write_base64,
)

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceReceipt:
    """How a receipt's tree continues that of the receipt before, which had `size` leaves."""

    size: int
    proof: tuple[bytes, ...]

    def to_fields(self) -> dict[str, object]:
        """Return `continues` as receipts hold it, and as it is stored."""
        return {"size": self.size, "proof": [write_base64(node) for node in self.proof]}

    @classmethod
    def from_fields(cls, fields: object) -> SinceReceipt:
        """Read `continues`; MalformedError where it is not written so."""
        match fields:
            case {"size": int(size), "proof": [*proof]} if 0 < size <= SIZE_MAX:
                if all(isinstance(node, str) for node in proof):
                    return cls(size=size, proof=read_proof(proof))
        raise MalformedError("`continues` is a size and a proof")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSeal:
    """A receipt's seal. `continues` is None in an account's first receipt under its origin."""

    batch_no: int
    sealed_at: int
    rows_sealed: int
    amount_posted: int
    seal_hash: str
    proof: InclusionProof
    continues: SinceReceipt | None

    @classmethod
    def of(
        cls, leaf: BatchLeaf, proof: InclusionProof, continues: SinceReceipt | None
    ) -> ReceiptSeal:
        """Return the seal of the receipt for the batch that has this leaf."""
        return cls(
            batch_no=leaf.batch_no,
            sealed_at=leaf.sealed_at,
            rows_sealed=leaf.rows_sealed,
            amount_posted=leaf.amount_posted,
            seal_hash=leaf.seal_hash,
            proof=proof,
            continues=continues,
        )

    @classmethod
    def from_fields(cls, fields: object) -> ReceiptSeal:
        """Read what stands under `seal`; MalformedError where it is not written so.

        Nothing is checked yet: neither the proof nor who signed.
        """
        match fields:
            case {
                "batch": {
                    "batch_no": int(batch_no),
                    "sealed_at": int(sealed_at),
                    "rows_sealed": int(rows_sealed),
                    "amount_posted": int(amount_posted),
                    "hash": str(seal_hash),
                },
                "proof": str(proof),
                **others,
            } if _HASH.fullmatch(seal_hash):
                continues = others.get("continues")
            case _:
                raise MalformedError("the receipt has no seal: a batch, and its proof")
        return cls(
            batch_no=batch_no,
            sealed_at=sealed_at,
            rows_sealed=rows_sealed,
            amount_posted=amount_posted,
            seal_hash=seal_hash,
            proof=InclusionProof.from_text(proof),
            continues=None if continues is None else SinceReceipt.from_fields(continues),
        )

    def to_fields(self) -> dict[str, object]:
        """Return what stands under `seal`."""
        fields: dict[str, object] = {
            "batch": {
                "batch_no": self.batch_no,
                "sealed_at": self.sealed_at,
                "rows_sealed": self.rows_sealed,
                "amount_posted": self.amount_posted,
                "hash": self.seal_hash,
            },
            "proof": self.proof.to_text(),
        }
        if self.continues is not None:
            fields["continues"] = self.continues.to_fields()
        return fields
