"""What is wrong with a file as such: its bytes, its lines, its structure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ingestd.formats.findings.codes import Code, Verdict
from ingestd.formats.findings.explained import FILE, ROW, WARNING, Explanation

OF_FILES: Mapping[Code, Explanation] = MappingProxyType(
    {
        Code.ENCODING_ERROR: Explanation(
            "Some bytes are not valid in the account's encoding (UTF-8 unless it was changed): "
            "the file was saved as Windows-1252 or Latin-1, or it was damaged.",
            "Save the file as UTF-8, or ask for the account's `encoding` to be set to the one "
            "that is used.",
            FILE,
        ),
        Code.ENCODING_WIDE: Explanation(
            "The file is in UTF-16 or UTF-32, as Excel's “Unicode Text” and some exports write it.",
            "Save it as UTF-8; Excel calls that “CSV UTF-8 (Comma delimited)”.",
            FILE,
        ),
        Code.BYTE_ORDER_MARK_INSIDE: Explanation(
            "A byte order mark begins a line below the first: two files were joined. Inside a line "
            "it is a character that cannot be seen, and costs its row at most.",
            "Send the files one by one, or export them as one.",
            FILE,
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
            FILE,
        ),
        Code.FILE_EMPTY: Explanation(
            "The file has no bytes, or nothing but blank lines.",
            "Send it with a header; a header alone is fine and stands for no charges.",
            FILE,
        ),
        Code.LINE_ENDS_MIXED: Explanation(
            "Some lines end with LF, others with CRLF or CR. All were taken as line ends.",
            "Nothing needs to be done; files joined from several systems look like this.",
            WARNING,
        ),
        Code.LAST_ROW_UNTERMINATED: Explanation(
            "The last row has no line end, so its last value may have been cut off. It is taken, "
            "with a warning, when that value is seen to be whole: a time with its offset, an "
            "amount with all its decimals, or a field that a quote closes, unless it is a note. A "
            "header without a line end gets a warning, too.",
            "End every row with a line break, or ask for the account's "
            "`last_row_without_newline` to be set to `accept`.",
            (Verdict.ROW, Verdict.WARNING),
        ),
        Code.TRUNCATED: Explanation(
            "The file ends in the middle of a row: the last row has no line end and too few "
            "fields. Or it ends in the middle of its header, within a label.",
            "Send the whole file again.",
            FILE,
        ),
        Code.BLANK_ROW: Explanation(
            "Lines are blank, or have nothing but delimiters and spaces. They were skipped and are "
            "not counted; each run of them is told of once.",
            "Nothing needs to be done.",
            WARNING,
        ),
        Code.QUOTE_UNCLOSED: Explanation(
            "A field starts with a quote that is never closed, so that all that follows would "
            "belong to it.",
            'Close the quote, or write a quote inside a quoted field twice (`""`).',
            FILE,
        ),
        Code.TEXT_AFTER_QUOTE: Explanation(
            "Text stands between a closing quote and the next delimiter, so it cannot be told "
            "where the field ends.",
            'Put the whole field in quotes, and write a quote inside it twice (`""`).',
            FILE,
        ),
        Code.STRAY_QUOTE: Explanation(
            'A quote stands inside a field that is not quoted, as in `5" pipe`. It was taken as '
            "part of the text; an identifier with one is rejected.",
            "Put the field in quotes and write the quote inside it twice, to be sure.",
            (Verdict.WARNING, Verdict.ROW),
        ),
        Code.FIELD_TOO_LARGE: Explanation(
            "A field is longer than 128 KiB; usually a quote is missing.",
            "Check the quotes of the row.",
            FILE,
        ),
        Code.ROW_TOO_LARGE: Explanation(
            "A row is longer than 1 MiB; usually a quote is never closed, or there are no line "
            "ends.",
            "Check the quotes of the row and the line ends of the file.",
            FILE,
        ),
        Code.DELIMITER_UNEXPECTED: Explanation(
            "The fields are separated by another character than the account's `delimiter`, or "
            "the file starts with a `sep=` line that names another.",
            "Export the file with the account's delimiter, or ask for the account's `delimiter` to "
            "be changed.",
            FILE,
        ),
        Code.SEPARATOR_LINE: Explanation(
            "The file starts with a `sep=` line, which tells a spreadsheet by what the fields are "
            "separated. It names the account's `delimiter`, and was skipped: the header below it "
            "is row 1, as a spreadsheet shows it.",
            "Nothing needs to be done.",
            WARNING,
        ),
        Code.HEADER_MISSING: Explanation(
            "The first row holds values, not the names of the columns.",
            "Add a first line with the names of the columns.",
            FILE,
        ),
        Code.HEADER_NOT_FIRST: Explanation(
            "Titles, comments or a second header stand above the names of the columns.",
            "Remove everything above the line with the names of the columns.",
            FILE,
        ),
        Code.HEADER_REPEATED: Explanation(
            "The names of the columns stand in the file again. Right below the header that "
            "refuses the file, further down only its row.",
            "Remove the row; files that were joined have one in the middle.",
            (Verdict.ROW, Verdict.FILE),
        ),
        Code.HEADER_UNRECOGNISED: Explanation(
            "The first row of a payment file names other columns than those of its format, and "
            "has words where times, amounts and the batch number stand. It was taken for a header, "
            "skipped, and is not counted.",
            "Nothing needs to be done if it is a header. If it is a payment, correct it and send "
            "the file again.",
            WARNING,
        ),
        Code.MISSING_LABEL: Explanation(
            "The header does not name a mandatory column.",
            "Add the column, or correct its name.",
            FILE,
        ),
        Code.DUPLICATE_LABEL: Explanation(
            "The header names a column more than once.",
            "Keep one of them, or rename the others.",
            FILE,
        ),
        Code.BLANK_LABEL: Explanation(
            "A column has no name in the header.",
            "Name the column, or remove it.",
            FILE,
        ),
        Code.EXTRA_LABEL: Explanation(
            "The header names a column that the format does not know. Its values were ignored.",
            "Nothing needs to be done, unless the name is a misspelt one.",
            WARNING,
        ),
        Code.INCORRECT_LABEL: Explanation(
            "The file has no column `amount`, or no `transaction_occurred_time`, and a column that "
            "the format does not know may be it: by its name, such as `Amount ($)`, or because "
            "all of its values are amounts or times. Ignored, it would charge catalog prices. Or a "
            "line break stands inside the last label of the header.",
            "Name the column as the format does. If it is something else, ask for its label to be "
            "listed in the account's `ignore_columns`.",
            FILE,
        ),
        Code.MISSING_CELL: Explanation(
            "A row has fewer fields than the header, or than its format where there is no header.",
            "Write every field, and leave those without a value empty.",
            ROW,
        ),
        Code.EXTRA_CELL: Explanation(
            "A row has more fields than the header, or than its format where there is no header; "
            "often a note holds a delimiter.",
            "Put the field that holds a delimiter in quotes.",
            ROW,
        ),
        Code.NOISE_ROW: Explanation(
            "The row was written by the program that exported the file, about its rows: dashes "
            "under the header, how many rows there are, or their total.",
            "Export the file without such rows. They are counted among the rejected ones; nothing "
            "else is lost by them.",
            ROW,
        ),
        Code.TRAILING_DELIMITER: Explanation(
            "Every row ends with one delimiter too many. The empty field after it was ignored.",
            "Nothing needs to be done.",
            WARNING,
        ),
    }
)
