"""The chart of accounts, and which accounts each event moves. Source: the revenue model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from ingestd.formats.kinds.student_billing import AccountType


class LedgerAccount(IntEnum):
    """An account of the books; the numbers are stored and never change."""

    BANK = 1000
    CLEARING = 1050
    CASH = 1060
    RECEIVABLE_FEES = 1100
    RECEIVABLE_WALLET = 1110
    PAID_OUT_FEES = 1120
    PAID_OUT_WALLET = 1130
    WALLET_CREDIT = 2000
    UNAPPLIED_FEES = 2010
    UNAPPLIED_DISCOUNTS = 2015
    PENDING_RECEIPTS = 2050
    PAYOUTS_UNDER_WAY = 2060
    TRANSFERS = 2090
    DEFERRED_REVENUE = 2100
    DEFERRED_TAX = 2110
    TAX = 2200
    BUILDING_FUND = 2300
    DEPOSITS = 2310
    ADVANCES = 2320
    OTHER_GL = 2330
    REALISED_REVENUE = 4000
    DISCOUNTS = 4900
    BAD_DEBTS = 4950


class PartyKind(StrEnum):
    """Who can owe or be owed."""

    STUDENT = "student"
    PARENT = "parent"
    GUEST = "guest"
    ANONYMOUS = "anonymous"


ANONYMOUS_STUDENT_ID: Final = "ANONYMOUS"
"""The reserved student_id of the party that takes cash sales to nobody in particular."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One posting's two sides: value moves from the credit account to the debit account."""

    debit: LedgerAccount
    credit: LedgerAccount


@dataclass(frozen=True, slots=True)
class BalanceAccounts:
    """Which accounts make a party's balance: what it has in credit, less what it owes."""

    receivable: LedgerAccount
    credit: LedgerAccount


CHARGED = MappingProxyType(
    {
        AccountType.LIABILITY: Movement(
            LedgerAccount.RECEIVABLE_FEES, LedgerAccount.DEFERRED_REVENUE
        ),
        AccountType.WALLET: Movement(
            LedgerAccount.RECEIVABLE_WALLET, LedgerAccount.DEFERRED_REVENUE
        ),
    }
)

ACCOUNT_TYPE_OF = MappingProxyType({int(moved.debit): kind for kind, moved in CHARGED.items()})
"""What a charge is applied to, by the receivable that it stands on."""

BALANCE = MappingProxyType(
    {
        AccountType.LIABILITY: BalanceAccounts(
            LedgerAccount.RECEIVABLE_FEES, LedgerAccount.UNAPPLIED_FEES
        ),
        AccountType.WALLET: BalanceAccounts(
            LedgerAccount.RECEIVABLE_WALLET, LedgerAccount.WALLET_CREDIT
        ),
    }
)
