"""Rows of any format, judged field by field by what the format says of its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import compress
from typing import Any, Generic, NamedTuple, TypeVar

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.findings.codes import Code, Finding
from ingestd.formats.judging.amounts import AmountJudge, MoneyJudge
from ingestd.formats.judging.judged import Judgements, Problem
from ingestd.formats.judging.moments import MomentJudge, Moments
from ingestd.formats.judging.pledges import PledgesJudge
from ingestd.formats.judging.texts import (
    VALUE_MISSING,
    ChoiceJudge,
    DigitsJudge,
    IdentifierJudge,
    ListJudge,
    NoteJudge,
    ReservedJudge,
    TextJudge,
)
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.rows.problems import Problems
from ingestd.formats.rows.trimming import Trimming
from ingestd.formats.rules import FileRules

T = TypeVar("T")

Value = str | int | None
Judge = Callable[[str], "Value | Problem[Value]"]
RowJudge = Callable[["tuple[Value, ...]"], "Sequence[tuple[Column, Problem[Value]]]"]
"""Judges the values of a row whose fields are all fine: (column, problem) for what is wrong."""

_NULL = "null"
_ABSENT_OR_ZERO = re.compile(r"|null|0+(?:\.0+)?")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,9}", re.ASCII)


class CheckedRows(NamedTuple, Generic[T]):
    """What became of a batch of regular rows: `rejected` holds (row, line) of the bad ones."""

    rows: Sequence[T]
    findings: list[Finding]
    rejected: list[tuple[int, int]]


class CheckedFields(NamedTuple):
    """One good row: a clean value for each column of its format, in the format's order.

    Columns that the file does not have, and optional fields that are empty, are None.
    Amounts are in minor units, `yes` and `no` are 1 and 0; a list is one text, with a `;`
    between its values.
    """

    row: int
    line: int
    values: tuple[Value, ...]


class CheckedColumns(NamedTuple):
    """What became of a batch of regular rows, column by column.

    `rows`, `lines` and `values` are those of the good rows; otherwise as in `CheckedRows`.
    """

    rows: Sequence[int]
    lines: Sequence[int]
    values: Sequence[Sequence[Value]]
    findings: list[Finding]
    rejected: list[tuple[int, int]]


class RowChecker:
    """Judges rows of one format; every problem of a row is told, one for each column."""

    def __init__(
        self,
        file_format: FileFormat,
        layout: Layout,
        rules: FileRules,
        *,
        judge_row: RowJudge | None = None,
    ) -> None:
        self._format = file_format
        self._layout = layout
        # Dates, amounts and codes repeat from row to row; each is judged once.
        self._judges = [_judgements_of(column, rules) for column in file_format.columns]
        self._judge_row = judge_row
        self._trimming = Trimming()

    def check(self, rows: ShapedRows) -> CheckedRows[CheckedFields]:
        """Return the values of the good rows and findings for the others."""
        checked = self.check_columns(rows)
        values = zip(*checked.values, strict=True)
        return CheckedRows(
            rows=list(map(CheckedFields, checked.rows, checked.lines, values)),
            findings=checked.findings,
            rejected=checked.rejected,
        )

    def check_columns(self, rows: ShapedRows) -> CheckedColumns:
        """Return the values of the good rows as columns, and findings for the others."""
        problems = Problems(rows, self._layout, self._format)
        columns = [
            self._checked(column, judgements, rows, problems)
            for column, judgements in zip(self._format.columns, self._judges, strict=True)
        ]
        if self._judge_row is not None:
            self._add_row_problems(columns, problems)
        problems.add_stray_quotes()
        findings, rejected = problems.findings()
        numbers, lines = rows.rows, rows.lines
        if rejected:
            is_good = [index not in rejected for index in range(len(numbers))]
            columns = [list(compress(column, is_good)) for column in columns]
            numbers, lines = list(compress(numbers, is_good)), list(compress(lines, is_good))
        return CheckedColumns(
            rows=numbers,
            lines=lines,
            values=columns,
            findings=findings,
            rejected=[(rows.rows[index], rows.lines[index]) for index in sorted(rejected)],
        )

    def _add_row_problems(self, columns: Sequence[Sequence[Value]], problems: Problems) -> None:
        """Note what is wrong with a row as a whole, where each of its fields is fine."""
        assert self._judge_row is not None
        bad, judge = problems.rejected, self._judge_row
        for index, values in enumerate(zip(*columns, strict=True)):
            for column, problem in () if index in bad else judge(values):
                problems.add(index, column, problem)

    def _checked(
        self, column: Column, judgements: Judgements[Any], rows: ShapedRows, problems: Problems
    ) -> Sequence[Value]:
        position = self._layout.positions.get(column.name)
        if position is None:
            return [None] * len(rows.rows)
        texts = rows.columns[position]
        if column.kind is not Kind.CHOICE:  # spaces around a word that is known are no surprise
            texts = self._trimming.of(column, texts, problems)
        judgements.has_problems = False
        judged: list[Any] = judgements.of(texts)
        return problems.settled(column, judged) if judgements.has_problems else judged


def _judgements_of(column: Column, rules: FileRules) -> Judgements[Any]:
    judge = judge_of(column, rules)
    if column.kind is Kind.MOMENT:
        return Moments(MomentJudge(timezone=rules.timezone, now=rules.now), otherwise=judge)
    return Judgements[Value](judge)


def judge_of(column: Column, rules: FileRules) -> Judge:
    """Return how the texts of a column are judged; an optional one may be absent."""
    text_judge = _TEXT_JUDGES.get(column.kind)
    judge = (
        _JUDGES[column.kind](column, rules)
        if text_judge is None
        else _judge_of_texts(column, text_judge(column))
    )
    if column.null_is_absent:
        judge = _null_as_empty(judge)
    if column.mandatory:
        return judge
    is_absent = _absence_of(column)

    def judge_optional(text: str) -> Value | Problem[Value]:
        return None if is_absent(text) else judge(text)

    return judge_optional


def _null_as_empty(judge: Judge) -> Judge:
    def judge_null(text: str) -> Value | Problem[Value]:
        return judge("" if text.strip(" ").lower() == _NULL else text)

    return judge_null


def _absence_of(column: Column) -> Callable[[str], bool]:
    """Return what tells that an optional field holds nothing."""
    if not column.null_is_absent:
        return lambda text: not text.strip()
    if not column.zero_is_absent:
        return lambda text: text.strip().lower() in {"", _NULL}
    return lambda text: _ABSENT_OR_ZERO.fullmatch(text.strip().lower()) is not None


def _judge_of_texts(column: Column, judge: TextJudge) -> TextJudge:
    if column.reserved:
        judge = ReservedJudge(column, judge)
    return ListJudge(judge) if column.is_list else judge


def _choice_judge(column: Column, _rules: FileRules) -> Judge:
    choice = ChoiceJudge(column, Code.CHOICE_INVALID)
    if column.choices != ("yes", "no"):
        return choice

    def judge_yes_or_no(text: str) -> Value | Problem[str]:
        word = choice(text)
        return word if isinstance(word, Problem) else int(word == "yes")

    return judge_yes_or_no


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


def _written_text(column: Column) -> TextJudge:
    note = NoteJudge(column)
    if not column.mandatory:
        return note

    def judge_written(text: str) -> str | Problem[str]:
        return note(text) if text.strip() else VALUE_MISSING

    return judge_written


_TEXT_JUDGES: Mapping[Kind, Callable[[Column], TextJudge]] = {
    Kind.IDENTIFIER: IdentifierJudge,
    Kind.DIGITS: DigitsJudge,
    Kind.TEXT: _written_text,
}

_JUDGES: Mapping[Kind, Callable[[Column, FileRules], Judge]] = {
    Kind.CHOICE: _choice_judge,
    Kind.AMOUNT: lambda _, rules: AmountJudge(rules.decimals),
    Kind.DATE: lambda *_: _judge_date,
    Kind.WHOLE: lambda *_: _judge_whole,
    Kind.MOMENT: lambda _, rules: MomentJudge(timezone=rules.timezone, now=rules.now),
    Kind.PLEDGES: lambda column, rules: PledgesJudge(column, rules.decimals),
    Kind.MONEY: lambda column, rules: MoneyJudge(
        rules.decimals, must_be_positive=column.must_be_positive
    ),
}
