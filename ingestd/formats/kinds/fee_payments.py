"""Fee payments: what parents paid for school fees, with the building fund and discounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingestd.formats.fields import Column, FileFormat
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem
from ingestd.formats.names import FormatName
from ingestd.formats.rows.checking import Value
from ingestd.formats.rows.payment_columns import (
    BATCH,
    RECEIPT,
    SOURCE,
    code,
    moment,
    money,
    number,
    optional_code,
)
from ingestd.formats.rows.payments import Columns, payment_format, same

_TRANS_AMT = money(
    "trans_amt", "The whole payment: fee_amt + build_amt + other_amt − discount_amt."
)
_DISCOUNT_AMT = money("discount_amt", "The discount that is given against the fee account.")

_FILE = FileFormat(
    name=FormatName.FEE_PAYMENTS,
    has_header=False,
    source=SOURCE,
    named_by=("receipt_num", "par_code"),
    columns=(
        moment("submit_time"),
        _TRANS_AMT,
        optional_code("merchant_id", 16, "The merchant's ID.", zero_is_absent=True),
        number("batch_num", BATCH, mandatory=True),
        optional_code("receipt_num", 12, RECEIPT, zero_is_absent=True),
        code("par_code", 8, "The parent's account code at the school."),
        money("fee_amt", "What is for the fee account.", must_be_positive=True),
        money("build_amt", "What is for the building fund."),
        money("other_amt", "What is for the merchant's other account of the general ledger."),
        _DISCOUNT_AMT,
    ),
)

_SUM: Problem[Value] = Problem(
    code=Code.SUM_MISMATCH,
    message="trans_amt must be fee_amt + build_amt + other_amt - discount_amt. "
    "Correct the amounts.",
)
_DISCOUNT: Problem[Value] = Problem(
    code=Code.DISCOUNT_TOO_LARGE,
    message="The discount is given against the fee and cannot be more than fee_amt.",
)
_NOTHING: Problem[Value] = Problem(
    code=Code.AMOUNT_NOT_POSITIVE, message="A payment must be more than nothing."
)


def _columns_of_rest(*values: Sequence[Any]) -> Columns:
    par_code, fee, building, other, discount = values
    none, nothing = same(None, par_code), same(0, par_code)
    return (par_code, *(none,) * 17, fee, building, other, discount, nothing)


def _judge_row(values: tuple[Any, ...]) -> Sequence[tuple[Column, Problem[Value]]]:
    _, amount, _, _, _, _, fee, building, other, discount = values
    is_sum = amount == fee + building + other - discount
    wrong = () if is_sum else ((_TRANS_AMT, _SUM),)
    if discount > fee:
        return (*wrong, (_DISCOUNT_AMT, _DISCOUNT))
    return wrong if amount > 0 else (*wrong, (_TRANS_AMT, _NOTHING))


FORMAT = payment_format(_FILE, _columns_of_rest, _judge_row)
