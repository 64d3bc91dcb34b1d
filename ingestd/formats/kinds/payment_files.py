"""The payment files: three fixed formats in which payment providers deliver what was paid."""

from __future__ import annotations

from ingestd.formats.fields import DIGITS_MAX, Column, FileFormat, Kind
from ingestd.formats.names import FormatName

_SOURCE = "spec/payment-files.txt"


def _moment(name: str, *, title: str = "") -> Column:
    return Column(
        name=name,
        kind=Kind.MOMENT,
        mandatory=True,
        null_is_absent=True,
        title=title,
        description="When it was paid, local time: YYYY-MM-DD HH:MM:SS, or the date alone.",
    )


def _money(
    name: str, description: str, *, must_be_positive: bool = False, title: str = ""
) -> Column:
    return Column(
        name=name,
        kind=Kind.MONEY,
        mandatory=True,
        must_be_positive=must_be_positive,
        null_is_absent=True,
        title=title,
        description=description,
    )


def _code(name: str, length_max: int, description: str, *, title: str = "") -> Column:
    """Return a mandatory code."""
    return Column(
        name=name,
        kind=Kind.IDENTIFIER,
        mandatory=True,
        length_max=length_max,
        null_is_absent=True,
        title=title,
        description=description,
    )


def _optional_code(
    name: str,
    length_max: int,
    description: str,
    *,
    zero_is_absent: bool = False,
    title: str = "",
) -> Column:
    return Column(
        name=name,
        kind=Kind.IDENTIFIER,
        mandatory=False,
        length_max=length_max,
        null_is_absent=True,
        title=title,
        zero_is_absent=zero_is_absent,
        description=description,
    )


def _text(
    name: str, length_max: int, description: str, *, mandatory: bool = False, title: str = ""
) -> Column:
    return Column(
        name=name,
        kind=Kind.TEXT,
        mandatory=mandatory,
        length_max=length_max,
        null_is_absent=True,
        title=title,
        description=description,
    )


def _number(name: str, description: str, *, mandatory: bool = False, title: str = "") -> Column:
    return Column(
        name=name,
        kind=Kind.DIGITS,
        mandatory=mandatory,
        length_max=DIGITS_MAX,
        null_is_absent=True,
        title=title,
        description=description,
    )


_BATCH = "The settlement batch that the payment belongs to; unique for the merchant."
_RECEIPT = "The vendor's receipt reference; with it, the payment is known for ever."

FEE_PAYMENTS = FileFormat(
    name=FormatName.FEE_PAYMENTS,
    has_header=False,
    source=_SOURCE,
    named_by=("receipt_num", "par_code"),
    columns=(
        _moment("submit_time"),
        _money("trans_amt", "The whole payment: fee_amt + build_amt + other_amt − discount_amt."),
        _optional_code("merchant_id", 16, "The merchant's ID.", zero_is_absent=True),
        _number("batch_num", _BATCH, mandatory=True),
        _optional_code("receipt_num", 12, _RECEIPT, zero_is_absent=True),
        _code("par_code", 8, "The parent's account code at the school."),
        _money("fee_amt", "What is for the fee account.", must_be_positive=True),
        _money("build_amt", "What is for the building fund."),
        _money("other_amt", "What is for the merchant's other account of the general ledger."),
        _money("discount_amt", "The discount that is given against the fee account."),
    ),
)

_FIRST_18 = (
    _moment("payment_time", title="date/time_of_payment"),
    _money(
        "payment_amt",
        "The whole payment: nett_amt + tax_amt.",
        must_be_positive=True,
        title="payment_amount",
    ),
    _optional_code("merchant_id", 18, "The merchant's ID."),
    _number("batch_num", _BATCH, mandatory=True, title="batch_number"),
    _optional_code("receipt_num", 12, _RECEIPT, title="receipt_reference"),
    _text("received_from", 30, "The payer's full name.", mandatory=True),
    _text("address_line_1", 30, "The payer's address."),
    _text("address_line_2", 30, "The payer's address."),
    _text("address_line_3", 30, "The payer's address."),
    _text("town", 30, "The payer's town or suburb.", title="town/suburb"),
    _text("state", 3, "The payer's state."),
    _text("postcode", 10, "The payer's postcode."),
    _text("country", 20, "The payer's country."),
    _text("comment", 30, "What the payment is about.", mandatory=True, title="comment_text"),
    _code(
        "gl_account",
        18,
        "The account of the general ledger; it must be open.",
        title="gl_account_code",
    ),
    _money("nett_amt", "The amount without tax.", title="nett_distribution_amount"),
    _money("tax_amt", "The tax.", title="tax_amount"),
    _code("tax_code", 3, "The tax code."),
)

SUNDRY_PAYMENTS = FileFormat(
    name=FormatName.SUNDRY_PAYMENTS,
    has_header=False,
    source=_SOURCE,
    named_by=("receipt_num", "donor_number"),
    columns=(
        *_FIRST_18,
        _number("donor_number", "The donor; mandatory where the account requires it."),
        _optional_code("appeal_code", 4, "The appeal; mandatory where the account requires it."),
        _number("pledge_number", "A pledge of this donor."),
    ),
)

ENROLMENT_PAYMENTS = FileFormat(
    name=FormatName.ENROLMENT_PAYMENTS,
    has_header=False,
    source=_SOURCE,
    named_by=("receipt_num", "student_code"),
    columns=(
        *_FIRST_18,
        Column(
            name="receipt_type",
            kind=Kind.CHOICE,
            mandatory=True,
            choices=("G", "A", "D"),
            null_is_absent=True,
            title="enrolment_receipt_type",
            description="D: a refundable deposit. A: an advance. G: income when it settles.",
        ),
        _code("par_code", 8, "The enrolled student's parent.", title="parent_code"),
        _code("student_code", 8, "The enrolled student, not cancelled, of that parent."),
    ),
)

PAYMENT_FORMATS = {
    FormatName.FEE_PAYMENTS: FEE_PAYMENTS,
    FormatName.SUNDRY_PAYMENTS: SUNDRY_PAYMENTS,
    FormatName.ENROLMENT_PAYMENTS: ENROLMENT_PAYMENTS,
}
