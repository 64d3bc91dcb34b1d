"""Enrolment payments: deposits, advances and income for students who enrol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.names import FormatName
from ingestd.formats.rows.payment_columns import FIRST_18, SOURCE, code
from ingestd.formats.rows.payments import Columns, addresses, judge_nett, payment_format, same

_FILE = FileFormat(
    name=FormatName.ENROLMENT_PAYMENTS,
    has_header=False,
    source=SOURCE,
    named_by=("receipt_num", "student_code"),
    columns=(
        *FIRST_18,
        Column(
            name="receipt_type",
            kind=Kind.CHOICE,
            mandatory=True,
            choices=("G", "A", "D"),
            is_exact=True,
            null_is_absent=True,
            title="enrolment_receipt_type",
            description="D: a refundable deposit. A: an advance. G: income when it settles. In "
            "capitals.",
        ),
        code("par_code", 8, "The enrolled student's parent.", title="parent_code"),
        code("student_code", 8, "The enrolled student, not cancelled, of that parent."),
    ),
)


def _columns_of_rest(*values: Sequence[Any]) -> Columns:
    payer, *address, comment, gl_account, nett, tax, tax_code, kind, parent, student = values
    none, nothing = same(None, payer), same(0, payer)
    return (
        *(parent, student, payer, addresses(address), *address, comment, gl_account, tax_code),
        kind,
        *(none, none, none, nett, nothing, nothing, nothing, tax),
    )


FORMAT = payment_format(_FILE, _columns_of_rest, judge_nett)
