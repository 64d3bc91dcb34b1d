"""Files without a header: the order of their columns, and a header that is there all the same."""

from __future__ import annotations

from collections.abc import Sequence

from ingestd.formats.fields import FileFormat, Kind
from ingestd.formats.findings.codes import Code, Finding, Verdict, shorten
from ingestd.formats.layout.header import Layout, is_header_like, normalise_label
from ingestd.formats.layout.shape import has_trailing_delimiters
from ingestd.formats.reading.lines import Record

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
