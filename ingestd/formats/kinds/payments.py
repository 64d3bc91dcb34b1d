"""Payment rows: what the ledger takes from a payment file of any of the three formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from ingestd.formats.fields import Column, FileFormat
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.moments import WrittenMoments
from ingestd.formats.kinds.payment_files import PAYMENT_FORMATS
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.names import FormatName
from ingestd.formats.rows.checking import CheckedRows, RowChecker, RowJudge, Value
from ingestd.formats.rows.contents import hash_contents
from ingestd.formats.rows.turned import TurnedRows
from ingestd.formats.rules import FileRules


class PaymentRow(NamedTuple):
    """One good row of a payment file, in the column order of a bulk insert.

    `row_key` is the payment's key: with a receipt number it is complete; without one it ends
    with the content and the how-manieth such row it is, here always `1`: the ledger counts.
    Amounts are in minor units; those that a format does not have are 0, its other columns None.
    """

    row: int
    line: int
    row_key: str
    content_hash: bytes
    has_receipt: int
    submitted_at: int
    amount: int
    merchant_id: str | None
    batch_num: str
    receipt_num: str | None
    parent_code: str | None
    student_id: str | None
    payer_name: str | None
    address: str | None
    comment: str | None
    gl_account: str | None
    tax_code: str | None
    receipt_type: str | None
    donor_number: str | None
    appeal_code: str | None
    pledge_number: str | None
    fee: int
    building: int
    other: int
    discount: int
    tax: int


class PaymentChecker:
    """Judges the fields of a payment file's rows, and what they come to together."""

    def __init__(self, format_name: FormatName, layout: Layout, rules: FileRules) -> None:
        self._file = _FILES[format_name]
        file_format = PAYMENT_FORMATS[format_name]
        self._name = format_name.value
        self._written = WrittenMoments(rules.timezone)
        self._rows = RowChecker(
            file_format, layout, rules, judge_row=self._file.row_judge(file_format)
        )

    def check(self, rows: ShapedRows) -> CheckedRows[PaymentRow]:
        """Return payment rows for the good rows and findings for the others."""
        checked = self._rows.check_columns(rows)
        instants, amounts, merchants, batches, receipts, *rest = cast(
            "Sequence[Sequence[Any]]", checked.values
        )
        # The fields by which two rows are the same.
        hashes = hash_contents(
            self._written.of(instants),
            *(_texts(column) for column in (amounts, merchants, batches, receipts, *rest)),
        )
        columns = (
            checked.rows,
            checked.lines,
            _keys(self._name, merchants, batches, receipts, [content.hex() for content in hashes]),
            hashes,
            [int(receipt is not None) for receipt in receipts],
            *(instants, amounts, merchants, batches, receipts),
            *self._file.columns(*rest),
        )
        return CheckedRows(
            rows=TurnedRows(PaymentRow, columns),
            findings=checked.findings,
            rejected=checked.rejected,
        )


def _texts(column: Sequence[Any]) -> Iterable[str]:
    """Return a column's values as texts; what is absent is empty."""
    if None in column:
        return ["" if value is None else str(value) for value in column]
    return map(str, column)


Columns = tuple[Sequence[Any], ...]


class _File(NamedTuple):
    """What differs between the formats: the columns after the fifth, and the sum of a row."""

    columns: Callable[..., Columns]
    row_judge: Callable[[FileFormat], RowJudge]


def _fee_columns(*values: Sequence[Any]) -> Columns:
    par_code, fee, building, other, discount = values
    none, nothing = _same(None, par_code), _same(0, par_code)
    return (par_code, *(none,) * 10, fee, building, other, discount, nothing)


def _sundry_columns(*values: Sequence[Any]) -> Columns:
    payer, *address, comment, gl_account, nett, tax, tax_code, donor, appeal, pledge = values
    none, nothing = _same(None, payer), _same(0, payer)
    return (
        *(none, none, payer, _addresses(address), comment, gl_account, tax_code, none),
        *(donor, appeal, pledge, nett, nothing, nothing, nothing, tax),
    )


