"""Refund rows: what the ledger takes from a refund file."""

from __future__ import annotations

from typing import NamedTuple, cast

from ingestd.formats.contents import hash_contents
from ingestd.formats.header import Layout
from ingestd.formats.rows import CheckedRows, FileRules, RowChecker
from ingestd.formats.shape import ShapedRows
from ingestd.formats.student_refunds import STUDENT_REFUNDS


class RefundRow(NamedTuple):
    """One good row of a refund file, in the column order of a bulk insert.

    `content_hash` is the same for two rows exactly when every field is the same.
    """

    row: int
    line: int
    tracking_id: str
    tx_item_rowid: str | None
    note: str | None
    content_hash: str


class RefundChecker:
    """Judges the fields of a refund file's rows."""

    def __init__(self, layout: Layout, rules: FileRules) -> None:
        self._rows = RowChecker(STUDENT_REFUNDS, layout, rules)

    def check(self, rows: ShapedRows) -> CheckedRows[RefundRow]:
        """Return refund rows for the good rows and findings for the others."""
        checked = self._rows.check(rows)
        fields = [cast("tuple[str, str | None, str | None]", row.values) for row in checked.rows]
        hashes = hash_contents(*zip(*([text or "" for text in row] for row in fields), strict=True))
        return CheckedRows(
            rows=[
                RefundRow(row.row, row.line, *texts, content_hash)
                for row, texts, content_hash in zip(checked.rows, fields, hashes, strict=True)
            ],
            findings=checked.findings,
            rejected=checked.rejected,
        )
