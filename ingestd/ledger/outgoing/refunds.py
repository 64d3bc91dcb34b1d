"""Refunds: a charge is taken back, whole or in part; what was paid of it goes back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ingestd.database.bulk import Temporary, create_temporary
from ingestd.database.statements import Statements
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.entries.keys import PAYOUT_PREFIX, free_id
from ingestd.ledger.money.choices import CreditSource, PayoutMethod, RefundTo
from ingestd.ledger.money.sales import find_charge
from ingestd.ledger.outgoing.payouts import NewPayout, pay_out
from ingestd.ledger.outgoing.waiting import TAKEN
from ingestd.ledger.paying.allocations import (
    ALLOCATIONS,
    allocate,
    apply_allocations,
    credit_waits,
)
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges
from ingestd.ledger.paying.pools import PAYERS
from ingestd.ledger.paying.taxes import TaxShares
from ingestd.ledger.paying.undo import UNDONE, undo_allocations
from ingestd.values.days import Day

EVENT = "refund"

_SQL = Statements(__file__)

REFUNDING = Temporary(
    "stage_refunding",
    {
        "place": "whole",
        "charge_no": "whole",
        "amount": "whole",
        "tax": "whole",
        "paid_to": "text",
        "refund_key": "text?",
        "content_hash": "octets",
        "tx_item_rowid": "text?",
        "note": "text?",
        "row": "whole?",
    },
    key=("place",),
)
"""The charges that are taken back, each once, from place 1 on, with how much of each; the caller
fills it. How much of that is tax is told later."""

_REACHED = Temporary(
    "stage_reached",
    {"allocation_no": "whole", "place": "whole", "charge_no": "whole", "stays": "whole"},
    key=("allocation_no",),
)
_FREED = Temporary(
    "stage_freed",
    {
        "place": "whole",
        "payment_no": "whole",
        "credit_account": "whole",
        "payer_no": "whole",
        "party_no": "whole",
        "charge_no": "whole",
        "amount": "whole",
        "effective_on": "whole",
    },
    key=("place", "payment_no", "credit_account", "payer_no"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefund:
    """A refund by command, `amount` in minor units of what is still to be taken back."""

    charge_no: int
    amount: int
    to: RefundTo
    key: str | None
    content_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRefund:
    """What the books say of a refund; amounts in minor units.

    `freed` is what had been paid of it in money, `discounts` what by discounts; `payout_id` tells
    how the money went out, None where it waits in the wallet.
    """

    refund_no: int
    charge_no: int
    amount: int
    tax: int
    to: RefundTo
    content_hash: bytes
    freed: int
    discounts: int
    payout_id: str | None
    refunded_on: Day


def find_refund(entry: Entry, charge_no: int, *, key: str | None) -> StoredRefund | None:
    """Return the refund of a key; without one the last refund of a charge; None for none."""
    values = {"account": entry.head.account, "charge_no": charge_no, "refund_key": key}
    row = _SQL.run(entry.connection, "find_refund", values).one_or_none()
    if row is None:
        return None
    return StoredRefund(
        refund_no=row.refund_no,
        charge_no=row.charge_no,
        amount=row.amount,
        tax=row.tax,
        to=RefundTo(row.paid_to),
        content_hash=row.content_hash,
        freed=int(row.freed),
        discounts=int(row.discounts),
        payout_id=row.payout_id,
        refunded_on=Day(row.effective_on),
    )


def refund_charge(entry: Entry, refund: NewRefund, *, payout_id: str | None) -> None:
    """Refund one charge by command; so much of it must be left to be taken back.

    `payout_id` is what a payout is called, where the money goes out.
    """
    create_temporary(entry.connection, REFUNDING)
    _SQL.run(
        entry.connection,
        "insert_refunding",
        {
            "charge_no": refund.charge_no,
            "amount": refund.amount,
            "paid_to": refund.to.value,
            "refund_key": refund.key,
            "content_hash": refund.content_hash,
        },
    )
    post_refunds(entry, payout_ids={} if payout_id is None else {1: payout_id})


def post_refunds(entry: Entry, *, payout_ids: dict[int, str]) -> None:
    """Take back what is staged in `stage_refunding`: facts, postings, and where the money goes.

    What is open of a charge is taken back first, then what was paid of it, the last allocation
    first; of one that is reached in part the rest is allocated anew. What was paid goes to the
    wallet of the party that was charged, as credit of the payment that it came from, and out
    from there where the refund says so, under the id that `payout_ids` has for its place. A
    discount goes back to where it came from. What is left in the wallet pays what is open.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    refunds_before = head.refunds
    values = {"account": head.account, "day": entry.day}
    _SQL.fill(connection, _REACHED, "stage_reached", values)
    _SQL.fill(connection, UNDONE, "stage_undone")
    undo_allocations(connection, head, batch, event=EVENT, day=entry.day)
    _tell_taxes(entry)
    written = _SQL.run(
        connection,
        "insert_refunds",
        {**values, "refunds": refunds_before, "batch_no": batch.batch_no},
    )
    head.refunds += written.rowcount
    post(connection, head, batch, _SQL, "post_voided", values)
    _SQL.run(connection, "void_states", values)
    _SQL.fill(connection, CHANGED, "stage_voided")
    refresh_open_charges(connection, head)
    if _SQL.fill(connection, ALLOCATIONS, "stage_kept", values):
        apply_allocations(connection, head, batch)
    _SQL.fill(connection, _FREED, "stage_freed", values)
    if post(connection, head, batch, _SQL, "post_moved", {}):
        _SQL.run(connection, "add_to_wallets", values)
        _SQL.run(connection, "take_from_fees", values)
    if payout_ids:
        _pay_out(entry, refunds_before, payout_ids)
    # Of a large file nobody is looked for in vain.
    if credit_waits(connection, head):
        _SQL.fill(connection, PAYERS, "stage_payers", values)
        allocate(connection, head, batch, not_before=entry.day)


