"""Payment rows: what the ledger takes from a payment file of any of the three formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from ingestd.formats.contents import hash_contents
from ingestd.formats.fields import FileFormat
from ingestd.formats.findings import Code
from ingestd.formats.header import Layout
from ingestd.formats.judged import Problem
from ingestd.formats.names import FormatName
from ingestd.formats.payment_files import PAYMENT_FORMATS
from ingestd.formats.rows import CheckedRows, FileRules, RowChecker, Value
from ingestd.formats.shape import ShapedRows
from ingestd.values.clock import from_microseconds

_LOCAL = len("2007-07-11 08:10:10")


class PaymentRow(NamedTuple):
    """One good row of a payment file, in the column order of a bulk insert.

    `row_key` is the payment's key: with a receipt number it is complete; without one it ends
    with the content, and the ledger adds the how-manieth such row of the file it is. Amounts are
    in minor units; the amounts that a format does not have are 0, its other columns None.
    """

    row: int
    line: int
    row_key: str
    content_hash: str
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
        self._timezone = rules.timezone
        self._rows = RowChecker(
            file_format, layout, rules, judge_row=self._file.row_judge(file_format)
        )

    def check(self, rows: ShapedRows) -> CheckedRows[PaymentRow]:
        """Return payment rows for the good rows and findings for the others."""
        checked = self._rows.check(rows)
        texts = zip(*(self._written(fields.values) for fields in checked.rows), strict=True)
        hashes = hash_contents(*texts)
        made = (
            self._made(fields.row, fields.line, content_hash, fields.values)
            for fields, content_hash in zip(checked.rows, hashes, strict=True)
        )
        return CheckedRows(rows=list(made), findings=checked.findings, rejected=checked.rejected)

    def _written(self, values: tuple[Any, ...]) -> Iterator[str]:
        """Yield the fields by which two rows are the same.

        The time is the local one, as it was written: it stays when the account's time zone is
        corrected, and with it the keys of payments without a receipt number.
        """
        yield from_microseconds(values[0]).astimezone(self._timezone).isoformat()[:_LOCAL]
        yield from ("" if value is None else str(value) for value in values[1:])

    def _made(self, row: int, line: int, content_hash: str, values: tuple[Any, ...]) -> PaymentRow:
        submitted_at, amount, merchant_id, batch_num, receipt_num, *rest = values
        return PaymentRow(
            row,
            line,
            _key(self._name, merchant_id, batch_num, receipt_num, content_hash),
            content_hash,
            int(receipt_num is not None),
            submitted_at,
            amount,
            merchant_id,
            batch_num,
            receipt_num,
            *self._file.columns(*rest),
        )


class _File(NamedTuple):
    """What differs between the formats: the columns after the fifth, and the sum of a row."""

    columns: Callable[..., tuple[Any, ...]]
    row_judge: Callable[[FileFormat], Callable[[tuple[Value, ...]], Iterator[Any]]]


def _fee_columns(
    par_code: str, fee: int, building: int, other: int, discount: int
) -> tuple[Any, ...]:
    return (par_code, *(None,) * 10, fee, building, other, discount, 0)


def _sundry_columns(*values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - sixteen fields by place
    payer, *address, comment, gl_account, nett, tax, tax_code, donor, appeal, pledge = values
    return (
        *(None, None, payer, _address(address), comment, gl_account, tax_code, None),
        *(donor, appeal, pledge, nett, 0, 0, 0, tax),
    )


def _enrolment_columns(*values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - sixteen fields by place
    payer, *address, comment, gl_account, nett, tax, tax_code, kind, parent, student = values
    return (
        *(parent, student, payer, _address(address), comment, gl_account, tax_code, kind),
        *(None, None, None, nett, 0, 0, 0, tax),
    )


def _address(lines: list[str | None]) -> str | None:
    return "\n".join(line for line in lines if line) or None


def _fee_judge(file_format: FileFormat) -> Callable[[tuple[Value, ...]], Iterator[Any]]:
    columns = {column.name: column for column in file_format.columns}

    def judge(values: tuple[Any, ...]) -> Iterator[Any]:
        amount, fee, building, other, discount = values[1], *values[6:]
        if amount != fee + building + other - discount:
            yield columns["trans_amt"], _FEE_SUM
        if discount > fee:
            yield columns["discount_amt"], _DISCOUNT
        elif amount <= 0:
            yield columns["trans_amt"], _NOTHING

    return judge


def _nett_judge(file_format: FileFormat) -> Callable[[tuple[Value, ...]], Iterator[Any]]:
    columns = {column.name: column for column in file_format.columns}

    def judge(values: tuple[Any, ...]) -> Iterator[Any]:
        amount, nett, tax = values[1], values[15], values[16]
        if amount != nett + tax:
            yield columns["payment_amt"], _NETT_SUM
        if "pledge_number" in columns and values[20] is not None and values[18] is None:
            yield columns["pledge_number"], _PLEDGE

    return judge


def _key(
    name: str, merchant_id: str | None, batch_num: str, receipt_num: str | None, content: str
) -> str:
    """Return a payment's key; a merchant or receipt that holds a colon mixes nothing up."""
    merchant = _quoted(merchant_id or "")
    if receipt_num is not None:
        return f"{name}:{merchant}:{_quoted(receipt_num)}"
    return f"{name}:{merchant}::{batch_num}:{content}"


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
