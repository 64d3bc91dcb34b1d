"""The refund file: charges that a district takes back."""

from __future__ import annotations

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.names import FormatName

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
