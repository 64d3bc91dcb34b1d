"""Payments at the office's desk: reported, settled, taken back, returned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ulid import ULID

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import Party, find_party, party_of
from ingestd.ledger.money.entry import Entry, Unchanged
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
from ingestd.ledger.money.sales import PENALTY, NewCharge, find_charge
from ingestd.ledger.money.settlement import find_batch, settle_one, take_cash
from ingestd.ledger.money.settlement import settle_batch as settle_batch_payments
from ingestd.ledger.paying.pools import is_one_family
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.charges import charge_once, stored_charge
from ingestd.values.errors import LedgerRefusal, UsageError

_KEY_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment that somebody reports: who paid, how much, how, and what for.

    `amount` is as it was typed; `to` is the balance that it is for, `for_charge` a tracking id.
    `key` makes it safe to report twice.
    """

    payer: str
    amount: str
    method: str
    to: AccountType = AccountType.LIABILITY
    for_charge: str | None = None
    key: str | None = None


def add_payment(keeper: Bookkeeper, payment: Payment, *, on: date | None = None) -> Answer:
    """Write down a payment: pending, or settled when it is cash."""
    amount = keeper.amount_of(payment.amount)
    if amount == 0:
        raise UsageError("A payment is more than nothing. Correct --amount.")

    def work(entry: Entry) -> Answer:
        payer = find_party(entry.connection, entry.head, entry.batch, payment.payer)
        if payer.kind is PartyKind.ANONYMOUS and payment.for_charge is None:
            raise UsageError(
                f"Money of {payer.code} pays its own sale. Sell with ingestd sales add --party "
                f"{payer.code} --paid cash, or name the sale with --for."
            )
        named = _named_charge(entry, payment, payer)
        [content_hash] = hash_contents(
            *([text] for text in (payer.kind.value, payer.code, str(amount))),
            *([text] for text in (payment.method, payment.to.value, payment.for_charge or "")),
        )
        if payment.key is not None:
            _refuse_other_content(entry, payment.key, content_hash)
        payment_id = payment.key or str(ULID())
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
                parts=(Part(kind=kind, amount=amount, party_no=payer.party_no),),
                for_charge_no=named,
            ),
        )
        return _told(_stored(entry, payment_id))

    return keeper.write("payment", work, on=on)


def settle_payment(keeper: Bookkeeper, payment_id: str, *, on: date | None = None) -> Answer:
    """Say that a payment's money is in the bank."""

    def work(entry: Entry) -> Answer:
        payment = _stored(entry, payment_id)
        _refuse_unless_pending(entry, payment)
        settle_one(entry, payment.payment_no)
        return _told(_stored(entry, payment_id))

    return keeper.write("settled", work, on=on)


def settle_batch(
    keeper: Bookkeeper,
    merchant_id: str,
    batch_num: str,
    *,
    expected: str | None,
    on: date | None = None,
) -> Answer:
    """Say that a merchant's batch is in the bank: all of its pending payments, or none.

    `batch_num` means the same with and without leading zeros, as in payment files; `expected` is
    the bank's total for them, and another sum refuses the whole batch.
    """
    total = None if expected is None else keeper.amount_of(expected)
    batch_num = re.sub(r"\A0+(?=[0-9])", "", batch_num.strip())
    whose = f"merchant {merchant_id}" if merchant_id else "payments without a merchant"

    def work(entry: Entry) -> Answer:
        batch = find_batch(entry, merchant_id, batch_num)
        if batch is None:
            raise UsageError(f"There is no batch {batch_num} of {whose}.")
        if not batch.pending:
            raise LedgerRefusal(
                f"Batch {batch_num} of {whose} is settled already. Nothing was changed."
            )
        if total is not None and total != batch.amount:
            raise LedgerRefusal(
                f"The pending payments of batch {batch_num} come to "
                f"{keeper.written(batch.amount)}, not to {keeper.written(total)}. "
                "Nothing was settled."
            )
        settle_batch_payments(entry, merchant_id, batch_num)
        return {
            "merchant_id": merchant_id,
            "batch_num": batch_num,
            "payments": batch.pending,
            "amount": keeper.written(batch.amount),
            "status": "settled",
        }

    return keeper.write("settled", work, on=on)


