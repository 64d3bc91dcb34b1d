"""What the uploader is told when a well-formed row cannot be applied.

`{upload}` and `{row}` are filled in by the statement that finds the row.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatMessages:
    """What is said of a row whose key came before."""

    conflict_with_ledger: str
    conflict_in_file: str
    duplicate_in_file: str


STUDENT_UNKNOWN = (
    "No student has this student_id. Correct it, or add the student to the roster; "
    "then send the row again."
)
BILLING_CODE_UNKNOWN = (
    "No product has this billing_code. Correct it, or add the product to the catalog; "
    "then send the row again."
)
PRICE_MISSING = (
    "The row has no amount, and its product had no price at that time. "
    "Write the amount, or give the product a price; then send the row again."
)
KEYS_ALIKE = (
    "Row {row} of this file has a charge_tracking_id that differs only in upper and lower case or "
    "in width. They were taken as two charges; check that they are."
)
CHARGE_REPEATED = RepeatMessages(
    conflict_with_ledger="This charge_tracking_id was applied before with other content (upload "
    "{upload}, row {row}), and stays as it was. If this is another charge, give it a "
    "charge_tracking_id of its own.",
    conflict_in_file="Row {row} of this file has the same charge_tracking_id with other content, "
    "and the first one counts. If this is another charge, give it a charge_tracking_id of its own.",
    duplicate_in_file="Row {row} of this file has the same charge_tracking_id and the same "
    "content. The charge counts once; nothing needs to be done.",
)
KEY_RESERVED = "This key is reserved. Use another."
KEY_REPEATED = "Row {row} of this file has the same key. Keep one of them."
STUDENT_DISAPPEARED = (
    "This student is enrolled, and the file does not name them. They stay on the roster. If they "
    "left, send them with status cancelled; if the file holds only changes, send the whole roster."
)
CHARGE_UNKNOWN = (
    "No charge with this charge_tracking_id was applied. Correct it, or send the charge first; "
    "then send the row again."
)
REFUND_REPEATED = RepeatMessages(
    conflict_with_ledger="This charge was refunded before with other content (upload {upload}, "
    "row {row}). A charge is refunded once; correct the charge_tracking_id if another is meant.",
    conflict_in_file="Row {row} of this file refunds the same charge with other content, and the "
    "first one counts. Correct the charge_tracking_id if another charge is meant.",
    duplicate_in_file="Row {row} of this file refunds the same charge with the same content. "
    "The refund counts once; nothing needs to be done.",
)
