"""Files without a header: a header that stands there all the same, and what is another format."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ingestd.formats.delimiters import delimiter_unexpected
from ingestd.formats.fields import DELIMITERS, Column, FileFormat, Kind
from ingestd.formats.findings import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.header import Layout, is_header_like, normalise_label
from ingestd.formats.lines import Record
from ingestd.formats.payment_files import PAYMENT_FORMATS
from ingestd.formats.shape import has_trailing_delimiters
from ingestd.formats.student_billing import STUDENT_BILLING
from ingestd.formats.student_refunds import STUDENT_REFUNDS

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WITH_HEADER = (STUDENT_BILLING, STUDENT_REFUNDS)
_WIDTHS = tuple(sorted({len(known.columns) for known in PAYMENT_FORMATS.values()}))
_COLUMNS_THAT_DIFFER = 3
_WRITTEN_WITH_DIGITS = (Kind.MOMENT, Kind.MONEY, Kind.DIGITS)


def fixed_layout(file_format: FileFormat, records: Sequence[Record], *, delimiter: str) -> Layout:
    """Return the layout of a format whose columns stand in a fixed order.

    `records` are the first ones of the file.
    """
    names = file_format.column_names
    rows = records[1:] if names_columns(records[0], file_format) else records
    return Layout(
        labels=names,
        positions={name: position for position, name in enumerate(names)},
        delimiter=delimiter,
        is_trailing=has_trailing_delimiters(rows, len(names)),
    )


def names_columns(record: Record, file_format: FileFormat) -> bool:
    """Tell whether a first row is a header: it names the columns, by these names or by others."""
    return is_header_like(record.fields, file_format) or _reads_like_labels(record, file_format)


def warn_of_other_names(record: Record, file_format: FileFormat) -> Finding | None:
    """Return a warning for a header that names no columns of the format; None for a good one.

    Nobody but its sender can tell that it is none, so that it is never skipped in silence.
    """
    if is_header_like(record.fields, file_format):
        return None
    return Finding(
        code=Code.HEADER_UNRECOGNISED,
        verdict=Verdict.WARNING,
        message="This row has other names than those of the format's columns, and no time, amount "
        "or batch number. It was taken for a header and skipped; if it is a payment, correct it "
        "and send the file again.",
        row=record.row,
        line=record.line,
        value=shorten(",".join(record.fields)),
    )


def _reads_like_labels(record: Record, file_format: FileFormat) -> bool:
    """Tell whether a row has words, all of them different, where digits are mandatory.

    A row of values whose times and amounts got lost has nothing there, or the same mark again
    and again, and its batch number still.
    """
    if len(record.fields) < len(file_format.columns):
        return False
    labels = [
        normalise_label(text)
        for column, text in zip(file_format.columns, record.fields, strict=False)
        if column.mandatory and column.kind in _WRITTEN_WITH_DIGITS
    ]
    are_words = all(
        any(char.isalpha() for char in label) and not any(char.isdigit() for char in label)
        for label in labels
    )
    return are_words and len(set(labels)) == len(labels)


def refuse_another_format(
    file_format: FileFormat, records: Sequence[Record], *, delimiter: str
) -> None:
    """Raise `FileRefusedError` when the rows are those of another format or delimiter."""
    first = records[0]
    seen = _delimiter_seen(records, file_format, delimiter)
    if seen is not None:
        record, other_delimiter = seen
        raise FileRefusedError(
            delimiter_unexpected(other_delimiter, delimiter, row=record.row, line=record.line)
        )
    other = _other_format(file_format, records)
    if other is not None:
        raise FileRefusedError(_format_unexpected(file_format, other, first, delimiter))


def refuse_payments(file_format: FileFormat, first: Record, *, delimiter: str) -> None:
    """Raise `FileRefusedError` when a payment stands where a format has its header."""
    if not _DAY.match(first.fields[0]):
        return
    for known in _fitting([first.fields]):
        raise FileRefusedError(_format_unexpected(file_format, known, first, delimiter))


def refuse_larger_format(file_format: FileFormat, header: Record, *, delimiter: str) -> None:
    """Raise `FileRefusedError` when a header names all that a format with more columns needs.

    A charge file under a refund's name would be a refund file with columns too many, and take
    every charge back that it means to make.
    """
    labels = {normalise_label(field) for field in header.fields}
    for known in _WITH_HEADER:
        needed = set(known.mandatory_names)
        if needed > set(file_format.mandatory_names) and needed <= labels:
            raise FileRefusedError(_format_unexpected(file_format, known, header, delimiter))


def _format_unexpected(
    file_format: FileFormat, other: FileFormat, first: Record, delimiter: str
) -> Finding:
    return Finding(
        code=Code.FORMAT_UNEXPECTED,
        verdict=Verdict.FILE,
        message=f"The name says {file_format.name}, but the rows look like those of "
        f"{other.name}. Send the file under a name that starts with {other.name}, or "
        "export it anew.",
        row=first.row,
        line=first.line,
        value=shorten(delimiter.join(first.fields)),
    )


def _delimiter_seen(
    records: Sequence[Record], file_format: FileFormat, delimiter: str
) -> tuple[Record, str] | None:
    """Return the first record that has the fields of a payment by another delimiter, and that."""
    # An amount with a decimal comma gives fields of its own, but never as many as there are.
    if any(len(record.fields) >= len(file_format.columns) for record in records):
        return None
    for record in records:
        text = delimiter.join(record.fields)
        for other in DELIMITERS:
            if other != delimiter and len(text.split(other)) in _WIDTHS:
                return record, other
    return None


def _other_format(file_format: FileFormat, records: Sequence[Record]) -> FileFormat | None:
    first = records[0]
    labels = {normalise_label(text) for text in first.fields}
    headers = [other for other in _WITH_HEADER if is_header_like(first.fields, other)]
    if headers:
        # What a refund names a charge has, too: the header tells them apart by what it must name.
        whole = (other for other in headers if labels.issuperset(other.mandatory_names))
        return next(whole, headers[0])
    rows = [record.fields for record in records]
    if any(names_columns(first, known) for known in PAYMENT_FORMATS.values()):
        rows = rows[1:]
    own_width = len(file_format.columns)
    own = [fields for fields in rows if len(fields) == own_width]
    if own:
        fitting = _fitting(own)
        return None if file_format in fitting else next(iter(fitting), None)
    for width in _WIDTHS:
        of_width = [fields for fields in rows if len(fields) == width]
        # Among broken rows a single one may have as many fields by chance.
        if 2 * len(of_width) >= len(rows) > 0:
            as_wide = (known for known in PAYMENT_FORMATS.values() if len(known.columns) == width)
            return next(iter(_fitting(of_width)), next(as_wide))
    return None


def _fitting(rows: Sequence[Sequence[str]]) -> list[FileFormat]:
    """Return the formats that could have written all of these equally wide rows."""
    return [
        known
        for known in PAYMENT_FORMATS.values()
        if len(known.columns) == len(rows[0]) and _fits(known, rows)
    ]


def _fits(file_format: FileFormat, rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether all rows could be the format's, by the columns in which formats differ.

    As many are the same in all formats of one width; the last three are not.
    """
    last = file_format.columns[-_COLUMNS_THAT_DIFFER:]
    return all(_could_be(last, fields[-_COLUMNS_THAT_DIFFER:]) for fields in rows)


def _could_be(columns: Sequence[Column], texts: Sequence[str]) -> bool:
    written = ["" if text.strip().lower() == "null" else text.strip() for text in texts]
    if columns[0].kind is Kind.DIGITS and written[-1] and not written[0]:
        return False  # a pledge without its donor
    return all(_could_hold(column, text) for column, text in zip(columns, written, strict=True))


def _could_hold(column: Column, text: str) -> bool:
    if not text:
        return not column.mandatory
    if column.choices:
        return text.upper() in column.choices
    if column.kind is Kind.DIGITS and not text.isdigit():
        return False
    return len(text) <= column.length_max
