"""Payments at the office's desk: reported, settled, taken back, returned."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from ulid import ULID

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import Party, find_party, party_of
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.ledger.entries.keys import made_from
from ingestd.ledger.money.payments import (
    CASH,
    NewPayment,
    Part,
    PartKind,
    StoredPayment,
    find_payment,
    receive_payment,
    void_payment,
)
from ingestd.ledger.money.returns import return_payment as undo_payment
from ingestd.ledger.money.sales import PENALTY, NewCharge, content_hash_of, find_charge
from ingestd.ledger.money.settlement import (
    confirm_batch,
    find_batch,
    settle_many,
    settle_one,
    take_cash,
)
from ingestd.ledger.outgoing.payouts import cash_on_hand
from ingestd.ledger.paying.allocations import CASH_SALE
from ingestd.ledger.paying.pools import is_one_family
from ingestd.reports.trails.drill import Inquiry
from ingestd.reports.trails.payment_list import Wanted, list_payments
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.charges import charge_once, payable_charge
from ingestd.service.office.keys import checked_text, other_content
from ingestd.service.office.refunds import cash_short
from ingestd.values.days import Day
from ingestd.values.errors import LedgerRefusal, UnknownNameError, UsageError
from ingestd.values.money import decimals_of

MATCHING_MAX = 10_000
"""So many payments settle as one entry at most."""

_IN_CASH = frozenset({CASH, CASH_SALE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment that somebody reports: who paid, how much, how, and what for.

    `amount` is as it was typed; `to` is the balance that it is for, `for_charge` a tracking id, and
    `for_party` whose wallet it feeds, the payer's by default. `key` makes it safe to report twice.
    """

    payer: str
    amount: str
    method: str
    to: AccountType = AccountType.LIABILITY
    for_charge: str | None = None
    for_party: str | None = None
    key: str | None = None


def add_payment(keeper: Bookkeeper, payment: Payment, *, on: date | None = None) -> Answer:
    """Write down a payment: pending, or settled when it is cash."""
    amount = keeper.something_of(payment.amount)
    key = checked_text("--id", payment.key) or None

    def work(entry: Entry) -> Answer:
        payer = find_party(entry.connection, entry.head, entry.batch, payment.payer)
        if payer.kind is PartyKind.ANONYMOUS and payment.for_charge is None:
            raise UsageError(
                f"Money of {payer.code} pays its own sale. Sell with ingestd sales add --party "
                f"{payer.code} --paid cash, or name the sale with --for."
            )
        owner = _owner(entry, payment, payer)
        [content_hash] = hash_contents(
            *([text] for text in (payer.kind.value, payer.code, str(amount))),
            *([text] for text in (payment.method, payment.to.value, payment.for_charge or "")),
            *() if payment.for_party is None else ([f"{owner.kind.value}:{owner.code}"],),
        )
        told: Answer = {} if payment.for_party is None else {"for_party": owner.code}
        if key is not None:
            _refuse_other_content(entry, key, content_hash, told)
        # What was written before is answered, though the families are others by now.
        named = payable_charge(entry, payment.for_charge, payer, payment.to)
        _refuse_other_wallet(entry, payer, owner)
        payment_id = key or str(ULID())
        kind = PartKind.WALLET if payment.to is AccountType.WALLET else PartKind.FEE
        receive = take_cash if payment.method == CASH else receive_payment
        receive(
            entry,
            NewPayment(
                payment_id=payment_id,
                content_hash=content_hash,
                kind=payment.method,
                party_no=payer.party_no,
                amount=amount,
                submitted_at=keeper.instant_of(entry),
                parts=(Part(kind=kind, amount=amount, party_no=owner.party_no),),
                for_charge_no=named,
            ),
        )
        return _told(_stored(entry, payment_id)) | told

    return keeper.write("payment", work, command=Command.PAYMENTS_ADD, on=on)


def settle_payment(keeper: Bookkeeper, payment_id: str, *, on: date | None = None) -> Answer:
    """Say that a payment's money is in the bank."""

    def work(entry: Entry) -> Answer:
        payment = _stored(entry, payment_id)
        if payment.status == "settled":
            _refuse_other_day(payment, "settled", payment.settled_on, on)
            raise Unchanged(_told(payment))
        _refuse_unless_pending(entry, payment)
        settle_one(entry, payment.payment_no)
        return _told(_stored(entry, payment_id))

    return keeper.write("settled", work, command=Command.PAYMENTS_SETTLE, on=on)


