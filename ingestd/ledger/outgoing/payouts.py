"""Payouts: waiting credit that is given back, as cash, by check or by ACH.

A payout is an open item that its own credit pays at once. When that credit's payment bounces, the
payout is open again: it is owed back, and paid like a fee.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ingestd.database.bulk import Temporary, analyse, create_temporary
from ingestd.database.statements import Statements
from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.codes import number_code
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.choices import CreditSource, PayoutMethod
from ingestd.ledger.outgoing.waiting import give_back_discounts
from ingestd.ledger.paying.allocations import ALLOCATIONS, allocate, apply_allocations
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges
from ingestd.ledger.paying.pools import PAYERS
from ingestd.ledger.paying.undo import UNDONE, undo_allocations
from ingestd.values.days import Day

PAYOUT_CODE: Final = "PAYOUT"
"""The reserved billing code of payouts: no file sells under it."""

EVENT = "payout"
CLEARED, VOIDED = "cleared", "payout_voided"

_SQL = Statements(__file__)

_PAYOUTS = Temporary(
    "stage_payout",
    {
        "place": "whole",
        "payout_id": "text",
        "content_hash": "octets",
        "party_no": "whole",
        "receivable_account": "whole",
        "from_account": "whole",
        "amount": "whole",
        "method": "text",
        "payee": "text?",
        "reference": "text?",
        "refund_no": "whole?",
    },
    key=("place",),
)
_TURNED = Temporary(
    "stage_turned_payout", {"posting_no": "whole", "place": "whole"}, key=("posting_no",)
)


CREDIT_OF = MappingProxyType(
    {
        CreditSource.WALLET: LedgerAccount.WALLET_CREDIT,
        CreditSource.LIABILITY: LedgerAccount.UNAPPLIED_FEES,
        CreditSource.DEPOSIT: LedgerAccount.DEPOSITS,
        CreditSource.ADVANCE: LedgerAccount.ADVANCES,
    }
)
"""On which account the credit of each source lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayout:
    """A payout: `amount` in minor units is what `stage_taken` holds for its `place`."""

    place: int = 1
    payout_id: str
    party_no: int
    source: CreditSource
    amount: int
    method: PayoutMethod
    payee: str | None = None
    reference: str | None = None
    refund_no: int | None = None

    @property
    def content_hash(self) -> bytes:
        """By which the same payout, asked for again, is known."""
        texts = (
            *(EVENT, str(self.party_no), self.source.value, self.method.value),
            *(self.payee or "", self.reference or "", str(self.refund_no or "")),
        )
        [content_hash] = hash_contents(*([text] for text in texts))
        return content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayout:
    """What the books say of a payout; `status` is pending, cleared or voided."""

    charge_no: int
    party_no: int
    source: CreditSource
    amount: int
    method: PayoutMethod
    content_hash: bytes
    paid_out_on: Day
    status: str
    cleared_on: Day | None
    voided_on: Day | None


def find_payout(entry: Entry, payout_id: str) -> StoredPayout | None:
    """Return a payout by its id; None when there is none."""
    values = {"account": entry.head.account, "payout_id": payout_id}
    row = _SQL.run(entry.connection, "find_payout", values).one_or_none()
    if row is None:
        return None
    sources = {int(account): source for source, account in CREDIT_OF.items()}
    is_cleared, is_voided = row.cleared_on is not None, row.voided_on is not None
    return StoredPayout(
        charge_no=row.charge_no,
        party_no=row.party_no,
        source=sources[row.from_account],
        amount=row.amount,
        method=PayoutMethod(row.method),
        content_hash=row.content_hash,
        paid_out_on=Day(row.effective_on),
        status="voided" if is_voided else "cleared" if is_cleared else "pending",
        cleared_on=Day(row.cleared_on) if is_cleared else None,
        voided_on=Day(row.voided_on) if is_voided else None,
    )


def cash_on_hand(entry: Entry) -> int:
    """Return the cash that is there on the entry's day and on every later one, in minor units."""
    values = {"account": entry.head.account, "day": entry.day}
    return int(_SQL.run(entry.connection, "sum_cash", values).scalar_one())


