"""Refunds and write-offs at the office's desk: what is taken back, and what is given up."""

from __future__ import annotations

from datetime import date

from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import party_of
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.ledger.money.choices import RefundTo
from ingestd.ledger.money.sales import StoredCharge, find_charge
from ingestd.ledger.outgoing.payouts import cash_on_hand
from ingestd.ledger.outgoing.refunds import (
    NewRefund,
    StoredRefund,
    find_refund,
    free_payout_id,
)
from ingestd.ledger.outgoing.refunds import refund_charge as refund_by_command
from ingestd.ledger.outgoing.write_offs import find_write_off, write_off
from ingestd.ledger.paying.undo import find_undone_of_charge
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.charges import stored_charge
from ingestd.service.office.keys import checked_text, other_content
from ingestd.values.days import Day
from ingestd.values.errors import LedgerRefusal, UsageError


def void_charge(keeper: Bookkeeper, tracking_id: str, *, on: date | None = None) -> Answer:
    """Take back all that is left of a charge; it becomes a refund as far as it was paid."""
    return refund_charge(keeper, tracking_id, command=Command.CHARGES_VOID, on=on)


def refund_charge(
    keeper: Bookkeeper,
    tracking_id: str,
    *,
    amount: str | None = None,
    to: RefundTo | None = None,
    key: str | None = None,
    command: Command = Command.CHARGES_REFUND,
    on: date | None = None,
) -> Answer:
    """Take a charge back, or so much of it; what was paid goes to the wallet, or out."""
    cents = None if amount is None else keeper.something_of(amount)
    if cents is not None and key is None:
        raise UsageError("A refund of a part needs --id, which makes it safe to repeat.")
    refund_key = checked_text("--id", key) or None

    def work(entry: Entry) -> Answer:
        charge = _taken_back(entry, tracking_id)
        target = _target(entry, charge, to)
        # All that is left, to where it goes by itself, is what a row of a refund file says.
        is_plain = cents is None and target is _target(entry, charge, None)
        texts = ("", "") if is_plain else (target.value, "" if cents is None else str(cents))
        [content] = hash_contents(*([text] for text in (tracking_id, *texts)))
        _answer_repeat(entry, keeper, charge, tracking_id, target, refund_key, content, on)
        taken = charge.left if cents is None else cents
        _refuse_too_much(keeper, charge, tracking_id, taken)
        _refuse_day(entry, charge, tracking_id)
        cash = cash_on_hand(entry)
        refund_by_command(
            entry,
            NewRefund(
                charge_no=charge.charge_no,
                amount=taken,
                to=target,
                key=refund_key,
                content_hash=content,
            ),
            payout_id=(
                None
                if target is RefundTo.WALLET
                else free_payout_id(entry, refund_key or tracking_id)
            ),
        )
        refund = find_refund(entry, charge.charge_no, key=refund_key)
        assert refund is not None
        if target is RefundTo.CASH and refund.freed > cash:
            raise cash_short(entry, keeper, cash, refund.freed)
        return _told(entry, keeper, tracking_id, refund)

    return keeper.write("refund", work, command=command, on=on)


def write_off_charge(
    keeper: Bookkeeper,
    tracking_id: str,
    *,
    amount: str | None = None,
    key: str | None = None,
    on: date | None = None,
) -> Answer:
    """Give up what is open of a charge, or of a payout that is owed back, or so much of it."""
    cents = None if amount is None else keeper.something_of(amount)
    write_off_key = checked_text("--id", key) or None

    def work(entry: Entry) -> Answer:
        charge = stored_charge(entry, tracking_id)
        [content] = hash_contents([tracking_id], ["" if cents is None else str(cents)])
        if write_off_key is not None:
            stored = find_write_off(entry, write_off_key)
            if stored is not None:
                if stored.content_hash != content or stored.charge_no != charge.charge_no:
                    raise other_content(f"Write-off {write_off_key}")
                raise Unchanged(_told_write_off(keeper, tracking_id, charge, stored.amount))
        if charge.open_amount == 0:
            raise LedgerRefusal(
                f"Nothing of {tracking_id} is open.",
                refusal="already_written_off" if charge.written_off else "refund_too_large",
            )
        given_up = charge.open_amount if cents is None else cents
        if given_up > charge.open_amount:
            raise LedgerRefusal(
                f"{keeper.written(charge.open_amount)} of {tracking_id} is open; that is the most "
                "that can be written off.",
                refusal="refund_too_large",
            )
        _refuse_day(entry, charge, tracking_id)
        write_off(entry, charge, given_up, key=write_off_key, content_hash=content)
        return _told_write_off(keeper, tracking_id, stored_charge(entry, tracking_id), given_up)

    return keeper.write("write_off", work, command=Command.CHARGES_WRITE_OFF, on=on)