def settle_batch(
    keeper: Bookkeeper,
    merchant_id: str,
    batch_num: str,
    *,
    expected: str | None,
    on: date | None = None,
) -> Answer:
    """Say that a merchant's batch is in the bank: it is closed, and what is pending of it settles.

    `batch_num` means the same with and without leading zeros, as in payment files; `expected` is
    the bank's total for all that was not voided, and another sum refuses the whole batch.
    """
    total = None if expected is None else keeper.amount_of(expected)
    batch_num = re.sub(r"\A0+(?=[0-9])", "", batch_num.strip())
    whose = f"merchant {merchant_id}" if merchant_id else "payments without a merchant"

    def work(entry: Entry) -> Answer:
        batch = find_batch(entry, merchant_id, batch_num)
        if batch is None:
            raise UnknownNameError(f"There is no batch {batch_num} of {whose}.")
        if total is not None and total != batch.total:
            raise LedgerRefusal(
                f"The payments of batch {batch_num} come to {keeper.written(batch.total)}, not to "
                f"{keeper.written(total)}. Nothing was settled.",
                refusal="contradicts" if batch.confirmed_on is not None else "",
            )
        answer = {
            "merchant_id": merchant_id,
            "batch_num": batch_num,
            "payments": batch.payments,
            "amount": keeper.written(batch.total),
            "settled_now": keeper.written(batch.settled_now),
            "settled_before": keeper.written(batch.total - batch.settled_now),
            "status": "settled",
        }
        if batch.confirmed_on is not None:
            if on is not None and batch.confirmed_on != Day.of(on):
                raise LedgerRefusal(
                    f"Batch {batch_num} of {whose} settled on {batch.confirmed_on} already.",
                    refusal="contradicts",
                )
            raise Unchanged(answer)
        confirm_batch(entry, merchant_id, batch_num, batch)
        return answer

    return keeper.write("settled", work, command=Command.PAYMENTS_SETTLE, on=on)


def settle_matching(
    keeper: Bookkeeper, wanted: Wanted, *, expected: str, on: date | None = None
) -> Answer:
    """Say that all pending payments that fit are in the bank, as one entry.

    `expected` is what they come to at the bank; another sum refuses them all.
    """
    total = keeper.something_of(expected)

    def work(entry: Entry) -> Answer:
        inquiry = Inquiry(
            account=entry.head.account,
            as_known=keeper.clock.now(),
            decimals=decimals_of(keeper.account.currency),
        )
        pending = replace(wanted, status="pending", before=None)
        rows = list_payments(entry.connection, inquiry, pending, rows=MATCHING_MAX + 1)
        if len(rows) > MATCHING_MAX:
            raise UsageError(f"More than {MATCHING_MAX} payments fit. Ask for fewer.")
        payments = [_stored(entry, str(row["payment_id"])) for row in rows]
        for payment in payments:
            _refuse_unless_pending(entry, payment)
        amount = sum(payment.amount for payment in payments)
        if amount != total:
            raise LedgerRefusal(
                f"The {len(payments)} pending payments come to {keeper.written(amount)}, not to "
                f"{keeper.written(total)}. Nothing was settled."
            )
        settle_many(entry, sorted(payment.payment_no for payment in payments))
        return {
            "payments": len(payments),
            "amount": keeper.written(amount),
            "status": "settled",
        }

    return keeper.write("settled", work, command=Command.PAYMENTS_SETTLE, on=on)


def take_back_payment(keeper: Bookkeeper, payment_id: str, *, on: date | None = None) -> Answer:
    """Take back a payment that has not settled."""

    def work(entry: Entry) -> Answer:
        payment = _stored(entry, payment_id)
        if payment.status == "voided":
            _refuse_other_day(payment, "voided", payment.voided_on, on)
            raise Unchanged(_told(payment))
        _refuse_unless_pending(entry, payment)
        void_payment(entry, payment, reason=entry.reason)
        return _told(_stored(entry, payment_id))

    return keeper.write("voided", work, command=Command.PAYMENTS_VOID, on=on)


def return_payment(
    keeper: Bookkeeper,
    payment_id: str,
    *,
    penalty: str | None = None,
    on: date | None = None,
) -> Answer:
    """Say that a settled payment bounced; charge the payer the penalty product, if one is named."""

    def work(entry: Entry) -> Answer:
        payment = _stored(entry, payment_id)
        tracking_id = made_from(PENALTY.upper(), payment_id)
        charge = None if penalty is None else _penalty(entry, keeper, payment, tracking_id, penalty)
        charged = find_charge(entry, tracking_id)
        if payment.status == "returned":
            _refuse_other_day(payment, "returned", payment.returned_on, on)
            if (charge is None) is not (charged is None):
                raise LedgerRefusal(
                    f"Payment {payment_id} was returned already, "
                    f"{'without a' if charged is None else 'with its'} penalty.",
                    refusal="contradicts",
                )
            if charge and charged and charged.content_hash != content_hash_of(charge):
                raise LedgerRefusal(
                    f"Payment {payment_id} was returned already, with another penalty.",
                    refusal="contradicts",
                )
            told = {} if charged is None else {"penalty_tracking_id": tracking_id}
            raise Unchanged(_told(payment) | told)
        _refuse_unless_settled(entry, payment)
        if charge is not None and charged is not None:
            raise LedgerRefusal(
                f"The penalty {tracking_id} was charged already. Return it without --penalty.",
                refusal="other_content",
            )
        _refuse_without_cash(entry, keeper, payment)
        undo_payment(entry, payment, reason=entry.reason)
        answer = _told(_stored(entry, payment_id))
        if charge is None:
            return answer
        charge_once(entry, charge, event=PENALTY)
        return answer | {"penalty_tracking_id": tracking_id}

    return keeper.write("returned", work, command=Command.PAYMENTS_RETURN, on=on)