def _enrolment_columns(*values: Sequence[Any]) -> Columns:
    payer, *address, comment, gl_account, nett, tax, tax_code, kind, parent, student = values
    none, nothing = _same(None, payer), _same(0, payer)
    return (
        *(parent, student, payer, _addresses(address), comment, gl_account, tax_code, kind),
        *(none, none, none, nett, nothing, nothing, nothing, tax),
    )


def _same(value: object, column: Sequence[Any]) -> Sequence[Any]:
    """Return a column of one value, as long as another."""
    return [value] * len(column)


def _addresses(lines: Sequence[Sequence[str | None]]) -> list[str | None]:
    return ["\n".join(filter(None, address)) or None for address in zip(*lines, strict=True)]


def _fee_judge(file_format: FileFormat) -> RowJudge:
    columns = {column.name: column for column in file_format.columns}
    wrong_sum = (columns["trans_amt"], _FEE_SUM)

    def judge(values: tuple[Any, ...]) -> Sequence[tuple[Column, Problem[Value]]]:
        _, amount, _, _, _, _, fee, building, other, discount = values
        sums = () if amount == fee + building + other - discount else (wrong_sum,)
        if discount > fee:
            return (*sums, (columns["discount_amt"], _DISCOUNT))
        return sums if amount > 0 else (*sums, (columns["trans_amt"], _NOTHING))

    return judge


def _nett_judge(file_format: FileFormat) -> RowJudge:
    columns = {column.name: column for column in file_format.columns}
    wrong_sum = (columns["payment_amt"], _NETT_SUM)
    pledge = columns.get("pledge_number")

    def judge(values: tuple[Any, ...]) -> Sequence[tuple[Column, Problem[Value]]]:
        sums = () if values[1] == values[15] + values[16] else (wrong_sum,)
        if pledge is not None and values[20] is not None and values[18] is None:
            return (*sums, (pledge, _PLEDGE))
        return sums

    return judge


def _keys(
    name: str,
    merchants: Sequence[str | None],
    batches: Sequence[str],
    receipts: Sequence[str | None],
    contents: Sequence[str],
) -> list[str]:
    """Return the payments' keys; a merchant or receipt that holds a colon mixes nothing up."""
    of_merchant = {
        merchant: f"{name}:{_quoted(merchant or '')}:" for merchant in dict.fromkeys(merchants)
    }
    return [
        of_merchant[merchant] + (f":{batch}:{content}:1" if receipt is None else _quoted(receipt))
        for merchant, batch, receipt, content in zip(
            merchants, batches, receipts, contents, strict=True
        )
    ]


def _quoted(text: str) -> str:
    # Most are letters and digits, which stay what they are.
    return text if text.isascii() and text.isalnum() else quote(text, safe=" ")


_FEE_SUM: Problem[Value] = Problem(
    code=Code.SUM_MISMATCH,
    message="trans_amt must be fee_amt + build_amt + other_amt - discount_amt. "
    "Correct the amounts.",
)
_NETT_SUM: Problem[Value] = Problem(
    code=Code.SUM_MISMATCH, message="payment_amt must be nett_amt + tax_amt. Correct the amounts."
)
_DISCOUNT: Problem[Value] = Problem(
    code=Code.DISCOUNT_TOO_LARGE,
    message="The discount is given against the fee and cannot be more than fee_amt.",
)
_NOTHING: Problem[Value] = Problem(
    code=Code.AMOUNT_NOT_POSITIVE, message="A payment must be more than nothing."
)
_PLEDGE: Problem[Value] = Problem(
    code=Code.PLEDGE_WITHOUT_DONOR,
    message="A pledge belongs to a donor. Fill in donor_number, or leave the pledge out.",
)

_FILES: Mapping[FormatName, _File] = {
    FormatName.FEE_PAYMENTS: _File(_fee_columns, _fee_judge),
    FormatName.SUNDRY_PAYMENTS: _File(_sundry_columns, _nett_judge),
    FormatName.ENROLMENT_PAYMENTS: _File(_enrolment_columns, _nett_judge),
}
