"""Orders: what a program asks the books to write, field by field as a command's options are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator

from ingestd.console.api.strictness import Amount, Day, Name, Words
from ingestd.formats.judging.times import YEAR_MIN
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import (
    CreditSource,
    CreditTarget,
    Paid,
    PaymentMethod,
    PayoutMethod,
    RefundTo,
)

Key = Annotated[Name | None, Field(description="Its ID; makes the request safe to repeat.")]


class Order(BaseModel):
    """What every order may say: the effective day, today by default, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: Annotated[Day | None, Field(description="The effective day. Default: today.")] = None
    reason: Annotated[Words | None, Field(description="Why; kept with it.")] = None

    @field_validator("on")
    @classmethod
    def _is_no_slip(cls, on: Day | None) -> Day | None:
        if on is not None and on.year < YEAR_MIN:
            raise ValueError(f"it lies before {YEAR_MIN}")
        return on


class PaymentOrder(Order):
    """A payment that somebody reports: pending until it settles, or cash."""

    payer: Annotated[Name, Field(description="A parent, a student or a guest.")]
    amount: Amount
    method: PaymentMethod
    to: Annotated[AccountType, Field(description="What it pays.")] = AccountType.LIABILITY
    for_charge: Annotated[
        Name | None, Field(alias="for", description="The charge_tracking_id that it names.")
    ] = None
    for_party: Annotated[Name | None, Field(description="Whose wallet it feeds.")] = None
    id: Key = None


class SettlementOrder(Order):
    """Money that is in the bank: one payment, or a merchant's whole batch."""

    payment: Name | None = None
    merchant: Annotated[
        str | None, Field(max_length=100, description="With `batch`; empty: without a merchant.")
    ] = None
    batch: Name | None = None
    expect_total: Annotated[
        Amount | None, Field(description="The bank's total of the batch; another one is refused.")
    ] = None

    @model_validator(mode="after")
    def _is_one_or_a_batch(self) -> SettlementOrder:
        is_one = self.payment is not None
        is_batch = self.merchant is not None and self.batch is not None
        has_more = (self.merchant, self.batch, self.expect_total) != (None, None, None)
        if not (is_batch and not is_one) and not (is_one and not has_more):
            raise ValueError("give `payment`, or `merchant` with `batch` (and `expect_total`)")
        if self.merchant is not None and not self.merchant.isprintable():
            raise ValueError("`merchant` holds what cannot be seen")
        return self


class ReturnOrder(Order):
    """A settled payment that bounced."""

    payment: Name
    penalty: Annotated[
        Name | None, Field(description="The billing code that the payer is charged.")
    ] = None


class RefundOrder(Order):
    """A charge that is taken back, whole or in part."""

    tracking_id: Name
    amount: Annotated[Amount | None, Field(description="So much of it; needs `id`.")] = None
    to: Annotated[RefundTo | None, Field(description="Where what was paid goes.")] = None
    id: Key = None


class WriteOffOrder(Order):
    """What is open of a charge or a payout, and given up."""

    tracking_id: Name
    amount: Annotated[Amount | None, Field(description="Default: all that is open.")] = None
    id: Key = None


class SaleOrder(Order):
    """A sale at a counter or in a shop."""

    party: Annotated[Name, Field(description="ANONYMOUS, a student, a guest; guest: a new one.")]
    billing_code: Name
    amount: Annotated[Amount | None, Field(description="Default: the product's price.")] = None
    tax: Amount | None = None
    tax_code: Name | None = None
    paid: Annotated[Paid | None, Field(description="Paid for on the spot.")] = None
    enforce: Annotated[StrictBool, Field(description="Refuse it where past debt comes first.")] = (
        False
    )
    count_pending: Annotated[
        StrictBool, Field(description="Let money that is on its way count for that.")
    ] = False
    to: AccountType | None = None
    tracking_id: Key = None
    source: Annotated[Name | None, Field(description="Where it was sold.")] = None
    name: Annotated[Words | None, Field(description="A new guest's name.")] = None
    email: Words | None = None
    phone: Words | None = None


class PenaltyOrder(Order):
    """A penalty that somebody is charged."""

    party: Name
    billing_code: Name
    amount: Annotated[Amount | None, Field(description="Default: the product's price.")] = None
    tracking_id: Key = None


class TransferOrder(Order):
    """Waiting credit that goes to another party, or to another use."""

    from_party: Name
    source: Annotated[CreditSource, Field(alias="from", description="What waits there.")]
    to_party: Name
    target: Annotated[CreditTarget, Field(alias="to", description="What it is for then.")]
    amount: Amount
    for_charge: Annotated[
        Name | None, Field(alias="for", description="The charge that it pays first.")
    ] = None
    across_families: StrictBool = False
    id: Key = None


class PayoutOrder(Order):
    """Waiting credit that is given back."""

    party: Name
    source: Annotated[CreditSource, Field(alias="from", description="What waits there.")]
    method: PayoutMethod
    amount: Annotated[Amount | None, Field(description="Default: all that waits.")] = None
    payee: Name | None = None
    reference: Name | None = None
    id: Key = None


class CashDepositOrder(Order):
    """Cash that was brought to the bank."""

    amount: Amount
    reference: Name | None = None
    id: Key = None