def _penalty(
    entry: Entry, keeper: Bookkeeper, payment: StoredPayment, tracking_id: str, billing_code: str
) -> NewCharge:
    """Return what a payer is charged for a payment that bounced: the product's price."""
    return NewCharge(
        tracking_id=tracking_id,
        party=party_of(entry.connection, entry.head, payment.party_no),
        account_type=AccountType.LIABILITY,
        billing_code=billing_code,
        amount=None,
        occurred_at=keeper.instant_of(entry),
    )


def _stored(entry: Entry, payment_id: str) -> StoredPayment:
    payment = find_payment(entry, payment_id)
    if payment is None:
        raise UnknownNameError(f"There is no payment {payment_id}.")
    return payment


def _refuse_other_content(entry: Entry, key: str, content_hash: bytes, told: Answer) -> None:
    """Answer a payment that was reported before; refuse another one under its key."""
    stored = find_payment(entry, key)
    if stored is None:
        return
    if stored.content_hash != content_hash:
        raise other_content(f"Payment {key}")
    raise Unchanged(_told(stored) | told)


def _owner(entry: Entry, payment: Payment, payer: Party) -> Party:
    """Return whose credit a payment becomes."""
    if payment.for_party is None:
        return payer
    if payment.to is not AccountType.WALLET:
        raise UsageError("--for-party is for --to WALLET: fees are paid for the family.")
    return find_party(entry.connection, entry.head, entry.batch, payment.for_party)


def _refuse_other_wallet(entry: Entry, payer: Party, owner: Party) -> None:
    """Refuse to feed a wallet of another family."""
    if not is_one_family(entry.connection, entry.head.account, payer.party_no, owner.party_no):
        raise UsageError(f"{owner.code} is not of {payer.code}'s family, which feeds the wallet.")


def _refuse_other_day(
    payment: StoredPayment, status: str, stored: Day | None, on: date | None
) -> None:
    """Refuse what is so already, where it is asked for on another day."""
    if on is not None and stored != Day.of(on):
        raise LedgerRefusal(
            f"Payment {payment.payment_id} was {status} on {stored} already.",
            refusal="contradicts",
        )


def _told(payment: StoredPayment) -> Answer:
    return {"payment_id": payment.payment_id, "status": payment.status}


def _refuse_unless_pending(entry: Entry, payment: StoredPayment) -> None:
    match payment.status:
        case "pending":
            if entry.day < payment.received_on:
                raise LedgerRefusal(
                    f"Payment {payment.payment_id} was received on {payment.received_on}; "
                    "nothing can have become of it before."
                )
        case "settled":
            raise LedgerRefusal(
                f"Payment {payment.payment_id} settled on {payment.settled_on} already.",
                refusal="contradicts",
            )
        case status:
            raise LedgerRefusal(
                f"Payment {payment.payment_id} was {status}; it stays so.", refusal="contradicts"
            )


def _refuse_without_cash(entry: Entry, keeper: Bookkeeper, payment: StoredPayment) -> None:
    """Refuse to return cash that is in the till no more: it was given back, or is at the bank."""
    if payment.kind not in _IN_CASH:
        return
    cash = cash_on_hand(entry)
    if payment.amount > cash:
        raise cash_short(entry, keeper, cash, payment.amount)


def _refuse_unless_settled(entry: Entry, payment: StoredPayment) -> None:
    match payment.status:
        case "settled":
            if entry.day < (payment.settled_on or 0):
                raise LedgerRefusal(
                    f"Payment {payment.payment_id} settled on {payment.settled_on}; "
                    "it cannot have been returned before."
                )
        case "pending":
            raise LedgerRefusal(
                f"Payment {payment.payment_id} is pending: it never settled, so that nothing can "
                "be returned. To take it back: ingestd payments void",
                refusal="contradicts",
            )
        case status:
            raise LedgerRefusal(
                f"Payment {payment.payment_id} was {status} already.", refusal="contradicts"
            )
