"""Blank lines: left out, whatever their number, and told of once for each run of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress

from ingestd.formats.findings.codes import Code, Finding, Verdict
from ingestd.formats.reading.lines import Piece, PlainLines, SplitLines

BLANK_CHARACTERS = " \t\x1a"


@dataclass(slots=True)
class _Run:
    """Blank lines in a row, of which it is not known yet whether any record follows."""

    first_row: int
    first_line: int
    last_row: int


class BlankLines:
    """Takes the blank lines out of a file's pieces.

    A line is blank when it has nothing but delimiters and spaces. Each run of them is one
    warning once a record follows; at the end of a file they mean nothing.
    """

    def __init__(self, delimiter: str) -> None:
        self._characters = BLANK_CHARACTERS + delimiter
        # How a line begins that may be blank: most lines are told by their first character.
        self._starts = {"", *self._characters}
        self._run: _Run | None = None
        self._findings: list[Finding] = []

    def skip(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield the pieces without their blank lines, an empty one where there was nothing else."""
        for piece in pieces:
            is_filled = self._filled(piece)
            if is_filled is None:
                self._tell()
                yield piece
            elif not any(is_filled):
                if is_filled:
                    rows, lines = _numbers(piece)
                    self._extend(rows[0], lines[0], rows[-1])
                yield []
            else:
                self._note_runs(piece, is_filled)
                yield _chosen(piece, is_filled)

    def take_findings(self) -> list[Finding]:
        """Return the runs that were told since the last time."""
        findings, self._findings = self._findings, []
        return findings

    def _filled(self, piece: Piece) -> Sequence[bool] | None:
        """Tell of each line whether it is a record; None when all of them are."""
        if isinstance(piece, PlainLines):
            if self._starts.isdisjoint({text[:1] for text in piece.texts}):
                return None
            characters = self._characters
            if not "".join(piece.texts).strip(characters):
                return [False] * len(piece.texts)
            return [bool(text.strip(characters)) for text in piece.texts]
        records = piece.records if isinstance(piece, SplitLines) else [r.fields for r in piece]
        if records and self._starts.isdisjoint({fields[0][:1] for fields in records}):
            return None
        return [any(text.strip(BLANK_CHARACTERS) for text in fields) for fields in records]

    def _note_runs(self, piece: Piece, is_filled: Sequence[bool]) -> None:
        for row, line, filled in zip(*_numbers(piece), is_filled, strict=True):
            if not filled:
                self._extend(row, line, row)
            elif self._run is not None:
                self._tell()

    def _extend(self, row: int, line: int, last_row: int) -> None:
        if self._run is None:
            self._run = _Run(row, line, last_row)
        else:
            self._run.last_row = last_row

    def _tell(self) -> None:
        """Warn of the blank lines above the record that was met."""
        run, self._run = self._run, None
        if run is None:
            return
        count = run.last_row - run.first_row + 1
        what = "A blank line was" if count == 1 else f"{count} blank lines were"
        self._findings.append(
            Finding(
                code=Code.BLANK_ROW,
                verdict=Verdict.WARNING,
                message=f"{what} skipped.",
                row=run.first_row,
                line=run.first_line,
            )
        )


def _numbers(piece: Piece) -> tuple[Sequence[int], Sequence[int]]:
    if isinstance(piece, list):
        return [record.row for record in piece], [record.line for record in piece]
    return piece.rows, piece.lines


def _chosen(piece: Piece, is_filled: Sequence[bool]) -> Piece:
    """Return a piece of the filled lines alone."""
    if isinstance(piece, list):
        return list(compress(piece, is_filled))
    rows, lines = list(compress(piece.rows, is_filled)), list(compress(piece.lines, is_filled))
    if isinstance(piece, PlainLines):
        return PlainLines(rows, lines, list(compress(piece.texts, is_filled)))
    chosen = list(compress(range(len(piece.records)), is_filled))
    stray_quotes = {
        place: piece.stray_quotes[index]
        for place, index in enumerate(chosen)
        if index in piece.stray_quotes
    }
    return SplitLines(rows, lines, [piece.records[index] for index in chosen], stray_quotes)
