"""Names for the accounts of an exported book, legal in every tool that reads one.

A name is the ledger account's own, and behind it the party or the product: receivables and
credits are kept by party, deferred and realised revenue by product.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ingestd.ledger.books.chart import LedgerAccount

ACCOUNT_NAMES: Final[Mapping[LedgerAccount, str]] = MappingProxyType(
    {
        LedgerAccount.BANK: "Assets:Bank",
        LedgerAccount.CLEARING: "Assets:Clearing",
        LedgerAccount.CASH: "Assets:Cash",
        LedgerAccount.RECEIVABLE_FEES: "Assets:Receivable:Fees",
        LedgerAccount.RECEIVABLE_WALLET: "Assets:Receivable:Wallet",
        LedgerAccount.PAID_OUT_FEES: "Assets:PaidOut:Fees",
        LedgerAccount.PAID_OUT_WALLET: "Assets:PaidOut:Wallet",
        LedgerAccount.WALLET_CREDIT: "Liabilities:Credit:Wallet",
        LedgerAccount.UNAPPLIED_FEES: "Liabilities:Credit:Fees",
        LedgerAccount.UNAPPLIED_DISCOUNTS: "Liabilities:Credit:Discounts",
        LedgerAccount.PENDING_RECEIPTS: "Liabilities:Pending",
        LedgerAccount.PAYOUTS_UNDER_WAY: "Liabilities:Payouts",
        LedgerAccount.TRANSFERS: "Liabilities:Transfers",
        LedgerAccount.DEFERRED_REVENUE: "Liabilities:Deferred",
        LedgerAccount.DEFERRED_TAX: "Liabilities:DeferredTax",
        LedgerAccount.TAX: "Liabilities:Tax",
        LedgerAccount.BUILDING_FUND: "Liabilities:BuildingFund",
        LedgerAccount.DEPOSITS: "Liabilities:Deposits",
        LedgerAccount.ADVANCES: "Liabilities:Advances",
        LedgerAccount.OTHER_GL: "Liabilities:OtherGL",
        LedgerAccount.REALISED_REVENUE: "Income:Realised",
        LedgerAccount.DISCOUNTS: "Income:Discounts",
        LedgerAccount.BAD_DEBTS: "Income:BadDebts",
    }
)

BY_PARTY: Final = (
    LedgerAccount.RECEIVABLE_FEES,
    LedgerAccount.RECEIVABLE_WALLET,
    LedgerAccount.PAID_OUT_FEES,
    LedgerAccount.PAID_OUT_WALLET,
    LedgerAccount.WALLET_CREDIT,
    LedgerAccount.UNAPPLIED_FEES,
    LedgerAccount.UNAPPLIED_DISCOUNTS,
    LedgerAccount.DEPOSITS,
    LedgerAccount.ADVANCES,
)
"""Accounts that have one below them for each party."""

BY_PRODUCT: Final = (LedgerAccount.DEFERRED_REVENUE, LedgerAccount.REALISED_REVENUE)
"""Accounts that have one below them for each product."""

_REMEMBERED_MAX = 65_536
_PLAIN = frozenset(string.ascii_letters + string.digits)
# What may begin a component; an X there says that a code point follows.
_PLAIN_FIRST = frozenset(string.ascii_uppercase + string.digits) - {"X"}
_DASHES = {"_": "-", "-": "--"}
_CODES = {dashes: char for char, dashes in _DASHES.items()}
_WRITTEN = re.compile("^X(?P<first>[0-9A-F]+)-|---(?P<other>[0-9A-F]+)-|(?P<plain>--?)", re.ASCII)


def leaf_name(
    account: int, *, kind: str | None, party: str | None, billing_code: str | None
) -> str:
    """Return the full name of the account that a side of a posting stands on."""
    number = LedgerAccount(account)
    name = ACCOUNT_NAMES[number]
    if number in BY_PARTY and kind is not None and party is not None:
        return f"{name}:{kind.capitalize()}:{component_of(party)}"
    if number in BY_PRODUCT and billing_code is not None:
        return f"{name}:{component_of(billing_code)}"
    return name


@lru_cache(maxsize=_REMEMBERED_MAX)
def component_of(code: str) -> str:
    """Write a code as one component of an account's name; `code_of` reads it back.

    A component starts with a capital or a digit and holds ASCII letters, digits and dashes.
    Between letters and digits `_` becomes `-`, and `-` becomes `--`. Any other character becomes
    `---HEX-`, its code point; as the first one, and so does an X there, `XHEX-`.
    """
    written = []
    for position, char in enumerate(code):
        if position == 0:
            is_plain = char in _PLAIN_FIRST
            written.append(char if is_plain else f"X{ord(char):X}-")
        elif char in _PLAIN:
            written.append(char)
        elif (
            char in _DASHES
            and code[position - 1] in _PLAIN
            and code[position + 1 : position + 2] in _PLAIN
        ):
            written.append(_DASHES[char])
        else:
            written.append(f"---{ord(char):X}-")
    return "".join(written)


def code_of(component: str) -> str:
    """Return the code that `component_of` wrote."""

    def read(match: re.Match[str]) -> str:
        if match["plain"]:
            return _CODES[match["plain"]]
        return chr(int(match["first"] or match["other"], 16))

    return _WRITTEN.sub(read, component)
