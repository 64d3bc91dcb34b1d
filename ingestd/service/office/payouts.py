"""Payouts at the office's desk: credit that is given back, and cash that is brought to the bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import Party, find_party
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.ledger.money.cash import deposit_cash, find_deposit
from ingestd.ledger.money.choices import CreditSource, CreditTarget, PayoutMethod
from ingestd.ledger.money.sales import find_charge
from ingestd.ledger.outgoing.payouts import (
    CREDIT_OF,
    NewPayout,
    StoredPayout,
    cash_on_hand,
    clear_payout,
    find_payout,
    pay_out,
    void_payout,
)
from ingestd.ledger.outgoing.transfers import NewTransfer, transfer_credit
from ingestd.ledger.outgoing.waiting import choose_credit, waiting_credit
from ingestd.ledger.paying.undo import find_undone_of_charge
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.keys import checked_text, other_content, tracking_key
from ingestd.service.office.refunds import cash_short
from ingestd.values.days import Day
from ingestd.values.errors import LedgerRefusal, UnknownNameError, UsageError

_HELD = frozenset({CreditSource.DEPOSIT, CreditSource.ADVANCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """Money that goes back to a party; all that waits there where no `amount` is given."""

    party: str
    source: CreditSource
    method: PayoutMethod
    amount: str | None = None
    payee: str | None = None
    reference: str | None = None
    key: str | None = None


def add_payout(keeper: Bookkeeper, payout: Payout, *, on: date | None = None) -> Answer:
    """Give waiting credit back: cash at once, anything else when it clears."""
    cents = None if payout.amount is None else keeper.something_of(payout.amount)
    payout_id = tracking_key(payout.key, event="payout")
    payee = checked_text("--payee", payout.payee) or None
    reference = checked_text("--reference", payout.reference) or None

    def work(entry: Entry) -> Answer:
        party = find_party(entry.connection, entry.head, entry.batch, payout.party)
        new = NewPayout(
            payout_id=payout_id,
            party_no=party.party_no,
            source=payout.source,
            amount=cents or 0,
            method=payout.method,
            payee=payee,
            reference=reference,
        )
        _answer_repeat(entry, keeper, new, cents)
        if party.kind is PartyKind.ANONYMOUS:
            raise UsageError(f"Nothing waits of {party.code}: its money pays its own sales.")
        waits = waiting_credit(entry, party.party_no, CREDIT_OF[payout.source])
        amount = waits if cents is None else cents
        if amount > waits or not amount:
            raise credit_short(keeper, party, payout.source, waits)
        if payout.method is PayoutMethod.CASH:
            _refuse_without_cash(entry, keeper, amount)
        _take(entry, new, amount)
        pay_out(entry, [_with_amount(new, amount)])
        return _told(entry, keeper, payout_id)

    return keeper.write("payout", work, command=Command.PAYOUTS_ADD, on=on)


def clear(keeper: Bookkeeper, payout_id: str, *, on: date | None = None) -> Answer:
    """Say that a payout left the bank."""

    def work(entry: Entry) -> Answer:
        payout = _stored(entry, payout_id)
        if payout.status == "voided":
            raise LedgerRefusal(f"Payout {payout_id} was voided.", refusal="contradicts")
        if payout.status == "cleared":
            _refuse_other_day(payout_id, "cleared", payout.cleared_on, on)
            raise Unchanged({"payout_id": payout_id, "status": payout.status})
        _refuse_before(entry, payout, payout_id)
        clear_payout(entry, payout)
        return {"payout_id": payout_id, "status": "cleared"}

    return keeper.write("cleared", work, command=Command.PAYOUTS_CLEAR, on=on)


def void(keeper: Bookkeeper, payout_id: str, *, on: date | None = None) -> Answer:
    """Take a payout back: its credit waits where it came from."""

    def work(entry: Entry) -> Answer:
        payout = _stored(entry, payout_id)
        if payout.status == "voided":
            _refuse_other_day(payout_id, "was voided", payout.voided_on, on)
            raise Unchanged({"payout_id": payout_id, "status": "voided"})
        if payout.method is PayoutMethod.CASH:
            raise LedgerRefusal(
                f"Payout {payout_id} was given in cash, and is gone.", refusal="cash_is_gone"
            )
        _refuse_before(entry, payout, payout_id)
        _refuse_before_return(entry, payout, payout_id)
        void_payout(entry, payout)
        return {"payout_id": payout_id, "status": "voided"}

    return keeper.write("payout_voided", work, command=Command.PAYOUTS_VOID, on=on)


def bring_cash(
    keeper: Bookkeeper,
    amount: str,
    *,
    reference: str | None = None,
    key: str | None = None,
    on: date | None = None,
) -> Answer:
    """Say that cash was brought to the bank."""
    cents = keeper.something_of(amount)
    deposit_id = tracking_key(key, event="deposit")
    noted = checked_text("--reference", reference) or None

    def work(entry: Entry) -> Answer:
        [content] = hash_contents(["cash deposit"], [str(cents)], [noted or ""])
        answer: Answer = {"deposit_id": deposit_id, "amount": keeper.written(cents)}
        stored = find_deposit(entry, deposit_id)
        if stored is not None:
            if stored.content_hash != content:
                raise other_content(f"Cash deposit {deposit_id}")
            raise Unchanged(answer)
        _refuse_without_cash(entry, keeper, cents)
        deposit_cash(entry, deposit_id, cents, reference=noted, content_hash=content)
        return answer

    return keeper.write("cash_deposit", work, command=Command.CASH_DEPOSIT, on=on)


def credit_short(
    keeper: Bookkeeper, party: Party, source: CreditSource, waits: int
) -> LedgerRefusal:
    """Return the refusal of more than what waits of a party's own."""
    return LedgerRefusal(
        f"{keeper.written(waits)} of {party.code}'s own waits on {source}. What is pending does "
        "not count before it settles.",
        refusal="credit_short",
    )


