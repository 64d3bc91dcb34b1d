"""A file read as a table: the part of the way that is the same for every format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from ingestd.formats.fields import FileFormat
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict
from ingestd.formats.layout.header import (
    Layout,
    blank_last_label,
    is_header_like,
    read_header,
    refuse_cut_off_header,
)
from ingestd.formats.layout.headerless import (
    fixed_layout,
    names_columns,
    warn_of_other_names,
)
from ingestd.formats.layout.misspelt import (
    refuse_broken_header,
    refuse_misspelt,
    warnings_of_absent,
)
from ingestd.formats.layout.mistaken import KnownFormats
from ingestd.formats.layout.noise import noise_in
from ingestd.formats.layout.shape import Shaped, Shaper, has_trailing_delimiters, header_repeated
from ingestd.formats.reading.blanks import BlankLines
from ingestd.formats.reading.bytes_in import Chunk, read_text
from ingestd.formats.reading.delimiters import take_separator_line
from ingestd.formats.reading.lines import Piece, Record, RecordReader, records_of
from ingestd.formats.reading.stretches import Stretch
from ingestd.formats.rules import FileRules, LastRow

# How many records are looked at to tell one delimiter too many on every row from a slip.
RECORDS_LOOKED_AT = 100


class StretchTooHighError(Exception):
    """Raised for a stretch that begins among the first rows: the header is judged by these."""


class TableReader:
    """One file's way from its bytes to rows that have one field for each column.

    `begin` reads as far as the header; then `layout` is known, and each piece that `begin`
    returned is to be given to `shape`, in turn. What both find on the way stands in
    `findings` until it is taken. Both raise `FileRefusedError`.
    """

    def __init__(self, file_format: FileFormat, rules: FileRules, known: KnownFormats) -> None:
        self._format = file_format
        self._known = known
        self._rules = rules
        self._delimiter = rules.delimiter
        self._reader = RecordReader(rules.delimiter)
        self._blanks = BlankLines(rules.delimiter)
        self._mixed_line_ends_told = False
        self._lines_above_first = self._looked_until_row = 0
        self._shaper: Shaper | None = None
        self.layout = Layout(labels=(), positions={})
        self.findings: list[Finding] = []

    def begin(self, blocks: Iterable[bytes], chunk_bytes: int) -> Iterator[Piece]:
        """Read as far as the header, make ready for the rows, and return them in pieces."""
        chunks = read_text(blocks, self._rules.encoding, chunk_bytes=chunk_bytes)
        head = next(chunks)
        first = self._without_separator_line(head)
        pieces = self._blanks.skip(self._reader.read(chain([first], chunks)))
        header, pieces = self._first_record(pieces)
        if not self._format.has_header:
            return self._begin_without_header(header, pieces)
        self._known.refuse_payments(self._format, header, delimiter=self._delimiter)
        self._known.refuse_larger(self._format, header, delimiter=self._delimiter)
        layout, warnings = read_header(
            header, self._format, delimiter=self._delimiter, top=head.text
        )
        self.findings += warnings
        self._warn_of_unterminated(header)
        sample, pieces = self._looked_ahead(pieces)
        self.layout = self._with_trailing_delimiter(header, layout, sample)
        self._refuse_second_header(header, sample)
        refuse_misspelt(
            header,
            self.layout,
            self._format,
            sample,
            decimals=self._rules.decimals,
            ignored=self._rules.ignore_columns,
        )
        if sample:
            self.findings += warnings_of_absent(header, self.layout, self._format)
        self._make_shaper(header)
        return pieces

    def begin_below(
        self, top: Iterable[bytes], stretch: Stretch, blocks: Iterable[bytes], chunk_bytes: int
    ) -> Iterator[Piece]:
        """Read the header at the top of a file, then the rows of a stretch further down.

        `top` are the file's blocks from its first on, of which no more is read than the header
        needs; `blocks` are those of the stretch. What `top` has to be told of is told by whoever
        reads it as rows. Raises `FileRefusedError` as `begin` does, and `StretchTooHighError` where
        the header is judged by rows of the stretch: then the file cannot be cut there.
        """
        self.begin(top, chunk_bytes)
        self.findings = []
        self._blanks = BlankLines(self._delimiter)
        rows_above = stretch.lines_above - self._lines_above_first
        if self._looked_until_row >= rows_above:
            raise StretchTooHighError
        self._reader = self._reader.further_down(rows_above)
        # What a row is may depend on the one above it.
        above = stretch.line_above.decode(self._rules.encoding, "replace")
        fields = above.split(self._delimiter)
        self.shape([Record(rows_above, stretch.lines_above, fields)])
        chunks = read_text(blocks, self._rules.encoding, chunk_bytes=chunk_bytes, is_top=False)
        return self._blanks.skip(self._reader.read(chunks))

    def _without_separator_line(self, first: Chunk) -> Chunk:
        """Return the top of the file without the line that names the delimiter, if it has one."""
        text, warning = take_separator_line(first.text, self._delimiter)
        if warning is not None:
            self.findings.append(warning)
            self._reader = RecordReader(self._delimiter, first_line=2)
            self._lines_above_first = 1
        return first._replace(text=text)

    def _begin_without_header(self, first: Record, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Make ready for rows in the format's own order; a header that is there is skipped."""
        sample, pieces = self._looked_ahead(pieces)
        records = [first, *sample]
        self._known.refuse_another(self._format, records, delimiter=self._delimiter)
        self.layout = fixed_layout(self._format, records, delimiter=self._delimiter)
        if self.layout.is_trailing:
            self.findings.append(_trailing_delimiter(first))
        self._make_shaper()
        if not names_columns(first, self._format):
            return chain([[first]], pieces)
        refuse_cut_off_header(first, self._format)
        warning = warn_of_other_names(first, self._format)
        if warning is not None:
            self.findings.append(warning)
        self._warn_of_unterminated(first)
        return pieces

    def _make_shaper(self, header: Record | None = None) -> None:
        self._shaper = Shaper(
            self.layout,
            self._format,
            header=None if header is None else header.fields,
            delimiter=self._delimiter,
            last_row=self._rules.last_row_without_newline,
            decimals=self._rules.decimals,
        )

    def shape(self, piece: Piece) -> Shaped:
        """Return what became of the records of the next piece."""
        if self._shaper is None:
            raise RuntimeError("a file is begun before its rows are shaped")
        return self._shaper.shape(piece)

    def take_findings(self) -> list[Finding]:
        """Return what was found since the last time, beside what `shape` returned."""
        findings = self.findings + self._blanks.take_findings()
        self.findings = []
        mixed_at = self._reader.line_ends_mixed_at
        if mixed_at is not None and not self._mixed_line_ends_told:
            self._mixed_line_ends_told = True
            findings.append(_line_ends_mixed(*mixed_at))
        return findings

    def _looked_ahead(self, pieces: Iterator[Piece]) -> tuple[list[Record], Iterator[Piece]]:
        """Return the first records, but those that are no rows at all, without using them up."""
        seen: list[Piece] = []
        sample: list[Record] = []
        for piece in pieces:
            seen.append(piece)
            sample += records_of(piece, self._delimiter)
            if len(sample) >= RECORDS_LOOKED_AT:
                break
        self._looked_until_row = sample[-1].row if sample else 0
        rows = [record for record in sample if noise_in(record.fields, self._delimiter) is None]
        return rows[:RECORDS_LOOKED_AT], chain(seen, pieces)

    def _first_record(self, pieces: Iterator[Piece]) -> tuple[Record, Iterator[Piece]]:
        """Return the first record, and the pieces after it."""
        for piece in pieces:
            if records := records_of(piece, self._delimiter):
                return records[0], chain([records[1:]], pieces)
        raise FileRefusedError(
            Finding(
                code=Code.FILE_EMPTY,
                verdict=Verdict.FILE,
                message="The file is empty. Send it again with its rows.",
            )
        )

    def _warn_of_unterminated(self, header: Record) -> None:
        if header.terminated or self._rules.last_row_without_newline is LastRow.ACCEPT:
            return
        self.findings.append(
            Finding(
                code=Code.LAST_ROW_UNTERMINATED,
                verdict=Verdict.WARNING,
                message="The file ends within its header, without a line end. It was taken as a "
                "file without rows; if it had any, send the whole file again.",
                row=header.row,
                line=header.line,
            )
        )

    def _with_trailing_delimiter(
        self, header: Record, layout: Layout, sample: list[Record]
    ) -> Layout:
        """Allow for one delimiter too many on every row, if that is how the file is written."""
        is_in_header = len(header.fields) > len(layout.labels)
        is_in_rows = has_trailing_delimiters(sample, len(layout.labels))
        if is_in_header and sample and not is_in_rows:
            raise FileRefusedError(blank_last_label(header))
        if not is_in_header and not is_in_rows:
            return layout
        self.findings.append(_trailing_delimiter(header))
        return replace(layout, is_trailing=True)

    def _refuse_second_header(self, header: Record, sample: list[Record]) -> None:
        """Raise `FileRefusedError` when the first record names the columns again, or the rest."""
        if not sample:
            return
        second = sample[0]
        refuse_broken_header(header, second, self._format)
        if second.fields == header.fields or is_header_like(second.fields, self._format):
            raise FileRefusedError(header_repeated(second.row, second.line, Verdict.FILE))


def _trailing_delimiter(first: Record) -> Finding:
    return Finding(
        code=Code.TRAILING_DELIMITER,
        verdict=Verdict.WARNING,
        message="Every row ends with one delimiter too many. The empty field after it was ignored.",
        row=first.row,
        line=first.line,
    )


def _line_ends_mixed(row: int, line: int) -> Finding:
    return Finding(
        code=Code.LINE_ENDS_MIXED,
        verdict=Verdict.WARNING,
        message="The line ends change from here on (LF, CRLF or CR). All of them were taken as "
        "line ends.",
        row=row,
        line=line,
    )
