"""The statement of a receipt: all that it says, in one hash that its district computes again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

FINDINGS_MAX = 1_000
"""How many findings a receipt holds: part of the statement's first version, and so for ever."""


class StatedTotal(NamedTuple):
    """A settlement batch's control total, as a receipt of a payment file has it; minor units."""

    merchant_id: str | None
    batch_num: str
    rows: int
    amount: int


class StatedFinding(NamedTuple):
    """A finding as a receipt tells it."""

    row: int | None
    line: int | None
    column: str | None
    code: str
    value: str | None
    message: str


class StatedRows(NamedTuple):
    """What became of a file's rows."""

    total: int
    applied: int
    duplicate: int
    conflict: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a receipt says. Times and the applied amount are the very texts of the receipt.

    `totals` are a payment file's control totals, and None for other files. What else a receipt
    holds, and the CSV beside it, follow from this.
    """

    upload_id: str
    account: str
    filename: str
    format: str | None
    sha256: str | None
    size_bytes: int
    received_at: str
    finished_at: str
    status: str
    rows: StatedRows | None
    applied_amount: str
    totals: Sequence[StatedTotal] | None
    findings: Sequence[StatedFinding]
    findings_omitted: int

    def to_bytes(self) -> bytes:
        """Return the bytes that are hashed: one JSON array without spaces."""
        array = [
            self.upload_id,
            self.account,
            self.filename,
            self.format,
            self.sha256,
            self.size_bytes,
            self.received_at,
            self.finished_at,
            self.status,
            self.rows,
            self.applied_amount,
            self.totals,
            self.findings,
            self.findings_omitted,
        ]
        text = json.dumps(array, ensure_ascii=False, separators=(",", ":"))
        # As in the receipt itself: a lone surrogate of a strange file name stays visible.
        return text.encode("utf-8", "backslashreplace")

    def hash(self) -> str:
        """Return the statement's hash, in hexadecimal, as a leaf holds it."""
        return sha256(self.to_bytes()).hexdigest()
