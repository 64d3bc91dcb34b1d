"""The charge file: what a district charges to student wallets and liability accounts."""

from __future__ import annotations

from enum import StrEnum

from ingestd.formats.fields import Column, FileFormat, Kind
from ingestd.formats.names import FormatName


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