def _answer_repeat(entry: Entry, keeper: Bookkeeper, new: NewPayout, cents: int | None) -> None:
    """Answer a payout that was made before; refuse another one under its id."""
    stored = find_payout(entry, new.payout_id)
    if stored is None:
        if find_charge(entry, new.payout_id) is not None:
            raise LedgerRefusal(
                f"{new.payout_id} is a charge's. Give the payout another --id.",
                refusal="other_content",
            )
        return
    if stored.content_hash != new.content_hash or cents not in (None, stored.amount):
        raise other_content(f"Payout {new.payout_id}")
    raise Unchanged(_told(entry, keeper, new.payout_id))


def _take(entry: Entry, payout: NewPayout, amount: int) -> None:
    """Fill `stage_taken`; a deposit or an advance becomes credit of its party first."""
    if payout.source not in _HELD:
        choose_credit(entry, payout.party_no, CREDIT_OF[payout.source], amount)
        return
    transfer_credit(
        entry,
        NewTransfer(
            transfer_id=None,
            from_party_no=payout.party_no,
            source=payout.source,
            to_party_no=payout.party_no,
            target=CreditTarget.LIABILITY,
            amount=amount,
        ),
    )


def _with_amount(payout: NewPayout, amount: int) -> NewPayout:
    return NewPayout(
        payout_id=payout.payout_id,
        party_no=payout.party_no,
        source=payout.source,
        amount=amount,
        method=payout.method,
        payee=payout.payee,
        reference=payout.reference,
    )


def _refuse_without_cash(entry: Entry, keeper: Bookkeeper, amount: int) -> None:
    cash = cash_on_hand(entry)
    if amount > cash:
        raise cash_short(entry, keeper, cash, amount)


def _stored(entry: Entry, payout_id: str) -> StoredPayout:
    payout = find_payout(entry, payout_id)
    if payout is None:
        raise UnknownNameError(f"There is no payout {payout_id}.")
    return payout


def _refuse_other_day(payout_id: str, happened: str, stored: Day | None, on: date | None) -> None:
    """Refuse what is so already, where it is asked for on another day."""
    if on is not None and stored != Day.of(on):
        raise LedgerRefusal(
            f"Payout {payout_id} {happened} on {stored} already.", refusal="contradicts"
        )


def _refuse_before(entry: Entry, payout: StoredPayout, payout_id: str) -> None:
    if entry.day < payout.paid_out_on:
        raise LedgerRefusal(
            f"Payout {payout_id} was made on {payout.paid_out_on}; nothing can have become of it "
            "before."
        )


def _refuse_before_return(entry: Entry, payout: StoredPayout, payout_id: str) -> None:
    """Refuse a day on which what was returned later still paid the payout."""
    until = find_undone_of_charge(
        entry.connection, entry.head, charge_no=payout.charge_no, day=entry.day
    )
    if until is not None:
        raise LedgerRefusal(
            f"Until {until} payout {payout_id} was paid by a payment that was returned then. "
            "Void it on that day or later."
        )


def _told(entry: Entry, keeper: Bookkeeper, payout_id: str) -> Answer:
    payout = _stored(entry, payout_id)
    return {
        "payout_id": payout_id,
        "status": payout.status,
        "amount": keeper.written(payout.amount),
    }