def free_payout_id(entry: Entry, key: str, *, beside: Collection[str] = ()) -> str:
    """Return the id of what a refund pays out, made from a key; one that is taken is passed by.

    `beside` are those that are not in the books yet.
    """

    def is_taken(made: str) -> bool:
        return made in beside or find_charge(entry, made) is not None

    return free_id(PAYOUT_PREFIX, key, is_taken=is_taken)


def refunded_amount(entry: Entry, *, refunds_before: int) -> int:
    """Return what the newest refunds take back, in minor units."""
    values = {"account": entry.head.account, "refunds_before": refunds_before}
    return int(_SQL.run(entry.connection, "sum_refunded", values).scalar_one())


def _tell_taxes(entry: Entry) -> None:
    """Tell of each staged refund how much of it is tax: refunds deal it out among themselves."""
    taxed = []
    for row in _SQL.run(entry.connection, "find_taxed", {"account": entry.head.account}):
        other_tax = int(row.refunded_tax) + int(row.allocated_tax) + int(row.written_off_tax)
        shares = TaxShares(
            charged=row.charged,
            charged_tax=row.charged_tax,
            done=row.voided,
            done_tax=int(row.refunded_tax),
            open_amount=row.open_amount,
            open_tax=row.charged_tax - other_tax,
        )
        taxed.append({"place": row.place, "tax": shares.take(row.amount)})
    _SQL.run_many(entry.connection, "set_tax", taxed)


def _pay_out(entry: Entry, refunds_before: int, payout_ids: dict[int, str]) -> None:
    """Let the money of staged refunds go out, where they say so."""
    values = {"account": entry.head.account, "day": entry.day}
    found = _SQL.run(entry.connection, "find_paid_out", values).all()
    if not found:
        return
    _SQL.fill(entry.connection, TAKEN, "stage_taken", values)
    payouts = [
        NewPayout(
            place=row.place,
            payout_id=payout_ids[row.place],
            party_no=row.party_no,
            source=CreditSource.WALLET,
            amount=int(row.amount),
            method=PayoutMethod(row.paid_to),
            reference=row.tracking_id,
            refund_no=refunds_before + row.place,
        )
        for row in found
    ]
    pay_out(entry, payouts)
