"""What is typed at an office's desk, each as one deed that can be done to any office."""

from __future__ import annotations

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.service.office import charges, payments, payouts, refunds, transfers
from tests.integration.office.at_once import Deed
from tests.integration.payments.conftest import (
    ENROLMENT,
    FEES,
    PaymentOffice,
    enrolment_row,
    fee_row,
)

MERCHANT = "ABCDE371"


def bill(amount: str = "10.00", to: str = "LIABILITY") -> Deed:
    def charge(office: PaymentOffice) -> dict[str, object]:
        office.charge(f"{to},C1,S1,LATE_FEE,{amount},2026-03-02")
        return {}

    return charge


def pay(
    key: str, amount: str, *, payer: str = "S1", to: str = "LIABILITY", how: str = "card"
) -> Deed:
    payment = payments.Payment(payer=payer, amount=amount, method=how, to=AccountType(to), key=key)
    return lambda office: payments.add_payment(office.keeper, payment)


def settle(key: str) -> Deed:
    return lambda office: payments.settle_payment(office.keeper, key)


def bounce(key: str, penalty: str | None = None) -> Deed:
    return lambda office: payments.return_payment(office.keeper, key, penalty=penalty)


def take_back(key: str) -> Deed:
    return lambda office: payments.take_back_payment(office.keeper, key)


def settle_batch(expected: str | None = None) -> Deed:
    return lambda office: payments.settle_batch(office.keeper, MERCHANT, "7", expected=expected)


def transfer(key: str, amount: str, *, to_party: str = "S2", target: str = "WALLET") -> Deed:
    moved = transfers.Transfer(
        from_party="S1",
        source=CreditSource.WALLET,
        to_party=to_party,
        target=CreditTarget(target),
        amount=amount,
        key=key,
    )
    return lambda office: transfers.add_transfer(office.keeper, moved)


def pay_out(key: str, amount: str | None, *, how: str = "check", source: str = "WALLET") -> Deed:
    asked = payouts.Payout(
        party="S1",
        source=CreditSource(source),
        method=PayoutMethod(how),
        amount=amount,
        key=key,
    )
    return lambda office: payouts.add_payout(office.keeper, asked)


def clear(key: str) -> Deed:
    return lambda office: payouts.clear(office.keeper, key)


def void_payout(key: str) -> Deed:
    return lambda office: payouts.void(office.keeper, key)


def refund(key: str | None = None, amount: str | None = None, to: str | None = None) -> Deed:
    target = None if to is None else RefundTo(to)
    return lambda office: refunds.refund_charge(
        office.keeper, "C1", amount=amount, to=target, key=key
    )


def void_charge(office: PaymentOffice) -> dict[str, object]:
    return refunds.void_charge(office.keeper, "C1")


def write_off(key: str | None = None, amount: str | None = None) -> Deed:
    return lambda office: refunds.write_off_charge(office.keeper, "C1", amount=amount, key=key)


def bring_cash(key: str, amount: str) -> Deed:
    return lambda office: payouts.bring_cash(office.keeper, amount, key=key)


def sell(key: str, amount: str, paid: Paid | None = None, party: str = "S1") -> Deed:
    sale = charges.Sale(party=party, billing_code="PROM", amount=amount, paid=paid, tracking_id=key)
    return lambda office: charges.add_sale(office.keeper, sale)


def penalise(key: str, amount: str) -> Deed:
    return lambda office: charges.add_penalty(
        office.keeper, "S1", "NSF_FEE", amount=amount, tracking_id=key
    )


def enrol(office: PaymentOffice) -> dict[str, object]:
    """Let S1 have a deposit of 100.00."""
    office.send(ENROLMENT, enrolment_row("R1", merchant="NOW"))
    return {}


def batch(office: PaymentOffice) -> dict[str, object]:
    """Let a merchant's batch 7 hold two payments of 100.00 each."""
    office.send(FEES, fee_row("R1"), fee_row("R2"))
    return {}


def settle_first_of_batch(office: PaymentOffice) -> dict[str, object]:
    return payments.settle_payment(office.keeper, office.keys()[0])
