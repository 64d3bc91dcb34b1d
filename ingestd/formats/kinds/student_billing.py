"""The charge file: what a district charges to student wallets and liability accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import compress
from typing import Any, NamedTuple, TypeVar, cast

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.amounts import AmountJudge
from ingestd.formats.judging.judged import Judgements, Problem
from ingestd.formats.judging.texts import ChoiceJudge, IdentifierJudge, NoteJudge
from ingestd.formats.judging.times import TimeJudge
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.names import FormatName
from ingestd.formats.rows.checking import CheckedRows
from ingestd.formats.rows.contents import hash_contents
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rows.problems import Problems
from ingestd.formats.rows.trimming import Trimming
from ingestd.formats.rows.turned import TurnedRows
from ingestd.formats.rules import FileRules


class AccountType(StrEnum):
    """The account of a student that a charge is applied to."""

    WALLET = "WALLET"
    LIABILITY = "LIABILITY"


ACCOUNT_TYPE = Column(
    name="account_type",
    kind=Kind.CHOICE,
    mandatory=True,
    choices=tuple(AccountType),
    description="The account that the charge is applied to: WALLET or LIABILITY.",
)
CHARGE_TRACKING_ID = Column(
    name="charge_tracking_id",
    kind=Kind.IDENTIFIER,
    mandatory=True,
    length_max=64,
    null_is_absent=True,
    description=(
        "The charge's unique identifier. Only one charge with this key is ever applied, "
        "however often the file is uploaded."
    ),
)
STUDENT_ID = Column(
    name="student_id",
    kind=Kind.IDENTIFIER,
    mandatory=True,
    length_max=64,
    null_is_absent=True,
    description="The student's unique identifier within the district.",
)
BILLING_CODE = Column(
    name="billing_code",
    kind=Kind.IDENTIFIER,
    mandatory=True,
    length_max=64,
    description="The product that is charged for.",
)
NOTE = Column(
    name="note",
    kind=Kind.TEXT,
    mandatory=False,
    length_max=255,
    description="What the product's name does not say, such as a serial number or a book's title.",
)
AMOUNT = Column(
    name="amount",
    kind=Kind.AMOUNT,
    mandatory=False,
    description="The amount to charge. Empty: the product's price at the time of the charge.",
    known_as=tuple("amount amt price fee cost total charge value due balance".split()),
    when_absent="each charge has its product's price in the catalog",
)
TRANSACTION_OCCURRED_TIME = Column(
    name="transaction_occurred_time",
    kind=Kind.TIME,
    mandatory=False,
    description=(
        "When an older charge took place, in ISO 8601, such as 2017-05-03T14:38:02Z. "
        "Without an offset it is the account's local time."
    ),
    known_as=("date", "time", "when", "occurred", "posted", "timestamp"),
    when_absent="each charge occurs when the file is received",
)

STUDENT_BILLING = FileFormat(
    name=FormatName.STUDENT_BILLING,
    has_header=True,
    columns=(
        ACCOUNT_TYPE,
        CHARGE_TRACKING_ID,
        STUDENT_ID,
        BILLING_CODE,
        NOTE,
        AMOUNT,
        TRANSACTION_OCCURRED_TIME,
    ),
    source="spec/charge-file.txt",
    named_by=(CHARGE_TRACKING_ID.name, STUDENT_ID.name),
)

T = TypeVar("T")

_IDENTIFIERS = (CHARGE_TRACKING_ID, STUDENT_ID, BILLING_CODE)


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
    content_hash: bytes


class ChargeChecker:
    """Judges the fields of a charge file's rows, many rows at a time."""

    def __init__(self, layout: Layout, rules: FileRules) -> None:
        self._layout = layout
        self._trimming = Trimming()
        self._account_types = Judgements(ChoiceJudge(ACCOUNT_TYPE, Code.ACCOUNT_TYPE_INVALID))
        self._identifiers = {column.name: IdentifierJudge(column) for column in _IDENTIFIERS}
        self._notes = NoteJudge(NOTE)
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
            ACCOUNT_TYPE,
            self._account_types,
            self._texts_of(ACCOUNT_TYPE, rows) or (),
            problems,
        )
        identifiers = [self._identified(column, rows, problems) for column in _IDENTIFIERS]
        notes = self._noted(rows, problems)
        amounts = self._charged(rows, problems)
        occurred, written_times = self._occurred(rows, problems)
        problems.add_stray_quotes()
        findings, rejected = problems.findings()
        checked: list[Sequence[Any]] = [
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
        texts = self._trimmed(NOTE, rows, problems)
        if texts is None:
            return [""] * len(rows.rows)
        if self._notes.all_plain(texts):
            return texts
        judged: Iterable[str | Problem[str] | None] = map(self._notes, texts)
        return problems.settled(NOTE, judged)

    def _charged(self, rows: ShapedRows, problems: Problems) -> Sequence[int | None]:
        """Return the amounts, None where the product's price is to be taken."""
        texts = self._trimmed(AMOUNT, rows, problems)
        if texts is None:
            return [None] * len(rows.rows)
        return self._judged(AMOUNT, self._amounts, texts, problems)

    def _occurred(
        self, rows: ShapedRows, problems: Problems
    ) -> tuple[Sequence[int | None], Sequence[str]]:
        """Return the instants, and the text of each by which contents are compared."""
        column = TRANSACTION_OCCURRED_TIME
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


def _charge_rows(columns_of_rows: Sequence[Sequence[Any]]) -> TurnedRows[ChargeRow]:
    """Put the columns of good rows together: those of `ChargeRow`, then times as written.

    For the hash an absent amount reads `None`, as no amount is written.
    """
    *places, notes, amounts, occurred, written_times = columns_of_rows
    hashes = hash_contents(*places[2:], notes, map(str, amounts), written_times)
    fields = (*places, [note or None for note in notes], amounts, occurred, hashes)
    return TurnedRows(ChargeRow, fields)


FORMAT = JudgedFormat(file=STUDENT_BILLING, make_checker=ChargeChecker)
