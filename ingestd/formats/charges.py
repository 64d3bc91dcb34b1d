"""Charge rows: what the ledger takes from a charge file, and how its fields are judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, NamedTuple, TypeVar, cast

from ingestd.formats import student_billing as columns
from ingestd.formats.amounts import AmountJudge
from ingestd.formats.contents import hash_contents
from ingestd.formats.fields import Column
from ingestd.formats.findings import Code
from ingestd.formats.header import Layout
from ingestd.formats.judged import Judgements, Problem
from ingestd.formats.problems import Problems
from ingestd.formats.rows import CheckedRows, FileRules
from ingestd.formats.shape import ShapedRows
from ingestd.formats.student_billing import STUDENT_BILLING
from ingestd.formats.texts import ChoiceJudge, IdentifierJudge, NoteJudge
from ingestd.formats.times import TimeJudge
from ingestd.formats.trimming import Trimming
from ingestd.formats.turned import rows_of

T = TypeVar("T")

_IDENTIFIERS = (columns.CHARGE_TRACKING_ID, columns.STUDENT_ID, columns.BILLING_CODE)


class ChargeRow(NamedTuple):
    """One good row of a charge file, in the column order of a bulk insert.

    `amount_cents` is in minor units and None where the product's price is to be taken;
    `occurred_at_us` is microseconds since 1970 in UTC. `content_hash` is the same for two
    rows exactly when every field, as written after the rules, is the same.
    """

    row: int
    line: int
    account_type: str
    tracking_id: str
    student_id: str
    billing_code: str
    note: str | None
    amount_cents: int | None
    occurred_at_us: int | None
    content_hash: str


class ChargeChecker:
    """Judges the fields of a charge file's rows, many rows at a time."""

    def __init__(self, layout: Layout, rules: FileRules) -> None:
        self._layout = layout
        self._trimming = Trimming()
        self._account_types = Judgements(
            ChoiceJudge(columns.ACCOUNT_TYPE, Code.ACCOUNT_TYPE_INVALID)
        )
        self._identifiers = {column.name: IdentifierJudge(column) for column in _IDENTIFIERS}
        self._notes = NoteJudge(columns.NOTE)
        self._amounts = Judgements(AmountJudge(rules.decimals))
        self._times = TimeJudge(
            timezone=rules.timezone, now=rules.now, reject_naive=rules.reject_naive_time
        )

    def check(self, rows: ShapedRows) -> CheckedRows[ChargeRow]:
        """Return charge rows for the good rows and findings for the others.

        Every problem of a row is told, one for each column.
        """
        problems = Problems(rows, self._layout, STUDENT_BILLING)
        account_types = self._judged(
            columns.ACCOUNT_TYPE,
            self._account_types,
            self._texts_of(columns.ACCOUNT_TYPE, rows) or (),
            problems,
        )
        identifiers = [self._identified(column, rows, problems) for column in _IDENTIFIERS]
        notes = self._noted(rows, problems)
        amounts = self._charged(rows, problems)
        occurred, written_times = self._occurred(rows, problems)
        problems.add_stray_quotes()
        findings, rejected = problems.findings()
        checked: list[Iterable[Any]] = [
            rows.rows,
            rows.lines,
            account_types,
            *identifiers,
            notes,
            amounts,
            occurred,
            written_times,
        ]
        if rejected:
            is_good = [index not in rejected for index in range(len(rows.rows))]
            checked = [list(compress(column, is_good)) for column in checked]
        return CheckedRows(
            rows=_charge_rows(checked),
            findings=findings,
            rejected=[(rows.rows[index], rows.lines[index]) for index in sorted(rejected)],
        )

    def _texts_of(self, column: Column, rows: ShapedRows) -> Sequence[str] | None:
        """Return a column's texts, or None when the file does not have the column."""
        position = self._layout.positions.get(column.name)
        return None if position is None else rows.columns[position]

    def _trimmed(
        self, column: Column, rows: ShapedRows, problems: Problems
    ) -> Sequence[str] | None:
        """Return a column's texts without outer spaces; None as above."""
        texts = self._texts_of(column, rows)
        return None if texts is None else self._trimming.of(column, texts, problems)

    def _judged(
        self, column: Column, judgements: Judgements[T], texts: Sequence[str], problems: Problems
    ) -> Sequence[T | None]:
        judgements.has_problems = False
        judged = judgements.of(texts)
        if judgements.has_problems:
            return problems.settled(column, judged)
        return cast("list[T | None]", judged)

    def _identified(
        self, column: Column, rows: ShapedRows, problems: Problems
    ) -> Sequence[str | None]:
        judge = self._identifiers[column.name]
        texts = self._trimmed(column, rows, problems) or ()
        if judge.all_plain(texts):
            return texts
        judged: Iterable[str | Problem[str] | None] = map(judge, texts)
        return problems.settled(column, judged)

    def _noted(self, rows: ShapedRows, problems: Problems) -> Sequence[str | None]:
        """Return the notes, empty where there is none."""
        texts = self._trimmed(columns.NOTE, rows, problems)
        if texts is None:
            return [""] * len(rows.rows)
        if self._notes.all_plain(texts):
            return texts
        judged: Iterable[str | Problem[str] | None] = map(self._notes, texts)
        return problems.settled(columns.NOTE, judged)

    def _charged(self, rows: ShapedRows, problems: Problems) -> Sequence[int | None]:
        """Return the amounts, None where the product's price is to be taken."""
        texts = self._trimmed(columns.AMOUNT, rows, problems)
        if texts is None:
            return [None] * len(rows.rows)
        return self._judged(columns.AMOUNT, self._amounts, texts, problems)

    def _occurred(
        self, rows: ShapedRows, problems: Problems
    ) -> tuple[Sequence[int | None], Sequence[str]]:
        """Return the instants, and the text of each by which contents are compared."""
        column = columns.TRANSACTION_OCCURRED_TIME
        texts = self._trimmed(column, rows, problems)
        if texts is None:
            return [None] * len(rows.rows), [""] * len(rows.rows)
        occurred = self._times.all_with_offset(texts)
        if occurred is not None:
            return occurred
        judged = self._judged(column, self._times.remembered, texts, problems)
        return (
            [time and time.microseconds for time in judged],
            [time.written if time else "" for time in judged],
        )


def _charge_rows(columns_of_rows: Sequence[Iterable[Any]]) -> list[ChargeRow]:
    """Put the columns of good rows together: those of `ChargeRow`, then times as written.

    For the hash an absent amount reads `None`, as no amount is written.
    """
    *places, notes, amounts, occurred, written_times = columns_of_rows
    hashes = hash_contents(*places[2:], notes, map(str, amounts), written_times)
    fields = (*places, [note or None for note in notes], amounts, occurred, hashes)
    return rows_of(ChargeRow, fields)
