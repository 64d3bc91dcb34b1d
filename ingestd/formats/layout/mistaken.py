"""Files under another format's name: their rows or their header say which one they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ingestd.formats.fields import DELIMITERS, Column, FileFormat, Kind
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.layout.header import is_header_like, normalise_label
from ingestd.formats.layout.headerless import names_columns
from ingestd.formats.reading.delimiters import delimiter_unexpected
from ingestd.formats.reading.lines import Record

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COLUMNS_THAT_DIFFER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFormats:
    """The formats that a file may be of under another's name: payments have no header."""

    with_header: Sequence[FileFormat]
    payments: Sequence[FileFormat]

    @property
    def _widths(self) -> Sequence[int]:
        return sorted({len(known.columns) for known in self.payments})

    def refuse_another(
        self, file_format: FileFormat, records: Sequence[Record], *, delimiter: str
    ) -> None:
        """Raise `FileRefusedError` when the rows are those of another format or delimiter."""
        first = records[0]
        seen = self._delimiter_seen(records, file_format, delimiter)
        if seen is not None:
            record, other_delimiter = seen
            raise FileRefusedError(
                delimiter_unexpected(other_delimiter, delimiter, row=record.row, line=record.line)
            )
        other = self._other_than(file_format, records)
        if other is not None:
            raise FileRefusedError(_format_unexpected(file_format, other, first, delimiter))

    def refuse_payments(self, file_format: FileFormat, first: Record, *, delimiter: str) -> None:
        """Raise `FileRefusedError` when a payment stands where a format has its header."""
        if not _DAY.match(first.fields[0]):
            return
        for known in self._fitting([first.fields]):
            raise FileRefusedError(_format_unexpected(file_format, known, first, delimiter))

    def refuse_larger(self, file_format: FileFormat, header: Record, *, delimiter: str) -> None:
        """Raise `FileRefusedError` when a header names all that a format with more columns needs.

        A charge file under a refund's name would be a refund file with columns too many, and take
        every charge back that it means to make.
        """
        labels = {normalise_label(field) for field in header.fields}
        for known in self.with_header:
            needed = set(known.mandatory_names)
            if needed > set(file_format.mandatory_names) and needed <= labels:
                raise FileRefusedError(_format_unexpected(file_format, known, header, delimiter))

    def _delimiter_seen(
        self, records: Sequence[Record], file_format: FileFormat, delimiter: str
    ) -> tuple[Record, str] | None:
        """Return the first record that is as wide as a payment by another delimiter, and that."""
        # An amount with a decimal comma gives fields of its own, but never as many as there are.
        if any(len(record.fields) >= len(file_format.columns) for record in records):
            return None
        for record in records:
            text = delimiter.join(record.fields)
            for other in DELIMITERS:
                if other != delimiter and len(text.split(other)) in self._widths:
                    return record, other
        return None

    def _other_than(self, file_format: FileFormat, records: Sequence[Record]) -> FileFormat | None:
        first = records[0]
        labels = {normalise_label(text) for text in first.fields}
        headers = [other for other in self.with_header if is_header_like(first.fields, other)]
        if headers:
            # What a refund names a charge has, too: what it must name tells them apart.
            whole = (other for other in headers if labels.issuperset(other.mandatory_names))
            return next(whole, headers[0])
        rows = [record.fields for record in records]
        if any(names_columns(first, known) for known in self.payments):
            rows = rows[1:]
        own_width = len(file_format.columns)
        own = [fields for fields in rows if len(fields) == own_width]
        if own:
            fitting = self._fitting(own)
            return None if file_format in fitting else next(iter(fitting), None)
        for width in self._widths:
            of_width = [fields for fields in rows if len(fields) == width]
            # Among broken rows a single one may have as many fields by chance.
            if 2 * len(of_width) >= len(rows) > 0:
                as_wide = (known for known in self.payments if len(known.columns) == width)
                return next(iter(self._fitting(of_width)), next(as_wide))
        return None

    def _fitting(self, rows: Sequence[Sequence[str]]) -> list[FileFormat]:
        """Return the formats that could have written all of these equally wide rows."""
        return [
            known
            for known in self.payments
            if len(known.columns) == len(rows[0]) and _fits(known, rows)
        ]


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
