"""Charges at the office's desk: sales, penalties, and what is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ulid import ULID

from ingestd.formats.judging.texts import IdentifierJudge
from ingestd.formats.kinds.student_billing import CHARGE_TRACKING_ID, AccountType
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import Party, add_party, find_party, party_of
from ingestd.ledger.money.entry import Entry, Unchanged
from ingestd.ledger.money.payments import CASH, NewPayment, Part, PartKind, find_payment
from ingestd.ledger.money.sales import (
    PENALTY,
    SALE,
    NewCharge,
    StoredCharge,
    add_charge,
    add_guest,
    content_hash_of,
    find_charge,
    pay_from_waiting_credit,
)
from ingestd.ledger.money.sales import void_charge as refund_by_command
from ingestd.ledger.money.settlement import take_cash
from ingestd.ledger.paying.allocations import CASH_SALE
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.values.errors import LedgerRefusal, UsageError

GUEST = "guest"
_JUDGE_KEY = IdentifierJudge(CHARGE_TRACKING_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A sale at a counter or in a shop; `cash` means that it was paid for on the spot."""

    party: str
    billing_code: str
    amount: str | None = None
    cash: bool = False
    account_type: AccountType | None = None
    tracking_id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


def void_charge(keeper: Bookkeeper, tracking_id: str, *, on: date | None = None) -> Answer:
    """Take a charge back; it becomes a refund as far as it was paid."""

    def work(entry: Entry) -> Answer:
        charge = stored_charge(entry, tracking_id)
        answer: Answer = {"tracking_id": tracking_id, "status": "void"}
        if charge.is_refunded:
            raise Unchanged(answer)
        refund_by_command(entry, charge, tracking_id=tracking_id)
        return answer

    return keeper.write("refund", work, on=on)


def add_penalty(
    keeper: Bookkeeper,
    party: str,
    billing_code: str,
    *,
    amount: str | None = None,
    tracking_id: str | None = None,
    on: date | None = None,
) -> Answer:
    """Charge a party a penalty on its fees."""
    cents = None if amount is None else keeper.amount_of(amount)
    key = _key_of(tracking_id, event=PENALTY)

    def work(entry: Entry) -> Answer:
        charge = NewCharge(
            tracking_id=key,
            party=find_party(entry.connection, entry.head, entry.batch, party),
            account_type=AccountType.LIABILITY,
            billing_code=billing_code,
            amount=cents,
            occurred_at=keeper.instant_of(entry),
        )
        return charge_once(entry, charge, event=PENALTY)

    return keeper.write(PENALTY, work, on=on)


def add_sale(keeper: Bookkeeper, sale: Sale, *, on: date | None = None) -> Answer:
    """Write down a sale; a guest gets an account of its own, cash pays this sale alone."""
    cents = None if sale.amount is None else keeper.amount_of(sale.amount)
    key = _key_of(sale.tracking_id, event=SALE)

    def work(entry: Entry) -> Answer:
        party = _customer(entry, sale)
        is_anonymous = party.kind is PartyKind.ANONYMOUS
        account_type = sale.account_type or (
            AccountType.WALLET if is_anonymous else AccountType.LIABILITY
        )
        charge = NewCharge(
            tracking_id=key,
            party=party,
            account_type=account_type,
            billing_code=sale.billing_code,
            amount=cents,
            occurred_at=keeper.instant_of(entry),
            known_by=_known_by(sale, party),
        )
        answer = charge_once(entry, charge, event=SALE, pays_at_once=not sale.cash)
        if sale.cash:
            _pay_cash(entry, charge)
        return answer

    return keeper.write(SALE, work, on=on)


def charge_once(
    entry: Entry, charge: NewCharge, *, event: str, pays_at_once: bool = True
) -> Answer:
    """Charge somebody, unless the same charge was made before; then answer as it was then.

    `pays_at_once` lets credit that waits pay it. Raises LedgerRefusal where the tracking id
    stands for another charge.
    """
    answer: Answer = {"tracking_id": charge.tracking_id}
    stored = find_charge(entry, charge.tracking_id)
    if stored is not None:
        if stored.content_hash != content_hash_of(charge):
            raise LedgerRefusal(
                f"Charge {charge.tracking_id} exists with other content and stays as it is."
            )
        party = party_of(entry.connection, entry.head, stored.party_no)
        raise Unchanged(answer | {"party": party.code})
    add_charge(entry, charge, event=event)
    if pays_at_once:
        pay_from_waiting_credit(entry, charge.party.party_no)
    return answer | {"party": charge.party.code}


def stored_charge(entry: Entry, tracking_id: str) -> StoredCharge:
    """Return a charge by its tracking id. Raises UsageError when there is none."""
    charge = find_charge(entry, tracking_id)
    if charge is None:
        raise UsageError(f"There is no charge {tracking_id}.")
    return charge


def _key_of(tracking_id: str | None, *, event: str) -> str:
    """Return the key of a new charge: as it was typed, read as files are, or a new one.

    Raises UsageError for one that no file could name to take the charge back.
    """
    if tracking_id is None:
        return f"{event.upper()}-{ULID()}"
    judged = _JUDGE_KEY(tracking_id)
    if isinstance(judged, str):
        return judged
    message = judged.message if tracking_id.strip() else "It is empty. Fill it in, or leave it out."
    raise UsageError(f"--tracking-id cannot be taken. {message}")


def _customer(entry: Entry, sale: Sale) -> Party:
    if sale.party != GUEST:
        if sale.name or sale.email or sale.phone:
            raise UsageError("--name, --email and --phone are for --party guest.")
        return find_party(entry.connection, entry.head, entry.batch, sale.party)
    if not sale.name or not sale.name.strip():
        raise UsageError("A guest has a name. Give it with --name.")
    code = f"{GUEST.upper()}-{ULID()}"
    number = add_party(entry.connection, entry.head, entry.batch, PartyKind.GUEST, code)
    party = Party(party_no=number, kind=PartyKind.GUEST, code=code)
    add_guest(entry, party, name=sale.name, email=sale.email, phone=sale.phone)
    return party


def _known_by(sale: Sale, party: Party) -> str:
    """Return by what the same sale is known; one that is owed is another than one for cash."""
    known = party.code
    if sale.party == GUEST:
        known = f"{GUEST}\0{sale.name}\0{sale.email}"
        known = known if sale.phone is None else f"{known}\0{sale.phone}"
    return f"{known}\0{CASH}" if sale.cash else known


def _pay_cash(entry: Entry, charge: NewCharge) -> None:
    stored = stored_charge(entry, charge.tracking_id)
    if not stored.amount:
        return
    payment_id = f"{CASH.upper()}-{charge.tracking_id}"
    if find_payment(entry, payment_id) is not None:
        raise LedgerRefusal(
            f"Another payment is called {payment_id}. Give the sale another --tracking-id."
        )
    is_wallet = charge.account_type is AccountType.WALLET
    kind = PartKind.WALLET if is_wallet else PartKind.FEE
    part = Part(kind=kind, amount=stored.amount, party_no=stored.party_no)
    take_cash(
        entry,
        NewPayment(
            payment_id=payment_id,
            content_hash=stored.content_hash,
            kind=CASH_SALE,
            party_no=stored.party_no,
            amount=stored.amount,
            submitted_at=charge.occurred_at,
            parts=(part,),
            for_charge_no=stored.charge_no,
        ),
    )