def take_back_payment(
    keeper: Bookkeeper, payment_id: str, *, reason: str | None = None, on: date | None = None
) -> Answer:
    """Take back a payment that has not settled."""

    def work(entry: Entry) -> Answer:
        payment = _stored(entry, payment_id)
        _refuse_unless_pending(entry, payment)
        void_payment(entry, payment, reason=reason)
        return _told(_stored(entry, payment_id))

    return keeper.write("voided", work, on=on)


def return_payment(
    keeper: Bookkeeper,
    payment_id: str,
    *,
    reason: str | None = None,
    penalty: str | None = None,
    on: date | None = None,
) -> Answer:
    """Say that a settled payment bounced; charge the payer the penalty product, if one is named."""

    def work(entry: Entry) -> Answer:
        payment = _stored(entry, payment_id)
        _refuse_unless_settled(entry, payment)
        tracking_id = f"{PENALTY.upper()}-{payment_id}"
        if penalty is not None and find_charge(entry, tracking_id) is not None:
            raise LedgerRefusal(
                f"The penalty {tracking_id} was charged already. Return it without --penalty."
            )
        undo_payment(entry, payment, reason=reason)
        answer = _told(_stored(entry, payment_id))
        if penalty is None:
            return answer
        charge = NewCharge(
            tracking_id=tracking_id,
            party=party_of(entry.connection, entry.head, payment.party_no),
            account_type=AccountType.LIABILITY,
            billing_code=penalty,
            amount=None,
            occurred_at=keeper.instant_of(entry),
        )
        charge_once(entry, charge, event=PENALTY)
        return answer | {"penalty_tracking_id": tracking_id}

    return keeper.write("returned", work, on=on)


def _stored(entry: Entry, payment_id: str) -> StoredPayment:
    payment = find_payment(entry, payment_id)
    if payment is None:
        raise UsageError(f"There is no payment {payment_id}.")
    return payment


def _refuse_other_content(entry: Entry, key: str, content_hash: bytes) -> None:
    """Answer a payment that was reported before; refuse another one under its key."""
    if not 0 < len(key) <= _KEY_CHARACTERS_MAX:
        raise UsageError(f"--id takes 1 to {_KEY_CHARACTERS_MAX} characters.")
    stored = find_payment(entry, key)
    if stored is None:
        return
    if stored.content_hash != content_hash:
        raise LedgerRefusal(
            f"Payment {key} exists with other content and stays as it is. "
            "If this is another payment, give it an --id of its own."
        )
    raise Unchanged(_told(stored))


def _named_charge(entry: Entry, payment: Payment, payer: Party) -> int | None:
    if payment.for_charge is None:
        return None
    charge = stored_charge(entry, payment.for_charge)
    if charge.account_type is not payment.to:
        raise UsageError(
            f"{payment.for_charge} is charged to {charge.account_type}, and the payment is for "
            f"{payment.to}. Give --to {charge.account_type}."
        )
    is_wallet = charge.account_type is AccountType.WALLET
    shares = (
        payer.party_no == charge.party_no
        if is_wallet
        else is_one_family(entry.connection, entry.head.account, payer.party_no, charge.party_no)
    )
    if not shares and is_wallet:
        owner = party_of(entry.connection, entry.head, charge.party_no).code
        raise UsageError(
            f"{payment.for_charge} is paid from the wallet of {owner} alone. Give --payer {owner}."
        )
    if not shares:
        raise UsageError(f"{payment.for_charge} is not a charge of {payer.code}'s family.")
    return charge.charge_no


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
                f"Payment {payment.payment_id} settled on {payment.settled_on} already."
            )
        case status:
            raise LedgerRefusal(f"Payment {payment.payment_id} was {status}; it stays so.")


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
                "be returned. To take it back: ingestd payments void"
            )
        case status:
            raise LedgerRefusal(f"Payment {payment.payment_id} was {status} already.")
