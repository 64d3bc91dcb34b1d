"""A batch's leaf: ten lines that say which batch it is and what it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingestd.ledger.proof.tree import hash_leaf

FIRST_LINE = "ingestd-batch/v1"
_NONE = "-"
_HEX_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TEXT = re.compile(r"[!-~]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLeaf:
    """One batch, as the account's tree holds it.

    `sealed_at` is in microseconds since 1970, `amount_posted` in minor units. `seal_hash` and
    `statement` are hexadecimal; a command's batch has neither upload nor statement.
    """

    account: str
    batch_no: int
    event: str
    upload_id: str | None
    sealed_at: int
    rows_sealed: int
    amount_posted: int
    seal_hash: str
    statement: str | None

    def __post_init__(self) -> None:
        hashes = [self.seal_hash] if self.statement is None else [self.seal_hash, self.statement]
        if self.batch_no < 1 or not all(map(_HEX_HASH.fullmatch, hashes)):
            raise ValueError("a leaf has a number above zero, and its hashes are hexadecimal")
        # A line break or a lone `-` in a value would let two batches have one leaf.
        texts = [self.account, self.event, *([] if self.upload_id is None else [self.upload_id])]
        if _NONE in texts or not all(map(_TEXT.fullmatch, texts)):
            raise ValueError("the names in a leaf are printable ASCII without spaces")

    @property
    def index(self) -> int:
        """The leaf's place in the tree."""
        return self.batch_no - 1

    def to_bytes(self) -> bytes:
        """Return the leaf's text."""
        lines = (
            FIRST_LINE,
            self.account,
            self.batch_no,
            self.event,
            self.upload_id or _NONE,
            self.sealed_at,
            self.rows_sealed,
            self.amount_posted,
            self.seal_hash,
            self.statement or _NONE,
        )
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    def hash(self) -> bytes:
        """Return the leaf's hash in the tree."""
        return hash_leaf(self.to_bytes())
