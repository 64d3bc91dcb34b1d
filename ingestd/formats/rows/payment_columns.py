"""Columns of payment files: how their specification writes them, and those that formats share."""

from __future__ import annotations

from ingestd.formats.fields import DIGITS_MAX, Column, Kind

SOURCE = "spec/payment-files.txt"


def moment(name: str, *, title: str = "") -> Column:
    """Return when something was paid."""
    return Column(
        name=name,
        kind=Kind.MOMENT,
        mandatory=True,
        null_is_absent=True,
        title=title,
        description="When it was paid, local time: YYYY-MM-DD HH:MM:SS, or the date alone.",
    )


def money(
    name: str, description: str, *, must_be_positive: bool = False, title: str = ""
) -> Column:
    """Return a mandatory amount."""
    return Column(
        name=name,
        kind=Kind.MONEY,
        mandatory=True,
        must_be_positive=must_be_positive,
        null_is_absent=True,
        title=title,
        description=description,
    )


def code(name: str, length_max: int, description: str, *, title: str = "") -> Column:
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


def optional_code(
    name: str,
    length_max: int,
    description: str,
    *,
    zero_is_absent: bool = False,
    title: str = "",
) -> Column:
    """Return a code that may be absent."""
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


def text(
    name: str, length_max: int, description: str, *, mandatory: bool = False, title: str = ""
) -> Column:
    """Return a text."""
    return Column(
        name=name,
        kind=Kind.TEXT,
        mandatory=mandatory,
        length_max=length_max,
        null_is_absent=True,
        title=title,
        description=description,
    )


def number(name: str, description: str, *, mandatory: bool = False, title: str = "") -> Column:
    """Return a number that names something."""
    return Column(
        name=name,
        kind=Kind.DIGITS,
        mandatory=mandatory,
        length_max=DIGITS_MAX,
        null_is_absent=True,
        title=title,
        description=description,
    )


BATCH = "The settlement batch that the payment belongs to; unique for the merchant."
RECEIPT = "The vendor's receipt reference; with it, the payment is known for ever."

PAYMENT_AMT = money(
    "payment_amt",
    "The whole payment: nett_amt + tax_amt.",
    must_be_positive=True,
    title="payment_amount",
)
FIRST_18 = (
    moment("payment_time", title="date/time_of_payment"),
    PAYMENT_AMT,
    optional_code("merchant_id", 18, "The merchant's ID."),
    number("batch_num", BATCH, mandatory=True, title="batch_number"),
    optional_code("receipt_num", 12, RECEIPT, title="receipt_reference"),
    text("received_from", 30, "The payer's full name.", mandatory=True),
    text("address_line_1", 30, "The payer's address."),
    text("address_line_2", 30, "The payer's address."),
    text("address_line_3", 30, "The payer's address."),
    text("town", 30, "The payer's town or suburb.", title="town/suburb"),
    text("state", 3, "The payer's state."),
    text("postcode", 10, "The payer's postcode."),
    text("country", 20, "The payer's country."),
    text("comment", 30, "What the payment is about.", mandatory=True, title="comment_text"),
    code(
        "gl_account",
        18,
        "The account of the general ledger; it must be open.",
        title="gl_account_code",
    ),
    money("nett_amt", "The amount without tax.", title="nett_distribution_amount"),
    money("tax_amt", "The tax.", title="tax_amount"),
    code("tax_code", 3, "The tax code."),
)
