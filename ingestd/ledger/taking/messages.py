"""What the uploader is told when a well-formed row cannot be applied.

`{upload}`, `{row}` and `{rows}` are filled in by the statement that finds what they stand for.
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
STUDENT_RESERVED = (
    "ANONYMOUS is nobody in particular, and this account's files do not sell to it. Name the "
    "student; or, if these are cash sales, have the account's anonymous_sales set to cash; then "
    "send the row again."
)
BILLING_CODE_RESERVED = (
    "PAYOUT is reserved for money that is paid out, and nothing is sold under it. Correct it, then "
    "send the row again."
)
PRICE_MISSING = (
    "The row has no amount, and its product had no price at that time. "
    "Write the amount, or give the product a price; then send the row again."
)
KEYS_ALIKE = (
    "Row {row} of this file has a charge_tracking_id that differs only in upper and lower case or "
    "in width. These are two charges; check that two are meant."
)
CHARGE_REPEATED = RepeatMessages(
    conflict_with_ledger="This charge was applied before with other content (upload {upload}, row "
    "{row}), and stands as it was. To change its amount, refund or void it first; a new "
    "charge_tracking_id alone would charge again.",
    conflict_in_file="Row {row} of this file has the same charge_tracking_id with other content, "
    "and stands as it is. To change its amount, refund or void it first; a new "
    "charge_tracking_id alone would charge again.",
    duplicate_in_file="Row {row} of this file has the same charge_tracking_id and the same "
    "content. The charge counts once; nothing needs to be done.",
)
ALL_OR_NOTHING = (
    "Rows that are good: {rows}. None of them was applied, because others are not good and this "
    "account takes a file whole or not at all. Mend those, then send the whole file again."
)
# Of two rows of one key in a file that was refused whole: neither stands, and neither counts.
REFUSED_CONFLICT = (
    "Row {row} of this file has the same key with other content, so the file was refused. "
    "Keep one of the two rows, then send the whole file again."
)
REFUSED_DUPLICATE = (
    "Row {row} of this file has the same key and the same content. It will count once when the "
    "file is taken; nothing needs to be done about it."
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
ALREADY_WRITTEN_OFF = (
    "This charge was written off, and nothing of it is left to be taken back. Nothing needs to be "
    "done."
)
CASH_SHORT = (
    "This refund gives cash back, and there is not so much in the till. Send the row again when "
    "there is."
)
REFUND_REPEATED = RepeatMessages(
    conflict_with_ledger="This charge was refunded before with other content (upload {upload}, "
    "row {row}). A charge is refunded once; correct the charge_tracking_id if another is meant.",
    conflict_in_file="Row {row} of this file refunds the same charge with other content, and the "
    "first one counts. Correct the charge_tracking_id if another charge is meant.",
    duplicate_in_file="Row {row} of this file refunds the same charge with the same content. "
    "The refund counts once; nothing needs to be done.",
)
PAYMENT_REPEATED = RepeatMessages(
    conflict_with_ledger="A payment with this receipt number came before with other content "
    "(upload {upload}, row {row}), and stays as it was. Ask the payment provider which is right.",
    conflict_in_file="Row {row} of this file has the same receipt number with other content, and "
    "the first one counts. Ask the payment provider which is right.",
    duplicate_in_file="Row {row} of this file is the same payment. It counts once; nothing needs "
    "to be done.",
)
MERCHANT_UNKNOWN = (
    "No merchant has this merchant_id. Have the merchant imported (ingestd catalog import "
    "merchants), or correct it; then send the whole file again."
)
PARENT_UNKNOWN = (
    "No parent has this code. Correct it, or have the parent imported; then send the row again."
)
PARENT_MISMATCH = (
    "The student is another parent's. Correct the parent or the student; then send the row again."
)
STUDENT_CANCELLED = (
    "The student's enrolment is cancelled. Correct the student; then send the row again."
)
GL_ACCOUNT_UNKNOWN = (
    "The general ledger has no such account. Correct it, or have it imported; "
    "then send the row again."
)
GL_ACCOUNT_CLOSED = (
    "This account of the general ledger is closed. Name an open one; then send the row again."
)
OTHER_GL_ACCOUNT_MISSING = (
    "The merchant has no account of the general ledger for other_amt. The amount was taken and "
    "waits under no account; have the merchant's other_gl_account imported."
)
TAX_CODE_UNKNOWN = (
    "There is no such tax code. Correct it, or have it imported; then send the row again."
)
DONOR_UNKNOWN = (
    "No donor has this number. Correct it, or have the donor imported; then send the row again."
)
DONOR_MISSING = (
    "Payments to this account of the general ledger name their donor. Fill in the donor number; "
    "then send the row again."
)
APPEAL_UNKNOWN = (
    "There is no such appeal. Correct it, or have it imported; then send the row again."
)
APPEAL_MISSING = (
    "Payments to this account of the general ledger name their appeal. Fill in the appeal code; "
    "then send the row again."
)
PLEDGE_UNKNOWN = (
    "The donor has no such pledge. Correct it, or have it imported; then send the row again."
)
BATCH_SETTLED = (
    "The batch of this payment is settled already, so that nothing can be added to it. Ask the "
    "payment provider for the batch that the payment belongs to."
)
KEY_OF_A_CHARGE = (
    "A charge has this payment's key as its charge_tracking_id. Refund that charge and send it "
    "under another key; then send the row again."
)
