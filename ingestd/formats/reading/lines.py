"""From text to records: line ends, quotes and sizes, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ingestd.formats.fields import DELIMITERS, FIELD_BYTES_MAX, ROW_BYTES_MAX
from ingestd.formats.findings.codes import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.reading.bytes_in import Chunk
from ingestd.formats.reading.delimiters import delimiter_unexpected

PIECE_RECORDS_MAX = 10_000

_UTF8_BYTES_A_CHARACTER_MAX = 4
_END_OF_FILE = "\x1a"  # Ctrl-Z: what DOS programs still write after the last line
_LINE_END = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')


class Record(NamedTuple):
    """One row of a file, split into fields.

    `stray_quotes` are the positions of unquoted fields with a quote inside. A record that
    is not `terminated` is the last one, without a line end; `ends_quoted` says that a quote
    closes its last field.
    """

    row: int
    line: int
    fields: list[str]
    stray_quotes: tuple[int, ...] = ()
    terminated: bool = True
    ends_quoted: bool = False


class PlainLines(NamedTuple):
    """Rows without any quote, one line each, not yet split into fields."""

    rows: Sequence[int]
    lines: Sequence[int]
    texts: list[str]


class SplitLines(NamedTuple):
    """Rows of one line each, some with quotes, split into fields.

    `stray_quotes` maps a row's index to the positions that `Record.stray_quotes` would hold.
    """

    rows: Sequence[int]
    lines: Sequence[int]
    records: list[list[str]]
    stray_quotes: dict[int, tuple[int, ...]]


Piece = PlainLines | SplitLines | list[Record]


class _Scanned(NamedTuple):
    """A record as it stands in the text: its fields, and where its content and line end stop."""

    fields: list[str]
    stray_quotes: tuple[int, ...]
    content_end: int
    end: int
    ends_quoted: bool = False


class RecordReader:
    """Splits a file's text into records and numbers them.

    Rows are numbered as a spreadsheet shows them: blank lines count, and a record with
    line breaks inside quotes is one row. LF, CRLF and CR each end a line; nothing else does.
    `line_ends_mixed_at` is the row and line of the first line end that differs from the
    ones before it, once there is one. `first_line` is the physical line that the text begins
    with, `first_row` its row, and `line_end` what ended the lines above it, if there were any.
    """

    def __init__(
        self,
        delimiter: str,
        *,
        first_line: int = 1,
        first_row: int = 1,
        line_end: str | None = None,
    ) -> None:
        self.line_ends_mixed_at: tuple[int, int] | None = None
        self._delimiter = delimiter
        self._first_row, self._first_line = first_row, first_line
        escaped = re.escape(delimiter)
        self._field_end = re.compile(rf"[{escaped}\r\n]")
        # Quotes stand around whole fields only, with none inside.
        self._tidy = re.compile(rf'[^"]*+(?:(?<![^{escaped}])"[^"]*+"(?![^{escaped}])[^"]*+)*+')
        self._row = first_row
        self._line = first_line
        self._line_end = line_end
        self._carry = ""

    def further_down(self, rows: int) -> RecordReader:
        """Return a reader of the same file that begins so many rows below its first line.

        Each of them must be one line. Call it once the first line was read.
        """
        return RecordReader(
            self._delimiter,
            first_row=self._first_row + rows,
            first_line=self._first_line + rows,
            line_end=self._line_end,
        )

    def read(self, chunks: Iterable[Chunk]) -> Iterator[Piece]:
        """Yield the file's records in pieces of at most `PIECE_RECORDS_MAX`.

        Raises `FileRefusedError` where the file cannot be split any further, after every
        record before that place has been yielded.
        """
        for chunk in chunks:
            text = self._carry + chunk.text
            yield from self._read_lines(text) or self._scan(text, final=False)
            if len(self._carry) > ROW_BYTES_MAX:
                raise FileRefusedError(self._row_too_large(self._carry))
            if chunk.stop is not None:
                raise FileRefusedError(self._placed(chunk.stop))
        yield from self._scan(self._carry.rstrip(_END_OF_FILE), final=True)

    def _placed(self, stop: Finding) -> Finding:
        """Return why the text ends with the row and line where it does."""
        # A CR at the very end may be half of a CRLF, so that its row is not numbered yet.
        ends_row = self._carry.endswith("\r") and '"' not in self._carry
        line = self._line + len(_LINE_END.findall(self._carry))
        return replace(stop, row=self._row + ends_row, line=line)

    def _read_lines(self, text: str) -> list[Piece]:
        """Read all whole lines at once when each of them is a record; else return []."""
        cut = text.rfind("\n") + 1
        body = text[:cut]
        line_end = _only_line_end(body)
        if line_end is None or "\0" in body:
            return []
        if self._line_end not in {None, line_end} and self.line_ends_mixed_at is None:
            return []
        texts = body[: -len(line_end)].split(line_end)
        if max(map(len, texts)) * _UTF8_BYTES_A_CHARACTER_MAX > FIELD_BYTES_MAX:
            return []
        pieces = self._pieces_of(texts, has_quotes='"' in body)
        if pieces:
            self._line_end = self._line_end or line_end
            self._row += len(texts)
            self._line += len(texts)
            self._carry = text[cut:]
        return pieces

    def _pieces_of(self, texts: list[str], *, has_quotes: bool) -> list[Piece]:
        """Return the pieces that lines make, or [] when a quoted field goes over a line end."""
        pieces: list[Piece] = []
        for first in range(0, len(texts), PIECE_RECORDS_MAX):
            part = texts[first : first + PIECE_RECORDS_MAX]
            rows = range(self._row + first, self._row + first + len(part))
            lines = range(self._line + first, self._line + first + len(part))
            if not has_quotes:
                pieces.append(PlainLines(rows, lines, part))
                continue
            stray_quotes: dict[int, tuple[int, ...]] = {}
            try:
                records = [self._fields_of(text, at, stray_quotes) for at, text in enumerate(part)]
            except FileRefusedError:
                return []  # the scan will say where, after the records before that place
            pieces.append(SplitLines(rows, lines, records, stray_quotes))
        return pieces

    def _fields_of(
        self, text: str, index: int, stray_quotes: dict[int, tuple[int, ...]]
    ) -> list[str]:
        """Split one line; raises `FileRefusedError` when a quote is left open or misplaced."""
        if '"' not in text:
            return text.split(self._delimiter)
        if self._tidy.fullmatch(text):
            # No NUL is in the text here: it stands in for the delimiters inside quotes.
            parts = text.split('"')
            parts[1::2] = [inside.replace(self._delimiter, "\0") for inside in parts[1::2]]
            unquoted = "".join(parts)
            fields = unquoted.split(self._delimiter)
            if "\0" not in unquoted:
                return fields
            return [field.replace("\0", self._delimiter) for field in fields]
        scanned = self._scan_quoted_record(text, 0, final=True)
        if scanned is None:
            raise RuntimeError("a whole text holds a whole record")
        if scanned.stray_quotes:
            stray_quotes[index] = scanned.stray_quotes
        return scanned.fields

    def _scan(self, text: str, *, final: bool) -> Iterator[Piece]:
        """Read record by record, and keep what is not yet a whole record."""
        position = 0
        records: list[Record] = []
        while position < len(text):
            try:
                scanned = self._scan_record(text, position, final=final)
            except FileRefusedError:
                yield records
                raise
            if scanned is None:
                break
            records.append(self._number(scanned, text, position))
            position = scanned.end
            if len(records) == PIECE_RECORDS_MAX:
                yield records
                records = []
        self._carry = text[position:]
        yield records

    def _number(self, scanned: _Scanned, text: str, start: int) -> Record:
        """Give a scanned record its row and line, and move on to the next."""
        line_end = text[scanned.content_end : scanned.end]
        record = Record(
            self._row,
            self._line,
            scanned.fields,
            scanned.stray_quotes,
            terminated=bool(line_end),
            ends_quoted=scanned.ends_quoted and not line_end,
        )
        if line_end:
            if self._line_end is None:
                self._line_end = line_end
            elif line_end != self._line_end and self.line_ends_mixed_at is None:
                self.line_ends_mixed_at = (self._row, self._line)
        self._row += 1
        self._line += 1
        if '"' in text[start : scanned.content_end]:
            self._line += len(_LINE_END.findall(text, start, scanned.content_end))
        return record

    def _scan_record(self, text: str, start: int, *, final: bool) -> _Scanned | None:
        """Find the record that starts here; None when its end is not in the text yet."""
        stop = _position_of(_LINE_END, text, start)
        if text.find('"', start, stop) >= 0:
            return self._scan_quoted_record(text, start, final=final)
        end = _after_line_end(text, stop, final=final)
        if end is None:
            return None
        return self._measured(text, start, text[start:stop].split(self._delimiter), (), stop, end)

    def _scan_quoted_record(self, text: str, start: int, *, final: bool) -> _Scanned | None:
        """Find the record that starts here and has a quote somewhere, field by field."""
        fields: list[str] = []
        stray_quotes: list[int] = []
        position = start
        while True:
            is_quoted = text.startswith('"', position)
            if is_quoted:
                match = _QUOTED.match(text, position)
                if match is None and final:
                    raise FileRefusedError(self._quote_unclosed(text[start:]))
                if match is None:
                    return None
                field = match[1].replace('""', '"')
                stop = match.end()
            else:
                stop = _position_of(self._field_end, text, position)
                field = text[position:stop]
                if '"' in field:
                    stray_quotes.append(len(fields))
            fields.append(field)
            position = stop
            if not text.startswith(self._delimiter, position):
                break
            position += len(self._delimiter)
        end = _after_line_end(text, position, final=final)
        if end == position < len(text):
            if final or text[position:].strip(_END_OF_FILE):
                self._refuse_text_after_quote(text, start, position, fields[-1])
            return None  # it may be the end of the file
        if end is None:
            return None
        measured = self._measured(text, start, fields, tuple(stray_quotes), position, end)
        return measured._replace(ends_quoted=True) if is_quoted else measured

    def _refuse_text_after_quote(self, text: str, start: int, position: int, field: str) -> None:
        """Raise `FileRefusedError` for what follows a closing quote, or for a row without end."""
        if position - start > ROW_BYTES_MAX:
            raise FileRefusedError(self._row_too_large(text[start:position]))
        raise FileRefusedError(self._text_after_quote(field, text[position]))

    def _measured(
        self,
        text: str,
        start: int,
        fields: list[str],
        stray_quotes: tuple[int, ...],
        stop: int,
        end: int,
    ) -> _Scanned:
        """Return the record, or refuse the file when the record is too large."""
        if (stop - start) * _UTF8_BYTES_A_CHARACTER_MAX > FIELD_BYTES_MAX:
            content = text[start:stop]
            if _size_bytes(content) > ROW_BYTES_MAX:
                raise FileRefusedError(self._row_too_large(content))
            for field in fields:
                if _size_bytes(field) > FIELD_BYTES_MAX:
                    raise FileRefusedError(self._field_too_large(field))
        return _Scanned(fields, stray_quotes, stop, end)

    def _refusal(self, code: Code, message: str, value: str) -> Finding:
        return Finding(
            code=code,
            verdict=Verdict.FILE,
            message=message,
            row=self._row,
            line=self._line,
            value=shorten(value),
        )

    def _quote_unclosed(self, rest: str) -> Finding:
        return self._refusal(
            Code.QUOTE_UNCLOSED,
            "A quote that opens in this row is never closed, so the rest of the file cannot be "
            'told apart. Close it, or write a quote inside a field twice ("").',
            rest,
        )

    def _text_after_quote(self, field: str, next_character: str) -> Finding:
        # Where whole files are quoted, the first delimiter already is the wrong one.
        if self._row == 1 and next_character in DELIMITERS:
            return delimiter_unexpected(
                next_character, self._delimiter, row=self._row, line=self._line
            )
        return self._refusal(
            Code.TEXT_AFTER_QUOTE,
            "Text follows a closing quote in this row. Put the whole field in quotes, and "
            'write a quote inside it twice ("").',
            f'"{field}"',
        )

    def _row_too_large(self, content: str) -> Finding:
        hint = " A quote that opens in it may never be closed." if '"' in content else ""
        return self._refusal(
            Code.ROW_TOO_LARGE,
            f"This row is longer than 1 MiB.{hint} Check its quotes and line ends.",
            content,
        )

    def _field_too_large(self, field: str) -> Finding:
        return self._refusal(
            Code.FIELD_TOO_LARGE,
            "A field in this row is longer than 128 KiB. Check the row's quotes: one may be "
            "missing.",
            field,
        )


def records_of(piece: Piece, delimiter: str) -> list[Record]:
    """Return a piece's records, split into fields."""
    if isinstance(piece, list):
        return piece
    if isinstance(piece, SplitLines):
        numbered = zip(piece.rows, piece.lines, piece.records, strict=True)
        return [
            Record(row, line, fields, piece.stray_quotes.get(index, ()))
            for index, (row, line, fields) in enumerate(numbered)
        ]
    return [
        Record(row, line, text.split(delimiter))
        for row, line, text in zip(piece.rows, piece.lines, piece.texts, strict=True)
    ]


def _only_line_end(body: str) -> str | None:
    """Return the line end that alone ends the lines of a text, or None: mixed, CR alone, none."""
    if not body:
        return None
    if "\r" not in body:
        return "\n"
    pairs = body.count("\r\n")
    return "\r\n" if pairs == body.count("\r") == body.count("\n") else None


def _after_line_end(text: str, position: int, *, final: bool) -> int | None:
    """Return where the line end at this position stops: here when there is none.

    None says that the text must go on before this can be known.
    """
    if not final and position >= len(text) - text.startswith("\r", position):
        return None
    match = _LINE_END.match(text, position)
    return match.end() if match else position


def _position_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.search(text, start)
    return match.start() if match else len(text)


def _size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
