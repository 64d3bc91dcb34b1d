"""What the uploader is told when a well-formed row cannot become a charge.

`{upload}` and `{row}` are filled in by the statement that finds the row.
"""

from __future__ import annotations

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
CONFLICT_WITH_LEDGER = (
    "This charge_tracking_id was applied before with other content (upload {upload}, row {row}), "
    "and stays as it was. If this is another charge, give it a charge_tracking_id of its own."
)
CONFLICT_IN_FILE = (
    "Row {row} of this file has the same charge_tracking_id with other content, and the first one "
    "counts. If this is another charge, give it a charge_tracking_id of its own."
)
DUPLICATE_IN_FILE = (
    "Row {row} of this file has the same charge_tracking_id and the same content. "
    "The charge counts once; nothing needs to be done."
)
KEYS_ALIKE = (
    "Row {row} of this file has a charge_tracking_id that differs only in upper and lower case or "
    "in width. They were taken as two charges; check that they are."
)