def _taken_back(entry: Entry, tracking_id: str) -> StoredCharge:
    charge = stored_charge(entry, tracking_id)
    if charge.is_payout:
        raise UsageError(
            f"{tracking_id} is a payout. It is taken back with: ingestd payouts void --payout "
            f"{tracking_id}"
        )
    return charge


def _target(entry: Entry, charge: StoredCharge, to: RefundTo | None) -> RefundTo:
    """Return where the money goes: nobody in particular has no wallet, and gets cash back."""
    party = party_of(entry.connection, entry.head, charge.party_no)
    if party.kind is not PartyKind.ANONYMOUS:
        return to or RefundTo.WALLET
    if to not in (None, RefundTo.CASH):
        raise UsageError(f"{party.code} gets cash back. Leave --to out.")
    return RefundTo.CASH


def _answer_repeat(
    entry: Entry,
    keeper: Bookkeeper,
    charge: StoredCharge,
    tracking_id: str,
    target: RefundTo,
    key: str | None,
    content: bytes,
    on: date | None,
) -> None:
    """Answer a refund that was made before; refuse another one under its key."""
    stored = find_refund(entry, charge.charge_no, key=key)
    if key is not None and stored is not None:
        if stored.content_hash != content or stored.charge_no != charge.charge_no:
            raise other_content(f"Refund {key}")
        raise Unchanged(_told(entry, keeper, tracking_id, stored))
    # Taken back whole, or as much as was left of it by the same request.
    is_done = stored is not None and (
        charge.voided == charge.amount or stored.content_hash == content
    )
    if key is None and stored is not None and is_done and charge.left == 0:
        if stored.to is not target:
            raise LedgerRefusal(
                f"{tracking_id} was taken back already; what was paid went to {stored.to}.",
                refusal="contradicts",
            )
        if on is not None and stored.refunded_on != Day.of(on):
            raise LedgerRefusal(
                f"{tracking_id} was taken back on {stored.refunded_on} already.",
                refusal="contradicts",
            )
        raise Unchanged(_told(entry, keeper, tracking_id, stored))


def _refuse_too_much(
    keeper: Bookkeeper, charge: StoredCharge, tracking_id: str, amount: int
) -> None:
    if amount > charge.left or (charge.left == 0 and charge.amount):
        raise LedgerRefusal(
            f"{keeper.written(charge.left)} is left of {tracking_id}; that is the most that can "
            "be taken back.",
            refusal="refund_too_large",
        )


def _refuse_day(entry: Entry, charge: StoredCharge, tracking_id: str) -> None:
    """Refuse a day before the charge's own, or on which what was returned later still paid it."""
    if entry.day < charge.effective_on:
        raise LedgerRefusal(
            f"{tracking_id} was charged on {charge.effective_on}; it cannot be taken back before."
        )
    until = find_undone_of_charge(
        entry.connection, entry.head, charge_no=charge.charge_no, day=entry.day
    )
    if until is not None:
        raise LedgerRefusal(
            f"Until {until} {tracking_id} was paid by a payment that was returned then. "
            "Take it back on that day or later."
        )


def cash_short(entry: Entry, keeper: Bookkeeper, cash: int, needed: int) -> LedgerRefusal:
    """Return the refusal of more cash than there is; amounts in minor units."""
    return LedgerRefusal(
        f"From {entry.day} on there are {keeper.written(cash)} in cash, and "
        f"{keeper.written(needed)} would go out of it.",
        refusal="cash_short",
    )


def _told(entry: Entry, keeper: Bookkeeper, tracking_id: str, refund: StoredRefund) -> Answer:
    charge = find_charge(entry, tracking_id)
    assert charge is not None
    to_wallet = 0 if refund.payout_id is not None else refund.freed
    return {
        "tracking_id": tracking_id,
        "status": charge.status,
        "refunded": keeper.written(refund.amount),
        "tax": keeper.written(refund.tax),
        "to_wallet": keeper.written(to_wallet),
        "discount_reversed": keeper.written(refund.discounts),
        "payout_id": refund.payout_id,
    }


def _told_write_off(
    keeper: Bookkeeper, tracking_id: str, charge: StoredCharge, amount: int
) -> Answer:
    return {
        "tracking_id": tracking_id,
        "status": charge.status,
        "written_off": keeper.written(amount),
    }
