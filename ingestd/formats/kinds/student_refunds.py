"""The refund file: charges that a district takes back."""

from __future__ import annotations

from typing import NamedTuple, cast

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.names import FormatName
from ingestd.formats.rows.checking import CheckedRows, RowChecker
from ingestd.formats.rows.contents import hash_contents
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rules import FileRules

CHARGE_TRACKING_ID = Column(
    name="charge_tracking_id",
    kind=Kind.IDENTIFIER,
    mandatory=True,
    length_max=64,
    null_is_absent=True,
    description="The charge that is refunded, whole. A charge is refunded once at most.",
)
TX_ITEM_ROWID = Column(
    name="tx_item_rowid",
    kind=Kind.IDENTIFIER,
    mandatory=False,
    length_max=64,
    description="What the sending system calls the refunded item; kept with the refund.",
)
NOTE = Column(
    name="note",
    kind=Kind.TEXT,
    mandatory=False,
    length_max=255,
    description="Why the charge is refunded.",
)

STUDENT_REFUNDS = FileFormat(
    name=FormatName.STUDENT_REFUNDS,
    has_header=True,
    columns=(CHARGE_TRACKING_ID, TX_ITEM_ROWID, NOTE),
    source="contract, section 3",
    # The file does not name the student; the charge does.
    named_by=(CHARGE_TRACKING_ID.name, "student_id"),
)


class RefundRow(NamedTuple):
    """One good row of a refund file, in the column order of a bulk insert.

    `content_hash` is the same for two rows exactly when every field is the same.
    """

    row: int
    line: int
    tracking_id: str
    tx_item_rowid: str | None
    note: str | None
    content_hash: bytes


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


FORMAT = JudgedFormat(file=STUDENT_REFUNDS, make_checker=RefundChecker)
