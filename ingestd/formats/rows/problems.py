"""What is wrong in a batch of rows, column by column, turned into findings row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.findings.codes import Code, Finding, Verdict, shorten
from ingestd.formats.judging.judged import Problem
from ingestd.formats.layout.header import Layout, is_header_like
from ingestd.formats.layout.noise import noise_in_rejected, noise_row
from ingestd.formats.layout.shape import ShapedRows, header_repeated

T = TypeVar("T")

STRAY_QUOTE: Problem[str] = Problem(
    code=Code.STRAY_QUOTE,
    verdict=Verdict.WARNING,
    message="A quote stands inside a field that is not quoted. It was taken as part of the text.",
)
STRAY_QUOTE_IN_IDENTIFIER: Problem[str] = Problem(
    code=Code.STRAY_QUOTE,
    message="A quote stands inside this identifier, which is not quoted, so nobody can tell where "
    "it ends. Correct it where it is exported.",
)


class Problems:
    """What is wrong in a batch of rows: the first problem of each column of each row."""

    def __init__(self, rows: ShapedRows, layout: Layout, file_format: FileFormat) -> None:
        self._rows = rows
        self._format = file_format
        self._layout = layout
        self._identifiers = {
            column.name for column in file_format.columns if column.kind is Kind.IDENTIFIER
        }
        self._problems: dict[int, dict[str, Problem[Any]]] = {}
        self._amounts = {
            layout.positions[column.name]
            for column in file_format.columns
            if column.kind in {Kind.AMOUNT, Kind.MONEY} and column.name in layout.positions
        }
        self._told: list[Finding] = []

    def settled(self, column: Column, judged: Iterable[T | Problem[T] | None]) -> list[T | None]:
        """Note a column's problems, and return its clean values."""
        values: list[T | None] = []
        for index, value in enumerate(judged):
            if isinstance(value, Problem):
                self._problems.setdefault(index, {})[column.name] = value
                values.append(value.clean)
            else:
                values.append(value)
        return values

    @property
    def rejected(self) -> set[int]:
        """The index of each row that has a problem which rejects it."""
        return {
            index
            for index, found in self._problems.items()
            if any(problem.verdict is Verdict.ROW for problem in found.values())
        }

    def add(self, index: int, column: Column, problem: Problem[Any]) -> None:
        """Note a problem of one row, unless its column has one already."""
        self._problems.setdefault(index, {}).setdefault(column.name, problem)

    def tell(self, index: int, column: Column, problem: Problem[Any]) -> None:
        """Warn of what a row shows of its whole column; the row's own verdict is another matter."""
        position = self._layout.positions[column.name]
        self._told.append(replace(self._finding(index, position, problem), verdict=Verdict.WARNING))

    def add_stray_quotes(self) -> None:
        """Note the fields with stray quotes that have no other problem."""
        for index, positions in self._rows.stray_quotes.items():
            for position in positions:
                if position < len(self._layout.labels):
                    label = self._layout.labels[position]
                    is_identifier = label in self._identifiers
                    problem = STRAY_QUOTE_IN_IDENTIFIER if is_identifier else STRAY_QUOTE
                    self._problems.setdefault(index, {}).setdefault(label, problem)

    def findings(self) -> tuple[list[Finding], set[int]]:
        """Return the findings, row by row, and the index of each rejected row."""
        findings: list[Finding] = list(self._told)
        rejected: set[int] = set()
        for index in sorted(self._problems):
            found = self._problems[index]
            if any(problem.verdict is Verdict.ROW for problem in found.values()):
                rejected.add(index)
                no_row = self._no_row(index)
                if no_row is not None:
                    findings.append(no_row)
                    continue
            findings += [
                self._finding(index, position, found[label])
                for position, label in enumerate(self._layout.labels)
                if label in found
            ]
        return findings, rejected

    def _no_row(self, index: int) -> Finding | None:
        """Return the one finding on a rejected row that was never meant to be a row."""
        fields = self._rows.fields_of(index)
        row, line = self._rows.rows[index], self._rows.lines[index]
        if is_header_like(fields, self._format):
            return header_repeated(row, line)
        noise = noise_in_rejected(fields, self._layout.delimiter, self._amounts)
        if noise is not None:
            return noise_row(noise, fields, self._layout.delimiter, row, line)
        return None

    def _finding(self, index: int, position: int, problem: Problem[Any]) -> Finding:
        return Finding(
            code=problem.code,
            verdict=problem.verdict,
            message=problem.message,
            row=self._rows.rows[index],
            line=self._rows.lines[index],
            column=shorten(self._layout.labels[position]),
            value=shorten(self._rows.columns[position][index]),
        )
