"""Findings: what is wrong with a file or a row, as values with public codes.

`ingestd.formats.findings.explanations` holds the cause and the remedy of every code.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

VALUE_CHARACTERS_MAX = 100
_SHORTENED = "…"


class Verdict(StrEnum):
    """What a finding costs: the whole file, its row, or nothing."""

    FILE = "file"
    ROW = "row"
    WARNING = "warning"


class Code(StrEnum):
    """The public name of each kind of finding. Names are never changed and never reused."""

    # bytes
    ENCODING_ERROR = "encoding_error"
    ENCODING_WIDE = "encoding_wide"
    BYTE_ORDER_MARK_INSIDE = "byte_order_mark_inside"
    NULL_BYTE = "null_byte"
    NOT_CSV = "not_csv"
    FILE_EMPTY = "file_empty"
    # lines and quotes
    LINE_ENDS_MIXED = "line_ends_mixed"
    LAST_ROW_UNTERMINATED = "last_row_unterminated"
    TRUNCATED = "truncated"
    BLANK_ROW = "blank_row"
    QUOTE_UNCLOSED = "quote_unclosed"
    TEXT_AFTER_QUOTE = "text_after_quote"
    STRAY_QUOTE = "stray_quote"
    FIELD_TOO_LARGE = "field_too_large"
    ROW_TOO_LARGE = "row_too_large"
    # structure
    DELIMITER_UNEXPECTED = "delimiter_unexpected"
    SEPARATOR_LINE = "separator_line"
    HEADER_MISSING = "header_missing"
    HEADER_NOT_FIRST = "header_not_first"
    HEADER_REPEATED = "header_repeated"
    HEADER_UNRECOGNISED = "header_unrecognised"
    MISSING_LABEL = "missing_label"
    DUPLICATE_LABEL = "duplicate_label"
    BLANK_LABEL = "blank_label"
    EXTRA_LABEL = "extra_label"
    INCORRECT_LABEL = "incorrect_label"
    MISSING_CELL = "missing_cell"
    EXTRA_CELL = "extra_cell"
    NOISE_ROW = "noise_row"
    TRAILING_DELIMITER = "trailing_delimiter"
    # values
    VALUE_MISSING = "value_missing"
    VALUE_TOO_LONG = "value_too_long"
    ACCOUNT_TYPE_INVALID = "account_type_invalid"
    CHOICE_INVALID = "choice_invalid"
    DATE_INVALID = "date_invalid"
    NUMBER_INVALID = "number_invalid"
    KEY_REPEATED = "key_repeated"
    KEY_RESERVED = "key_reserved"
    CATALOG_PRICES_USED = "catalog_prices_used"
    AMOUNT_INVALID = "amount_invalid"
    AMOUNT_NEGATIVE = "amount_negative"
    AMOUNT_TOO_LARGE = "amount_too_large"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    SUM_MISMATCH = "sum_mismatch"
    DISCOUNT_TOO_LARGE = "discount_too_large"
    PLEDGE_WITHOUT_DONOR = "pledge_without_donor"
    TIME_INVALID = "time_invalid"
    TIME_TOO_OLD = "time_too_old"
    TIME_IN_FUTURE = "time_in_future"
    TIME_WITHOUT_OFFSET = "time_without_offset"
    TIME_NONEXISTENT = "time_nonexistent"
    TIME_AMBIGUOUS = "time_ambiguous"
    IDENTIFIER_TRIMMED = "identifier_trimmed"
    VALUE_TRIMMED = "value_trimmed"
    IDENTIFIER_CHARACTER = "identifier_character"
    CHANGED_BY_SPREADSHEET = "changed_by_spreadsheet"
    TEXT_DAMAGED = "text_damaged"
    TEXT_CONTROL_CHARACTER = "text_control_character"
    # the account's catalog and ledger
    STUDENT_UNKNOWN = "student_unknown"
    STUDENT_DISAPPEARED = "student_disappeared"
    BILLING_CODE_UNKNOWN = "billing_code_unknown"
    PRICE_MISSING = "price_missing"
    CHARGE_UNKNOWN = "charge_unknown"
    ALREADY_WRITTEN_OFF = "already_written_off"
    CASH_SHORT = "cash_short"
    MERCHANT_UNKNOWN = "merchant_unknown"
    PARENT_UNKNOWN = "parent_unknown"
    PARENT_MISMATCH = "parent_mismatch"
    STUDENT_CANCELLED = "student_cancelled"
    GL_ACCOUNT_UNKNOWN = "gl_account_unknown"
    GL_ACCOUNT_CLOSED = "gl_account_closed"
    OTHER_GL_ACCOUNT_MISSING = "other_gl_account_missing"
    TAX_CODE_UNKNOWN = "tax_code_unknown"
    DONOR_UNKNOWN = "donor_unknown"
    DONOR_MISSING = "donor_missing"
    APPEAL_UNKNOWN = "appeal_unknown"
    APPEAL_MISSING = "appeal_missing"
    PLEDGE_UNKNOWN = "pledge_unknown"
    BATCH_SETTLED = "batch_settled"
    DUPLICATE = "duplicate"
    DUPLICATE_IN_FILE = "duplicate_in_file"
    CONFLICT = "conflict"
    KEYS_ALIKE = "keys_alike"
    ALL_OR_NOTHING = "all_or_nothing"
    # the upload
    FORMAT_UNEXPECTED = "format_unexpected"
    FILE_NAME_UNRECOGNISED = "file_name_unrecognised"
    FILE_NAME_TEMPORARY = "file_name_temporary"
    UPLOAD_INTERRUPTED = "upload_interrupted"
    FILE_TOO_LARGE = "file_too_large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a district should know about its file, in words that say how to mend it.

    `row` counts records as a spreadsheet shows them, the header being row 1; `line` is the
    physical line on which the record starts. `value` is what was found, after `shorten`.
    """

    code: Code
    verdict: Verdict
    message: str
    row: int | None = None
    line: int | None = None
    column: str | None = None
    value: str | None = None


class FileRefusedError(Exception):
    """Raised inside this room when reading cannot go on; it never leaves the room.

    A chain of generators has no other way to stop from within. The front door turns it
    back into the findings it carries, all with verdict FILE.
    """

    def __init__(self, *findings: Finding) -> None:
        super().__init__(*(str(finding.code) for finding in findings))
        self.findings = findings


def shorten(value: str) -> str:
    """Return the value as findings show it: at most 100 characters, cut ones ending in `…`."""
    if len(value) <= VALUE_CHARACTERS_MAX:
        return value
    return value[: VALUE_CHARACTERS_MAX - len(_SHORTENED)] + _SHORTENED
