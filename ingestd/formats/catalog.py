"""Catalog files: products, students and parents, as CSV with a header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from ingestd.formats.amounts import AmountJudge
from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.findings import Code, FileRefusedError, Finding, Verdict, shorten
from ingestd.formats.judged import Problem
from ingestd.formats.shape import ShapedRows
from ingestd.formats.table import TableReader
from ingestd.formats.texts import ChoiceJudge, IdentifierJudge, NoteJudge

Value = str | int | None
Row = Mapping[str, Value]
Judge = Callable[[str], "Value | Problem[str] | Problem[int]"]

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)


class CatalogKind(StrEnum):
    """What a catalog file holds."""

    PRODUCTS = "products"
    STUDENTS = "students"
    PARENTS = "parents"


def _identifier(name: str, description: str, *, mandatory: bool = False) -> Column:
    return Column(
        name=name,
        kind=Kind.IDENTIFIER,
        mandatory=mandatory,
        length_max=64,
        description=description,
    )


def _text(name: str, description: str) -> Column:
    return Column(
        name=name, kind=Kind.TEXT, mandatory=False, length_max=255, description=description
    )


def _choice(name: str, description: str, *choices: str) -> Column:
    return Column(
        name=name, kind=Kind.CHOICE, mandatory=False, choices=choices, description=description
    )


def _other(name: str, kind: Kind, description: str) -> Column:
    return Column(name=name, kind=kind, mandatory=False, description=description)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFormat:
    """A kind of catalog file, and the columns that no two of its rows may share."""

    file: FileFormat
    key: tuple[str, ...]


CATALOG_FORMATS: Mapping[CatalogKind, CatalogFormat] = MappingProxyType(
    {
        CatalogKind.PRODUCTS: CatalogFormat(
            key=("billing_code", "valid_from"),
            file=FileFormat(
                name=CatalogKind.PRODUCTS,
                has_header=True,
                source="contract, section 6",
                columns=(
                    _identifier("billing_code", "What charges name it by.", mandatory=True),
                    _text("name", "What people call it."),
                    _other("price", Kind.AMOUNT, "What a charge without an amount costs."),
                    _other("valid_from", Kind.DATE, "The first day of the price."),
                    _choice(
                        "repayment",
                        "Whether a payment for it pays it first, or the oldest debt.",
                        *("chronological", "direct"),
                    ),
                    _other("sort", Kind.WHOLE, "Which of two charges of one time is paid first."),
                    _choice(
                        "installments", "Whether it may be bought despite debt.", *("yes", "no")
                    ),
                    _identifier("gl_account", "The account of the general ledger."),
                ),
            ),
        ),
        CatalogKind.STUDENTS: CatalogFormat(
            key=("student_id",),
            file=FileFormat(
                name=CatalogKind.STUDENTS,
                has_header=True,
                source="contract, section 6",
                columns=(
                    _identifier("student_id", "Unique within the district.", mandatory=True),
                    _text("name", "The student's name."),
                    _identifier("parent_code", "The family that pays the student's fees."),
                    _choice(
                        "status", "Whether the student is enrolled.", *("enrolled", "cancelled")
                    ),
                ),
            ),
        ),
        CatalogKind.PARENTS: CatalogFormat(
            key=("parent_code",),
            file=FileFormat(
                name=CatalogKind.PARENTS,
                has_header=True,
                source="contract, section 6",
                columns=(
                    _identifier("parent_code", "The family's code.", mandatory=True),
                    _text("name", "The parent's name."),
                    _text("email", "Where invoices go."),
                ),
            ),
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogRules:
    """What a verdict on a catalog file depends on, besides its bytes."""

    decimals: int
    encoding: str = "utf-8"
    delimiter: str = ","
    reserved: frozenset[str] = frozenset()


@dataclass(slots=True)
class CatalogReading:
    """A catalog file, judged. `present` are the known columns that it has.

    Values are text, whole numbers (`price` in minor units, `sort`, `installments` as 0 or 1)
    or None where a field is empty.
    """

    rows: list[Row] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    rejected: list[tuple[int, int]] = field(default_factory=list)
    present: frozenset[str] = frozenset()
    is_refused: bool = False


def check_catalog_file(
    kind: CatalogKind, blocks: Iterable[bytes], rules: CatalogRules
) -> CatalogReading:
    """Judge a catalog file whole. Refused: `findings` says why, and there are no rows.

    `rules.reserved` are keys that a file may not use.
    """
    catalog_format = CATALOG_FORMATS[kind]
    table = TableReader(
        catalog_format.file,
        encoding=rules.encoding,
        delimiter=rules.delimiter,
        # A roster that was cut off between two rows would do no harm: nothing is ever removed.
        reject_unterminated=False,
    )
    reading = CatalogReading()
    try:
        pieces = table.begin(blocks)
        checker = _Checker(catalog_format, rules, table, reading)
        for piece in pieces:
            shaped = table.shape(piece)
            reading.findings += shaped.findings
            reading.rejected += shaped.rejected
            reading.records += len(shaped.rejected)
            checker.take(shaped.regular)
    except FileRefusedError as refusal:
        return CatalogReading(findings=list(refusal.findings), is_refused=True)
    reading.findings += table.take_findings()
    reading.findings.sort(key=lambda finding: finding.row or 0)
    return reading


class _Checker:
    """Judges rows field by field, and remembers their keys."""

    def __init__(
        self,
        catalog_format: CatalogFormat,
        rules: CatalogRules,
        table: TableReader,
        reading: CatalogReading,
    ) -> None:
        self._reading = reading
        self._key = catalog_format.key
        self._reserved = rules.reserved
        self._rows_by_key: dict[tuple[Value, ...], int] = {}
        positions = table.layout.positions
        self._columns = [
            (column, positions[column.name], _judge_of(column, rules))
            for column in catalog_format.file.columns
            if column.name in positions
        ]
        reading.present = frozenset(column.name for column, _, _ in self._columns)

    def take(self, regular: Iterable[ShapedRows]) -> None:
        for rows in regular:
            for index, (row, line) in enumerate(zip(rows.rows, rows.lines, strict=True)):
                self._reading.records += 1
                self._take_row(rows, index, row, line)

    def _take_row(self, rows: ShapedRows, index: int, row: int, line: int) -> None:
        values: dict[str, Value] = {}
        problems: list[Finding] = []
        for column, position, judge in self._columns:
            text = rows.columns[position][index]
            judged = judge(text)
            if isinstance(judged, Problem):
                problems.append(_finding(judged, column.name, text, row, line))
                judged = judged.clean
            values[column.name] = judged
        problems += self._key_problems(values, row, line)
        self._reading.findings += problems
        if any(problem.verdict is Verdict.ROW for problem in problems):
            self._reading.rejected.append((row, line))
        else:
            self._reading.rows.append(values)

    def _key_problems(self, values: Row, row: int, line: int) -> list[Finding]:
        column = self._key[0]
        key = tuple(values.get(name) for name in self._key)
        if values.get(column) in self._reserved:
            problem: Problem[str] = Problem(
                code=Code.KEY_RESERVED, message="This key is reserved. Use another."
            )
            return [_finding(problem, column, str(values[column]), row, line)]
        first = self._rows_by_key.setdefault(key, row)
        if first == row:
            return []
        problem = Problem(
            code=Code.KEY_REPEATED,
            message=f"Row {first} of this file has the same key. Keep one of them.",
        )
        return [_finding(problem, column, str(values[column]), row, line)]


def _judge_of(column: Column, rules: CatalogRules) -> Judge:
    judge = _plain_judge_of(column, rules)
    if column.mandatory:
        return judge

    def judge_optional(text: str) -> Value | Problem[str] | Problem[int]:
        return judge(text) if text.strip() else None

    return judge_optional


def _plain_judge_of(column: Column, rules: CatalogRules) -> Judge:
    match column.kind:
        case Kind.IDENTIFIER:
            return IdentifierJudge(column)
        case Kind.AMOUNT:
            return AmountJudge(rules.decimals)
        case Kind.DATE:
            return _judge_date
        case Kind.WHOLE:
            return _judge_whole
        case Kind.CHOICE:
            choice = ChoiceJudge(column, Code.CHOICE_INVALID)
            return _yes_no(choice) if column.choices == ("yes", "no") else choice
        case _:
            return NoteJudge(column)


def _yes_no(choice: ChoiceJudge) -> Judge:
    def judge(text: str) -> Value | Problem[str]:
        word = choice(text)
        return word if isinstance(word, Problem) else int(word == "yes")

    return judge


def _judge_date(text: str) -> str | Problem[str]:
    day = text.strip(" ")
    if _DATE.fullmatch(day):
        try:
            return date.fromisoformat(day).isoformat()
        except ValueError:
            pass
    return Problem(
        code=Code.DATE_INVALID, message="Write the day as YYYY-MM-DD, such as 2026-09-01."
    )


def _judge_whole(text: str) -> int | Problem[int]:
    number = text.strip(" ")
    if _WHOLE.fullmatch(number):
        return int(number)
    return Problem(
        code=Code.NUMBER_INVALID, message="Write a whole number of up to nine digits, such as 10."
    )


def _finding(
    problem: Problem[str] | Problem[int], column: str, text: str, row: int, line: int
) -> Finding:
    return Finding(
        code=problem.code,
        verdict=problem.verdict,
        message=problem.message,
        row=row,
        line=line,
        column=column,
        value=shorten(text),
    )