def pay_out(entry: Entry, payouts: Sequence[NewPayout]) -> None:
    """Write down payouts, and let the credit in `stage_taken` pay them.

    Each is paid whole: `stage_taken` holds its amount under its place, in a wallet or in unapplied
    fees. Cash is gone at once, anything else when it clears.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    charges_before = head.charges
    values = {
        "account": head.account,
        "day": entry.day,
        "charges": charges_before,
        "charges_before": charges_before,
        "batch_no": batch.batch_no,
    }
    create_temporary(connection, _PAYOUTS)
    _SQL.run_many(connection, "insert_payout", [_staged(payout) for payout in payouts])
    analyse(connection, _PAYOUTS)
    product_no = number_code(connection, head, batch, PAYOUT_CODE)
    charged = {**values, "product_no": product_no, "sealed_at": batch.sealed_at}
    head.charges += _SQL.run(connection, "insert_charges", charged).rowcount
    take_keys(connection, head, charges_before=charges_before)
    _SQL.run(connection, "insert_payouts", values)
    _SQL.run(connection, "insert_cash_events", values)
    post(connection, head, batch, _SQL, "post_payouts", values)
    _SQL.fill(connection, ALLOCATIONS, "stage_own_credit", values)
    apply_allocations(connection, head, batch)
    give_back_discounts(entry, event=EVENT)


def clear_payout(entry: Entry, payout: StoredPayout) -> None:
    """Say that a payout left the bank."""
    values = {
        "charge_no": payout.charge_no,
        "event": CLEARED,
        "day": entry.day,
        "batch_no": entry.batch.batch_no,
        "account": entry.head.account,
    }
    _SQL.run(entry.connection, "insert_event", values)
    post(entry.connection, entry.head, entry.batch, _SQL, "post_cleared", values)


def void_payout(entry: Entry, payout: StoredPayout) -> None:
    """Take a payout back, cleared or not: its credit waits where it came from.

    Every line of it is turned around. Of a deposit or an advance what its payment still has goes
    back there. Discounts that went back wait again, unless cash of their payment is out still.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    values = {
        "account": head.account,
        "charge_no": payout.charge_no,
        "event": "voided",
        "day": entry.day,
        "batch_no": batch.batch_no,
    }
    _SQL.run(connection, "insert_event", values)
    _SQL.fill(connection, UNDONE, "stage_undone", values)
    undo_allocations(connection, head, batch, event=VOIDED, day=entry.day)
    turned = {**values, "event": VOIDED}
    _SQL.fill(connection, _TURNED, "stage_turned", turned)
    _SQL.run(connection, "stage_turned_transfers", turned)
    _SQL.run(connection, "stage_turned_discounts", turned)
    post(connection, head, batch, _SQL, "post_turned", turned)
    _SQL.run(connection, "take_from_fees", turned)
    _SQL.run(connection, "give_back_to_lots", turned)
    _SQL.run(connection, "give_back_discounts", turned)
    _SQL.run(connection, "void_state", turned)
    _SQL.fill(connection, CHANGED, "stage_voided", turned)
    refresh_open_charges(connection, head)
    _SQL.fill(connection, PAYERS, "stage_payers", {**values, "party_no": payout.party_no})
    allocate(connection, head, batch, not_before=entry.day)


def _staged(payout: NewPayout) -> dict[str, object]:
    is_wallet = payout.source is CreditSource.WALLET
    return {
        "place": payout.place,
        "payout_id": payout.payout_id,
        "content_hash": payout.content_hash,
        "party_no": payout.party_no,
        "receivable_account": int(
            LedgerAccount.PAID_OUT_WALLET if is_wallet else LedgerAccount.PAID_OUT_FEES
        ),
        "from_account": int(CREDIT_OF[payout.source]),
        "amount": payout.amount,
        "method": payout.method.value,
        "payee": payout.payee,
        "reference": payout.reference,
        "refund_no": payout.refund_no,
    }
