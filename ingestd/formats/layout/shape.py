"""The shape of rows: which have one field for each column, and what the others get."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ingestd.formats.fields import FileFormat
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.layout.header import Layout, is_header_like
from ingestd.formats.layout.last_row import WholeRowJudge
from ingestd.formats.layout.noise import COUNT, TOTAL, is_underline, may_count, noise_in, noise_row
from ingestd.formats.reading.lines import Piece, PlainLines, Record, SplitLines, records_of
from ingestd.formats.rules import LastRow


class ShapedRows(NamedTuple):
    """Rows that have one field for each column, turned into columns.

    `columns` follows the layout's labels. `stray_quotes` maps a row's index to the
    positions of its fields that have a quote inside, though they are not quoted.
    """

    rows: Sequence[int]
    lines: Sequence[int]
    columns: Sequence[Sequence[str]]
    stray_quotes: dict[int, tuple[int, ...]]

    def fields_of(self, index: int) -> list[str]:
        """Return the fields of one row."""
        return [column[index] for column in self.columns]


@dataclass(slots=True)
class Shaped:
    """What became of a piece: its regular rows, and findings on the others.

    `rejected_fields` are the fields of the rejected records, as many as each has.
    """

    regular: list[ShapedRows] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    rejected: list[tuple[int, int]] = field(default_factory=list)
    rejected_fields: list[Sequence[str]] = field(default_factory=list)


class Shaper:
    """Sorts a file's records by their shape; asked for each piece in turn."""

    def __init__(
        self,
        layout: Layout,
        file_format: FileFormat,
        *,
        header: list[str] | None,
        delimiter: str,
        last_row: LastRow,
        decimals: int,
    ) -> None:
        """Take the header's fields as they are written, so that they are known again.

        `last_row` says what becomes of one without a line end, `decimals` how many an amount has.
        """
        self._layout = layout
        self._header = header
        self._format = file_format
        self._delimiter = delimiter
        self._is_below_header = True
        self._last_row = last_row
        self._is_whole = WholeRowJudge(layout, file_format, decimals=decimals)

    def shape(self, piece: Piece) -> Shaped:
        """Return what became of each record of the next piece.

        Raises `FileRefusedError` for a last row that was cut off.
        """
        shaped = Shaped()
        regular = None if isinstance(piece, list) else self._regular_lines(piece)
        if regular is not None and not self._begins_with_underline(regular):
            self._is_below_header = False
            shaped.regular.append(regular)
            return shaped
        records = [
            record
            for record in records_of(piece, self._delimiter)
            if self._is_regular(record, shaped)
        ]
        if records:
            shaped.regular.append(self._turned(records))
        return shaped

    def _begins_with_underline(self, regular: ShapedRows) -> bool:
        return self._is_below_header and is_underline(regular.fields_of(0))

    def _regular_lines(self, piece: PlainLines | SplitLines) -> ShapedRows | None:
        """Turn lines into columns, all at once; None unless all of them are regular."""
        if self._layout.is_trailing:
            return None
        columns: Sequence[Sequence[str]] | None
        stray_quotes: dict[int, tuple[int, ...]]
        if isinstance(piece, PlainLines):
            columns = self._columns_of(piece.texts)
            stray_quotes = {}
        else:
            width = self._layout.width
            if set(map(len, piece.records)) != {width}:
                return None
            columns = list(zip(*piece.records, strict=True))
            stray_quotes = piece.stray_quotes
        if columns is None or (self._header and self._header[0] in columns[0]):
            return None
        if may_count("".join(columns[0])):
            return None
        return ShapedRows(
            rows=piece.rows, lines=piece.lines, columns=columns, stray_quotes=stray_quotes
        )

    def _columns_of(self, texts: Sequence[str]) -> Sequence[Sequence[str]] | None:
        """Split lines without quotes into columns; None unless all of them are regular.

        One list of all fields and a slice for each column are made faster than a list for
        each line. A line end is put between the lines as a field of its own: where one
        stands out of its place, some line has too many fields or too few.
        """
        width = self._layout.width
        delimiter = self._delimiter
        fields = f"{delimiter}\n{delimiter}".join(texts).split(delimiter)
        between = len(texts) - 1
        if len(fields) != len(texts) * width + between:
            return None
        if fields[width :: width + 1].count("\n") != between:
            return None
        return [fields[position :: width + 1] for position in range(width)]

    def _turned(self, records: Sequence[Record]) -> ShapedRows:
        rows, lines, fields, stray_quotes, *_ = zip(*records, strict=True)
        columns: list[Sequence[str]] = list(zip(*fields, strict=True))
        return ShapedRows(
            rows=rows,
            lines=lines,
            columns=columns[: len(self._layout.labels)],
            stray_quotes={index: strays for index, strays in enumerate(stray_quotes) if strays},
        )

    def _is_regular(self, record: Record, shaped: Shaped) -> bool:
        """Tell whether a record goes on to the checks; else say what is wrong with it."""
        is_below_header, self._is_below_header = self._is_below_header, False
        noise = self._noise_in(record, is_below_header=is_below_header)
        finding = (
            self._judge(record)
            if noise is None
            else noise_row(noise, record.fields, self._delimiter, record.row, record.line)
        )
        if finding is None:
            if not record.terminated and self._last_row is LastRow.COMPLETE:
                shaped.findings.append(self._unterminated(record, Verdict.WARNING))
            return True
        if finding.verdict is Verdict.FILE:
            raise FileRefusedError(*shaped.findings, finding)
        self._is_below_header = finding.code is Code.HEADER_REPEATED
        shaped.findings.append(finding)
        shaped.rejected.append((record.row, record.line))
        shaped.rejected_fields.append(record.fields)
        return False

    def _judge(self, record: Record) -> Finding | None:
        """Return what rejects a record, or the whole file, for its shape alone."""
        width = self._layout.width
        if not record.terminated:
            if len(record.fields) < width:
                return self._truncated(record)
            is_taken = self._last_row is LastRow.ACCEPT or (
                self._last_row is LastRow.COMPLETE and self._is_whole(record)
            )
            if not is_taken:
                return self._unterminated(record, Verdict.ROW)
        if any("\0" in text for text in record.fields):
            return self._null_byte(record)
        has_extra = self._layout.is_trailing and any(record.fields[width - 1 :])
        is_regular = len(record.fields) == width and not has_extra
        if record.fields == self._header or (
            not is_regular and is_header_like(record.fields, self._format)
        ):
            return header_repeated(record.row, record.line)
        if is_regular:
            return None
        return self._too_few(record) if len(record.fields) < width else self._too_many(record)

    def _noise_in(self, record: Record, *, is_below_header: bool) -> str | None:
        """Return what is said of a record that was never meant to be one.

        Below the header dashes are no values. Elsewhere a row with all its fields is judged by
        them first, and whoever calls a charge "Total" means it. Of a row that may be cut off,
        only the number of rows can be told: nothing comes after it.
        """
        is_regular = len(record.fields) == self._layout.width
        if is_regular and not is_below_header and not may_count(record.fields[0]):
            return None
        noise = noise_in(record.fields, self._delimiter)
        is_known = noise is COUNT or (record.terminated and not (is_regular and noise is TOTAL))
        return noise if is_known else None

    def _too_few(self, record: Record) -> Finding:
        missing = self._layout.labels[len(record.fields) :]
        return _about(
            record,
            Code.MISSING_CELL,
            f"The row has {len(record.fields)} fields instead of {self._layout.width}. "
            "Write every field, and leave those without a value empty.",
            column=missing[0] if missing else None,
        )

    def _too_many(self, record: Record) -> Finding:
        return _about(
            record,
            Code.EXTRA_CELL,
            f"The row has {len(record.fields)} fields instead of {len(self._layout.labels)}. "
            "Put a field that holds a delimiter in quotes, and remove what is too much.",
            value=shorten(record.fields[len(self._layout.labels)]),
        )

    def _truncated(self, record: Record) -> Finding:
        return _about(
            record,
            Code.TRUNCATED,
            f"The file ends in the middle of this row, after {len(record.fields)} of "
            f"{self._layout.width} fields, so it was probably cut off. Send the whole file again.",
            verdict=Verdict.FILE,
            value=shorten(self._delimiter.join(record.fields)),
        )

    def _unterminated(self, record: Record, verdict: Verdict) -> Finding:
        return _about(
            record,
            Code.LAST_ROW_UNTERMINATED,
            "The last row has no line end, so it may have been cut off. "
            "End it with a line break and send the file again."
            if verdict is Verdict.ROW
            else "The last row has no line end. Its last field is whole, so that nothing seems to "
            "be cut off; end every row with a line break all the same.",
            verdict=verdict,
            value=shorten(record.fields[-1]),
        )

    def _null_byte(self, record: Record) -> Finding:
        position, text = next((p, text) for p, text in enumerate(record.fields) if "\0" in text)
        labels = self._layout.labels
        return _about(
            record,
            Code.NULL_BYTE,
            "The row holds a NUL byte, so it is damaged. Export the file again.",
            column=shorten(labels[position]) if position < len(labels) else None,
            value=shorten(text),
        )


def has_trailing_delimiters(records: Iterable[Record], width: int) -> bool:
    """Tell whether all of the rows, and at least one, have one empty field too many at the end."""
    counted = [record.fields for record in records]
    return bool(counted) and all(len(fields) == width + 1 and not fields[-1] for fields in counted)


def header_repeated(row: int, line: int, verdict: Verdict = Verdict.ROW) -> Finding:
    """Return the finding for a row that names the columns again."""
    message = (
        "The header stands here again. Remove this row."
        if verdict is Verdict.ROW
        else "The file has two header rows. Keep the one that names the columns."
    )
    return Finding(code=Code.HEADER_REPEATED, verdict=verdict, message=message, row=row, line=line)


def _about(
    record: Record,
    code: Code,
    message: str,
    *,
    verdict: Verdict = Verdict.ROW,
    column: str | None = None,
    value: str | None = None,
) -> Finding:
    return Finding(
        code=code,
        verdict=verdict,
        message=message,
        row=record.row,
        line=record.line,
        column=column,
        value=value,
    )
