"""Choices: what a command says of where money comes from, where it goes, and how."""

from __future__ import annotations

from enum import StrEnum


class CreditSource(StrEnum):
    """Whence waiting credit is taken: a wallet, what waits for fees, a deposit or an advance."""

    WALLET = "WALLET"
    LIABILITY = "LIABILITY"
    DEPOSIT = "DEPOSIT"
    ADVANCE = "ADVANCE"


class CreditTarget(StrEnum):
    """Where credit is moved to: a wallet, or fees."""

    WALLET = "WALLET"
    LIABILITY = "LIABILITY"


class PaymentMethod(StrEnum):
    """How a payment that is reported by hand was made."""

    ECHECK = "echeck"
    CASH = "cash"
    CARD = "card"
    CHECK = "check"


class PayoutMethod(StrEnum):
    """How money is given back."""

    CASH = "cash"
    CHECK = "check"
    ACH = "ach"


class RefundTo(StrEnum):
    """Where what was paid of a charge goes when it is taken back."""

    WALLET = "wallet"
    CASH = "cash"
    CHECK = "check"
    ACH = "ach"


class Paid(StrEnum):
    """How a sale was paid for on the spot: in cash, or from what the student has deposited."""

    CASH = "cash"
    DEPOSIT = "deposit"
    ADVANCE = "advance"
