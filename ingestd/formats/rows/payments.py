"""Payment rows: what the ledger takes from a payment file of any format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from ingestd.formats.fields import Column, FileFormat
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem
from ingestd.formats.judging.moments import WrittenMoments
from ingestd.formats.layout.header import Layout
from ingestd.formats.layout.shape import ShapedRows
from ingestd.formats.rows.checking import CheckedRows, RowChecker, RowJudge, Value
from ingestd.formats.rows.contents import hash_contents
from ingestd.formats.rows.judged_format import JudgedFormat
from ingestd.formats.rows.payment_columns import PAYMENT_AMT
from ingestd.formats.rows.turned import TurnedRows
from ingestd.formats.rules import FileRules

Columns = tuple[Sequence[Any], ...]
ColumnsOfRest = Callable[..., Columns]
"""Turns a format's columns after its fifth into those of `PaymentRow` from `parent_code` on."""

_NETT_SUM: Problem[Value] = Problem(
    code=Code.SUM_MISMATCH, message="payment_amt must be nett_amt + tax_amt. Correct the amounts."
)


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
    address_1: str | None
    address_2: str | None
    address_3: str | None
    town: str | None
    state: str | None
    postcode: str | None
    country: str | None
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


def payment_format(
    file: FileFormat, columns_of_rest: ColumnsOfRest, judge_row: RowJudge
) -> JudgedFormat[PaymentRow]:
    """Return a payment format; each begins with moment, amount, merchant, batch and receipt."""
    return JudgedFormat(
        file=file, make_checker=partial(PaymentChecker, file, columns_of_rest, judge_row)
    )


class PaymentChecker:
    """Judges the fields of a payment file's rows, and what they come to together."""

    def __init__(
        self,
        file: FileFormat,
        columns_of_rest: ColumnsOfRest,
        judge_row: RowJudge,
        layout: Layout,
        rules: FileRules,
    ) -> None:
        self._name = file.name
        self._columns_of_rest = columns_of_rest
        self._written = WrittenMoments(rules.timezone)
        self._rows = RowChecker(file, layout, rules, judge_row=judge_row)

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
            *self._columns_of_rest(*rest),
        )
        return CheckedRows(
            rows=TurnedRows(PaymentRow, columns),
            findings=checked.findings,
            rejected=checked.rejected,
        )


def judge_nett(values: tuple[Any, ...]) -> Sequence[tuple[Column, Problem[Value]]]:
    """Judge a row that begins with `FIRST_18`: its amount is the nett amount and the tax."""
    return () if values[1] == values[15] + values[16] else ((PAYMENT_AMT, _NETT_SUM),)


def same(value: object, column: Sequence[Any]) -> Sequence[Any]:
    """Return a column of one value, as long as another."""
    return [value] * len(column)


def addresses(lines: Sequence[Sequence[str | None]]) -> list[str | None]:
    """Return addresses of several lines, given line by line; None where all are empty."""
    return ["\n".join(filter(None, address)) or None for address in zip(*lines, strict=True)]


def _texts(column: Sequence[Any]) -> Iterable[str]:
    """Return a column's values as texts; what is absent is empty."""
    if None in column:
        return ["" if value is None else str(value) for value in column]
    return map(str, column)


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
