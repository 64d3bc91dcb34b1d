"""What each finding's code means and how to mend it, and the page made from that."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from ingestd.formats.findings import Code, Verdict


class Explanation(NamedTuple):
    """Why a finding appears, and what a district does about it."""

    cause: str
    remedy: str
    verdicts: tuple[Verdict, ...]


_FILE = (Verdict.FILE,)
_ROW = (Verdict.ROW,)
_WARNING = (Verdict.WARNING,)

EXPLANATIONS: Mapping[Code, Explanation] = MappingProxyType(
    {
        Code.ENCODING_ERROR: Explanation(
            "Some bytes are not valid in the account's encoding (UTF-8 unless it was changed): "
            "the file was saved as Windows-1252 or Latin-1, or it was damaged.",
            "Save the file as UTF-8, or ask for the account's `encoding` to be set to the one "
            "that is used.",
            _FILE,
        ),
        Code.ENCODING_WIDE: Explanation(
            "The file is in UTF-16 or UTF-32, as Excel's “Unicode Text” and some exports write it.",
            "Save it as UTF-8; Excel calls that “CSV UTF-8 (Comma delimited)”.",
            _FILE,
        ),
        Code.BYTE_ORDER_MARK_INSIDE: Explanation(
            "A byte order mark stands elsewhere than at the start: two files were joined.",
            "Send the files one by one, or export them as one.",
            _FILE,
        ),
        Code.NULL_BYTE: Explanation(
            "A NUL byte stands in a row, or in the header: the file was damaged on a disk or in "
            "a transfer, or is no text.",
            "Export the file again. In the header, it refuses the whole file.",
            (Verdict.ROW, Verdict.FILE),
        ),
        Code.NOT_CSV: Explanation(
            "The file is something else (a workbook, a PDF, a web page, an archive) under a name "
            "that ends in `.csv`.",
            "Export or save it as CSV (UTF-8). A web page is often the error page of the system "
            "that the file was fetched from.",
            _FILE,
        ),
        Code.FILE_EMPTY: Explanation(
            "The file has no bytes, or nothing but blank lines.",
            "Send it with a header; a header alone is fine and stands for no charges.",
            _FILE,
        ),
        Code.LINE_ENDS_MIXED: Explanation(
            "Some lines end with LF, others with CRLF or CR. All were taken as line ends.",
            "Nothing needs to be done; files joined from several systems look like this.",
            _WARNING,
        ),
        Code.LAST_ROW_UNTERMINATED: Explanation(
            "The last row has no line end, so its last value may have been cut off. A header "
            "without a line end gets a warning.",
            "End every row with a line break, or ask for the account's "
            "`last_row_without_newline` to be set to `accept`.",
            (Verdict.ROW, Verdict.WARNING),
        ),
        Code.TRUNCATED: Explanation(
            "The file ends in the middle of a row: the last row has no line end and too few "
            "fields.",
            "Send the whole file again.",
            _FILE,
        ),
        Code.BLANK_ROW: Explanation(
            "A line is blank, or has nothing but delimiters. It was skipped and is not counted.",
            "Nothing needs to be done.",
            _WARNING,
        ),
        Code.QUOTE_UNCLOSED: Explanation(
            "A field starts with a quote that is never closed, so that all that follows would "
            "belong to it.",
            'Close the quote, or write a quote inside a quoted field twice (`""`).',
            _FILE,
        ),
        Code.TEXT_AFTER_QUOTE: Explanation(
            "Text stands between a closing quote and the next delimiter, so it cannot be told "
            "where the field ends.",
            'Put the whole field in quotes, and write a quote inside it twice (`""`).',
            _FILE,
        ),
        Code.STRAY_QUOTE: Explanation(
            'A quote stands inside a field that is not quoted, as in `5" pipe`. It was taken as '
            "part of the text.",
            "Put the field in quotes and write the quote inside it twice, to be sure.",
            _WARNING,
        ),
        Code.FIELD_TOO_LARGE: Explanation(
            "A field is longer than 128 KiB; usually a quote is missing.",
            "Check the quotes of the row.",
            _FILE,
        ),
        Code.ROW_TOO_LARGE: Explanation(
            "A row is longer than 1 MiB; usually a quote is never closed, or there are no line "
            "ends.",
            "Check the quotes of the row and the line ends of the file.",
            _FILE,
        ),
        Code.DELIMITER_UNEXPECTED: Explanation(
            "The fields are separated by another character than the account's `delimiter`, or "
            "the file starts with a `sep=` line.",
            "Export the file with the account's delimiter and without a `sep=` line, or ask for "
            "the account's `delimiter` to be changed.",
            _FILE,
        ),
        Code.HEADER_MISSING: Explanation(
            "The first row holds values, not the names of the columns.",
            "Add a first line with the names of the columns.",
            _FILE,
        ),
        Code.HEADER_NOT_FIRST: Explanation(
            "Titles, comments or a second header stand above the names of the columns.",
            "Remove everything above the line with the names of the columns.",
            _FILE,
        ),
        Code.HEADER_REPEATED: Explanation(
            "The names of the columns stand in the file again. Right below the header that "
            "refuses the file, further down only its row.",
            "Remove the row; files that were joined have one in the middle.",
            (Verdict.ROW, Verdict.FILE),
        ),
        Code.MISSING_LABEL: Explanation(
            "The header does not name a mandatory column.",
            "Add the column, or correct its name.",
            _FILE,
        ),
        Code.DUPLICATE_LABEL: Explanation(
            "The header names a column more than once.",
            "Keep one of them, or rename the others.",
            _FILE,
        ),
        Code.BLANK_LABEL: Explanation(
            "A column has no name in the header.",
            "Name the column, or remove it.",
            _FILE,
        ),
        Code.EXTRA_LABEL: Explanation(
            "The header names a column that the format does not know. Its values were ignored.",
            "Nothing needs to be done, unless the name is a misspelt one.",
            _WARNING,
        ),
        Code.MISSING_CELL: Explanation(
            "A row has fewer fields than the header.",
            "Write every field, and leave those without a value empty.",
            _ROW,
        ),
        Code.EXTRA_CELL: Explanation(
            "A row has more fields than the header; often a note holds a delimiter.",
            "Put the field that holds a delimiter in quotes.",
            _ROW,
        ),
        Code.TRAILING_DELIMITER: Explanation(
            "Every row ends with one delimiter too many. The empty field after it was ignored.",
            "Nothing needs to be done.",
            _WARNING,
        ),
        Code.VALUE_MISSING: Explanation(
            "A mandatory column is empty in this row.", "Fill in a value.", _ROW
        ),
        Code.VALUE_TOO_LONG: Explanation(
            "A value has more characters than the column allows.", "Shorten the value.", _ROW
        ),
        Code.ACCOUNT_TYPE_INVALID: Explanation(
            "The account type is neither WALLET nor LIABILITY.", "Write one of the two.", _ROW
        ),
        Code.CHOICE_INVALID: Explanation(
            "A column that holds one of a few words holds another.",
            "Write one of the words that the message names.",
            _ROW,
        ),
        Code.DATE_INVALID: Explanation(
            "A day is not written as YYYY-MM-DD, or there is no such day.",
            "Write the day like 2026-09-01.",
            _ROW,
        ),
        Code.NUMBER_INVALID: Explanation(
            "A whole number is written otherwise than as digits, or with more of them than the "
            "message names.",
            "Write the number as digits, such as 10.",
            _ROW,
        ),
        Code.KEY_REPEATED: Explanation(
            "A catalog file has two rows with the same key. The first one counts.",
            "Keep one of them.",
            _ROW,
        ),
        Code.KEY_RESERVED: Explanation(
            "A catalog file uses a key that is reserved, such as `ANONYMOUS` for a student, or "
            "`null`, which payment files write where there is nothing.",
            "Use another key.",
            _ROW,
        ),
        Code.AMOUNT_INVALID: Explanation(
            "The amount is not written as digits with the currency's decimals: it has a sign, a "
            "currency, a thousands separator, an exponent, or a decimal too many.",
            "Write it as digits with up to two decimals, such as 100.00. Amounts are never "
            "rounded.",
            _ROW,
        ),
        Code.AMOUNT_NEGATIVE: Explanation(
            "The amount is negative. A charge takes money; it never gives money back.",
            "Send a refund file (`student_refunds.csv`) that names the charge.",
            _ROW,
        ),
        Code.AMOUNT_TOO_LARGE: Explanation(
            "The amount has more than ten digits before the decimal point.",
            "Correct the amount; identifiers in the wrong column look like this.",
            _ROW,
        ),
        Code.TIME_INVALID: Explanation(
            "The time is not written in ISO 8601 as the format takes it, or there is no such day "
            "or time of day.",
            "Write it like 2017-05-03T14:38:02Z, 2017-05-03T09:38:02-05:00 or 2017-05-03.",
            _ROW,
        ),
        Code.TIME_TOO_OLD: Explanation("The time lies before 1990.", "Correct the year.", _ROW),
        Code.TIME_IN_FUTURE: Explanation(
            "The time lies more than a day ahead.",
            "Correct the date, or send the charge later.",
            _ROW,
        ),
        Code.TIME_WITHOUT_OFFSET: Explanation(
            "The time has no offset from UTC, and the account's `naive_time` is `reject`.",
            "Write the offset: `Z`, or one such as `-05:00`.",
            _ROW,
        ),
        Code.TIME_NONEXISTENT: Explanation(
            "The time has no offset and lies in the hour that is left out when clocks are put "
            "forward.",
            "Correct the time, or write its offset.",
            _ROW,
        ),
        Code.TIME_AMBIGUOUS: Explanation(
            "The time has no offset and lies in the hour that comes twice when clocks are put "
            "back. The earlier one was taken.",
            "Write the offset, to choose.",
            _WARNING,
        ),
        Code.IDENTIFIER_TRIMMED: Explanation(
            "Spaces stood around an identifier. They were removed.",
            "Nothing needs to be done; an export with columns of fixed width does this.",
            _WARNING,
        ),
        Code.IDENTIFIER_CHARACTER: Explanation(
            "An identifier holds a character that cannot be seen or is no letter, digit or sign: "
            "a no-break space, a zero-width or control character, a mark of text direction.",
            "Type the identifier anew, or correct it where it is exported.",
            _ROW,
        ),
        Code.CHANGED_BY_SPREADSHEET: Explanation(
            'An identifier was changed by a spreadsheet: `1.23457E+15`, `="00123"`, a leading '
            "apostrophe, `#REF!`.",
            "Export the file again and send it without opening it in a spreadsheet, or format "
            "the column as text first.",
            _ROW,
        ),
        Code.TEXT_DAMAGED: Explanation(
            "Letters of a note were lost when it was saved in another encoding: `�`, `Ã©`. The "
            "note was kept as it is.",
            "Correct the encoding where the note is exported.",
            _WARNING,
        ),
        Code.TEXT_CONTROL_CHARACTER: Explanation(
            "A note holds control characters or marks of text direction. It was kept, and is "
            "shown escaped.",
            "Nothing needs to be done.",
            _WARNING,
        ),
        Code.STUDENT_UNKNOWN: Explanation(
            "The student is not on the account's roster. The key is not used up.",
            "Import the student, then send the file again.",
            _ROW,
        ),
        Code.STUDENT_DISAPPEARED: Explanation(
            "A roster that came over SFTP does not name a student who is enrolled. The student "
            "stays on the roster: nobody is ever removed, since who left may still owe.",
            "Send the student with `status` `cancelled`, if they left. If the file holds only "
            "what changed, send the whole roster instead.",
            _WARNING,
        ),
        Code.BILLING_CODE_UNKNOWN: Explanation(
            "No product has this billing code. The key is not used up.",
            "Correct the code or import the product, then send the file again.",
            _ROW,
        ),
        Code.PRICE_MISSING: Explanation(
            "The row has no amount, and the product had no price at the time of the charge.",
            "Write the amount, or import the price, then send the file again.",
            _ROW,
        ),
        Code.CHARGE_UNKNOWN: Explanation(
            "A refund names a charge that was never applied to this account: the key is "
            "misspelt, or the charge was rejected or has not been sent yet.",
            "Correct the `charge_tracking_id`, or send the charge first; then send the row again. "
            "The key was not used up.",
            _ROW,
        ),
        Code.DUPLICATE: Explanation(
            "The charge was applied already, by an earlier upload or an earlier row, with the "
            "same content. It was not applied again.",
            "Nothing needs to be done.",
            _WARNING,
        ),
        Code.DUPLICATE_IN_FILE: Explanation(
            "The same charge stands in the file twice, with the same content. The first one "
            "counts.",
            "Nothing needs to be done.",
            _WARNING,
        ),
        Code.CONFLICT: Explanation(
            "A charge with the same `charge_tracking_id` but other content was there first. "
            "This row was not applied.",
            "Give a new charge a new key. To correct a charge, refund it and send another.",
            _ROW,
        ),
        Code.KEYS_ALIKE: Explanation(
            "Two keys in the file differ only by upper and lower case or by the width of their "
            "letters. Both were taken, as two charges.",
            "Check that they are not one charge, written in two ways.",
            _WARNING,
        ),
        Code.ALL_OR_NOTHING: Explanation(
            "The account takes a file whole or not at all, and some of its rows were rejected.",
            "Mend the rejected rows and send the whole file again.",
            _FILE,
        ),
        Code.FILE_NAME_UNRECOGNISED: Explanation(
            "The file's name stayed unrecognised for an hour, so the file was put aside. The name "
            "of a catalog file is recognised only where the account's `catalog_over_sftp` is "
            "`true`.",
            "Send it under a recognised name, such as `student_billing_destiny.csv`; to send "
            "catalog files, ask for `catalog_over_sftp` to be set.",
            _FILE,
        ),
        Code.UPLOAD_INTERRUPTED: Explanation(
            "The file did not arrive whole.", "Send it again.", _FILE
        ),
        Code.FILE_TOO_LARGE: Explanation(
            "The file is larger than the server takes; it was refused while it was sent.",
            "Split it into files of their own, each with the header; or ask the operator to raise "
            "`max_upload_bytes`.",
            _FILE,
        ),
    }
)

_MEANINGS = {
    Verdict.FILE: "the file is refused",
    Verdict.ROW: "the row is rejected",
    Verdict.WARNING: "accepted, with a warning",
}

_INTRODUCTION = (
    "A receipt names what is wrong with a file by these codes. They are public: none is ever "
    "renamed or used again for something else."
)


def render_findings_page() -> str:
    """Return the page on findings, in Markdown: `docs/findings.md` is exactly this."""
    parts = [
        "# Findings",
        _INTRODUCTION,
    ]
    for code in Code:
        explanation = EXPLANATIONS[code]
        verdicts = ", or ".join(_MEANINGS[verdict] for verdict in explanation.verdicts)
        parts += [
            f"## `{code}`",
            f"{verdicts[0].upper()}{verdicts[1:]}.",
            f"**Cause.** {explanation.cause}",
            f"**Remedy.** {explanation.remedy}",
        ]
    return "\n\n".join(parts) + "\n"
