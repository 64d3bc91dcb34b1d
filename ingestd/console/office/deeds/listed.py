"""The deeds: all that the office's commands do, each as a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from ingestd.console.office.cells import path_of
from ingestd.console.office.deeds.forms import (
    Deed,
    Field,
    Given,
    Kind,
    amount,
    choice,
    flag,
    hidden,
    key,
    text,
)
from ingestd.console.office.payments import read_wanted
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.service.office import charges, payments, payouts, refunds, transfers
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.months import close_month


class Method(StrEnum):
    """How a payment that is reported by hand was made."""

    ECHECK = "echeck"
    CASH = "cash"
    CARD = "card"
    CHECK = "check"


def _payment(answer: Answer, given: Given) -> str:
    return path_of("/payments", answer["payment_id"])


def _charge(answer: Answer, given: Given) -> str:
    return path_of("/trace", answer["tracking_id"])


def _payout(answer: Answer, given: Given) -> str:
    return path_of("/trace", answer["payout_id"])


def _settle(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return payments.settle_payment(keeper, given["payment"], on=on)


def _return(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return payments.return_payment(keeper, given["payment"], penalty=given.get("penalty"), on=on)


def _take_back(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return payments.take_back_payment(keeper, given["payment"], on=on)


def _settle_batch(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    merchant, batch = given.get("merchant", ""), given["batch"]
    return payments.settle_batch(keeper, merchant, batch, expected=given["expected"], on=on)


def _settle_matching(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    wanted = read_wanted(given, today=on)
    return payments.settle_matching(keeper, wanted, expected=given["expected"], on=on)


def _take_payment(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    payment = payments.Payment(
        payer=given["payer"],
        amount=given["amount"],
        method=given["method"],
        to=AccountType(given["to"]),
        for_charge=given.get("for"),
        for_party=given.get("for_party"),
        key=given["id"],
    )
    return payments.add_payment(keeper, payment, on=on)


def _refund(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    to = given.get("to")
    return refunds.refund_charge(
        keeper,
        given["tracking_id"],
        amount=given.get("amount"),
        to=None if to is None else RefundTo(to),
        key=given["id"],
        on=on,
    )


def _void(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return refunds.void_charge(keeper, given["tracking_id"], on=on)


def _write_off(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return refunds.write_off_charge(
        keeper, given["tracking_id"], amount=given.get("amount"), key=given["id"], on=on
    )


def _penalty(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return charges.add_penalty(
        keeper,
        given["party"],
        given["billing_code"],
        amount=given.get("amount"),
        tracking_id=given["id"],
        on=on,
    )


def _transfer(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    transfer = transfers.Transfer(
        from_party=given["from_party"],
        source=CreditSource(given["from"]),
        to_party=given["to_party"],
        target=CreditTarget(given["to"]),
        amount=given["amount"],
        for_charge=given.get("for"),
        across_families="across_families" in given,
        key=given["id"],
    )
    return transfers.add_transfer(keeper, transfer, on=on)


def _pay_out(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    payout = payouts.Payout(
        party=given["party"],
        source=CreditSource(given["from"]),
        method=PayoutMethod(given["method"]),
        amount=given.get("amount"),
        payee=given.get("payee"),
        reference=given.get("reference"),
        key=given["id"],
    )
    return payouts.add_payout(keeper, payout, on=on)


def _clear(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return payouts.clear(keeper, given["payout"], on=on)


def _void_payout(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return payouts.void(keeper, given["payout"], on=on)


def _sell(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    paid, to = given.get("paid"), given.get("to")
    sale = charges.Sale(
        party=given["party"],
        billing_code=given["billing_code"],
        amount=given.get("amount"),
        tax=given.get("tax"),
        tax_code=given.get("tax_code"),
        paid=None if paid is None else Paid(paid),
        account_type=None if to is None else AccountType(to),
        tracking_id=given["id"],
        source=given.get("source"),
        enforces="enforce" in given,
        counts_pending="count_pending" in given,
        name=given.get("name"),
        email=given.get("email"),
        phone=given.get("phone"),
    )
    return charges.add_sale(keeper, sale, on=on)


def _bring_cash(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return payouts.bring_cash(
        keeper, given["amount"], reference=given.get("reference"), key=given["id"], on=on
    )


def _close(keeper: Bookkeeper, given: Given, on: date) -> Answer:
    return close_month(keeper, given["month"])


Perform = Callable[[Bookkeeper, Given, date], Answer]
Way = Callable[[Answer, Given], str]


def _deed(name: str, title: str, perform: Perform, way: Way, *fields: Field) -> Deed:
    return Deed(name=name, title=title, fields=fields, perform=perform, way=way)


_PAYMENT = text("payment", "Payment", needed=True)
_CHARGE = text("tracking_id", "Charge", needed=True, hint="Its tracking id.")
_PAYOUT = text("payout", "Payout", needed=True)
_PRODUCT = text("billing_code", "Product", needed=True, hint="Its billing code.")
_FOR = text("for", "For", hint="The tracking id of what it pays first.")
_TOTAL = Field(
    name="expected",
    label="The bank's total",
    kind=Kind.AMOUNT,
    is_needed=True,
    hint="Such as 160.00",
)
_FILTERS = tuple(
    hidden(name)
    for name in (
        *("kind", "merchant_id", "batch_num", "receipt_num", "payer", "donor", "pledge"),
        *("period", "happened"),
    )
)

DEEDS: Mapping[str, Deed] = MappingProxyType(
    {
        deed.name: deed
        for deed in (
            _deed("settle-payment", "Settle a payment", _settle, _payment, _PAYMENT),
            _deed(
                "return-payment",
                "Return a payment",
                _return,
                _payment,
                _PAYMENT,
                text(
                    "penalty", "Penalty", hint="The billing code to charge the payer; or nothing."
                ),
            ),
            _deed("void-payment", "Take a pending payment back", _take_back, _payment, _PAYMENT),
            _deed(
                "settle-batch",
                "Settle a batch",
                _settle_batch,
                lambda answer, given: path_of(
                    "/batches", answer["merchant_id"] or "-", answer["batch_num"]
                ),
                text("merchant", "Merchant"),
                text("batch", "Batch", needed=True),
                _TOTAL,
            ),
            _deed(
                "settle-matching",
                "Settle all that match",
                _settle_matching,
                lambda answer, given: "/payments",
                *_FILTERS,
                _TOTAL,
            ),
            _deed(
                "take-payment",
                "Take a payment",
                _take_payment,
                _payment,
                text("payer", "Payer", needed=True),
                amount(needed=True),
                choice("method", "How", Method, needed=True),
                choice("to", "To", AccountType, needed=True, default=AccountType.LIABILITY),
                _FOR,
                text("for_party", "Whose wallet", hint="Where it is for a wallet of another."),
                key(""),
            ),
            _deed(
                "refund-charge",
                "Refund a charge",
                _refund,
                _charge,
                _CHARGE,
                amount(hint="So much of it; nothing: all that is left."),
                choice("to", "What was paid goes to", RefundTo),
                key("REFUND-"),
            ),
            _deed("void-charge", "Void a charge", _void, _charge, _CHARGE),
            _deed(
                "write-off",
                "Write a charge off",
                _write_off,
                _charge,
                _CHARGE,
                amount(hint="So much of it; nothing: all that is open."),
                key("WRITE-OFF-"),
            ),
            _deed(
                "charge-penalty",
                "Charge a penalty",
                _penalty,
                _charge,
                text("party", "Party", needed=True),
                _PRODUCT,
                amount(hint="Nothing: the product's price."),
                key("PENALTY-"),
            ),
            _deed(
                "transfer",
                "Transfer waiting credit",
                _transfer,
                lambda answer, given: path_of("/parties", given["to_party"]),
                text("from_party", "From party", needed=True),
                choice("from", "What waits there", CreditSource, needed=True),
                text("to_party", "To party", needed=True),
                choice("to", "To", CreditTarget, needed=True),
                amount(needed=True),
                _FOR,
                flag("across_families", "To another family"),
                key("TRANSFER-"),
            ),
            _deed(
                "pay-out",
                "Give credit back",
                _pay_out,
                _payout,
                text("party", "Party", needed=True),
                choice("from", "What waits there", CreditSource, needed=True),
                choice("method", "How", PayoutMethod, needed=True),
                amount(hint="Nothing: all that waits."),
                text("payee", "Payee"),
                text("reference", "Reference", hint="Such as the check's number."),
                key("PAYOUT-"),
            ),
            _deed("clear-payout", "Say that a payout left the bank", _clear, _payout, _PAYOUT),
            _deed("void-payout", "Take a payout back", _void_payout, _payout, _PAYOUT),
            _deed(
                "sell",
                "Sell something",
                _sell,
                _charge,
                text("party", "Party", needed=True, hint="ANONYMOUS; guest: a new one."),
                _PRODUCT,
                amount(hint="With tax; nothing: the product's price."),
                Field(name="tax", label="Tax in it", kind=Kind.AMOUNT),
                text("tax_code", "Tax code"),
                choice("paid", "Paid on the spot", Paid),
                choice("to", "To", AccountType),
                text("source", "Place of sale"),
                flag("enforce", "Refuse it where past debt comes first"),
                flag("count_pending", "Let pending money count"),
                text("name", "A new guest's name"),
                text("email", "A new guest's e-mail"),
                text("phone", "A new guest's phone"),
                key("SALE-"),
            ),
            _deed(
                "deposit-cash",
                "Bring cash to the bank",
                _bring_cash,
                lambda answer, given: "/reports/collections?by=deposited",
                amount(needed=True),
                text("reference", "Reference", hint="Such as the deposit slip's number."),
                key("DEPOSIT-"),
            ),
            _deed(
                "close-month",
                "Close a month",
                _close,
                lambda answer, given: "/ledger",
                text("month", "Month", needed=True, hint="Such as 2026-03"),
            ),
        )
    }
)
"""By name: settle, return, take back, sell, refund, transfer, pay out, and so on."""
