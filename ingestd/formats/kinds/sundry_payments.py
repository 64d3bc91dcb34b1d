"""Sundry payments: what guests paid for what was sold to them, and what donors gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingestd.formats.fields import Column, FileFormat
from ingestd.formats.findings.codes import Code
from ingestd.formats.judging.judged import Problem
from ingestd.formats.names import FormatName
from ingestd.formats.rows.checking import Value
from ingestd.formats.rows.payment_columns import FIRST_18, SOURCE, number, optional_code
from ingestd.formats.rows.payments import Columns, addresses, judge_nett, payment_format, same

_PLEDGE_NUMBER = number("pledge_number", "A pledge of this donor.")

_FILE = FileFormat(
    name=FormatName.SUNDRY_PAYMENTS,
    has_header=False,
    source=SOURCE,
    named_by=("receipt_num", "donor_number"),
    columns=(
        *FIRST_18,
        number("donor_number", "The donor; mandatory where the account requires it."),
        optional_code("appeal_code", 4, "The appeal; mandatory where the account requires it."),
        _PLEDGE_NUMBER,
    ),
)

_NO_DONOR: Problem[Value] = Problem(
    code=Code.PLEDGE_WITHOUT_DONOR,
    message="A pledge belongs to a donor. Fill in donor_number, or leave the pledge out.",
)


def _columns_of_rest(*values: Sequence[Any]) -> Columns:
    payer, *address, comment, gl_account, nett, tax, tax_code, donor, appeal, pledge = values
    none, nothing = same(None, payer), same(0, payer)
    return (
        *(none, none, payer, addresses(address), *address, comment, gl_account, tax_code, none),
        *(donor, appeal, pledge, nett, nothing, nothing, nothing, tax),
    )


def _judge_row(values: tuple[Any, ...]) -> Sequence[tuple[Column, Problem[Value]]]:
    *_, donor, _appeal, pledge = values
    if pledge is not None and donor is None:
        return (*judge_nett(values), (_PLEDGE_NUMBER, _NO_DONOR))
    return judge_nett(values)


FORMAT = payment_format(_FILE, _columns_of_rest, _judge_row)
