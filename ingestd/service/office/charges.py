"""Charges at the office's desk: sales, penalties, and what is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from ulid import ULID

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import Party, add_party, find_party, party_of
from ingestd.ledger.entries.author import TEXT_CHARACTERS_MAX, Command, judged_text
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.ledger.entries.keys import CASH_PREFIX, made_from
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid
from ingestd.ledger.money.payments import NewPayment, Part, PartKind, find_payment
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
from ingestd.ledger.money.settlement import take_cash
from ingestd.ledger.outgoing.payouts import CREDIT_OF
from ingestd.ledger.outgoing.transfers import NewTransfer, transfer_credit
from ingestd.ledger.outgoing.waiting import waiting_credit
from ingestd.ledger.paying.allocations import CASH_SALE
from ingestd.ledger.paying.pools import is_one_family
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.keys import other_content, tracking_key
from ingestd.service.office.quotes import refuse_debt_first
from ingestd.values.errors import LedgerRefusal, UnknownNameError, UsageError

GUEST = "guest"


_HELD = MappingProxyType({Paid.DEPOSIT: CreditSource.DEPOSIT, Paid.ADVANCE: CreditSource.ADVANCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """A sale at a counter or in a shop; `paid` is how it was paid for on the spot.

    `amount` includes the `tax`, which is due under `tax_code`. `source` is where: a counter, a
    shop, a canteen. `enforces` refuses the sale where past debt comes first; `counts_pending` lets
    money that is on its way count for that.
    """

    party: str
    billing_code: str
    amount: str | None = None
    tax: str | None = None
    tax_code: str | None = None
    paid: Paid | None = None
    account_type: AccountType | None = None
    tracking_id: str | None = None
    source: str | None = None
    enforces: bool = False
    counts_pending: bool = False
    name: str | None = None
    email: str | None = None
    phone: str | None = None


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
    key = tracking_key(tracking_id, event=PENALTY, option="--tracking-id")

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

    return keeper.write(PENALTY, work, command=Command.CHARGES_PENALTY, on=on)


def add_sale(keeper: Bookkeeper, sale: Sale, *, on: date | None = None) -> Answer:
    """Write down a sale; a guest gets an account of its own, cash pays this sale alone."""
    cents = None if sale.amount is None else keeper.amount_of(sale.amount)
    key = tracking_key(sale.tracking_id, event=SALE, option="--tracking-id")
    tax = 0 if sale.tax is None else keeper.amount_of(sale.tax)
    if tax and sale.tax_code is None:
        raise UsageError("Tax has a code. Give it with --tax-code.")

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
            tax=tax,
            tax_code=sale.tax_code,
        )
        if sale.enforces and find_charge(entry, key) is None:
            refuse_debt_first(keeper, entry, party, charge, counts_pending=sale.counts_pending)
        answer = charge_once(entry, charge, event=SALE, pays_at_once=sale.paid is None)
        if sale.paid is Paid.CASH:
            _pay_cash(entry, charge)
        elif sale.paid is not None:
            _pay_from_held(entry, keeper, charge, _HELD[sale.paid])
        return answer

    return keeper.write(SALE, work, command=Command.SALES_ADD, on=on, source=sale.source)


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
            raise other_content(f"Charge {charge.tracking_id}")
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
        raise UnknownNameError(f"There is no charge {tracking_id}.")
    return charge


def payable_charge(
    entry: Entry, tracking_id: str | None, payer: Party, account_type: AccountType
) -> int | None:
    """Return the number of a charge that a payer's money may pay; None where none is named.

    Raises UsageError for a payout, and for a charge of another account or another family.
    """
    if tracking_id is None:
        return None
    charge = stored_charge(entry, tracking_id)
    if charge.is_payout:
        raise UsageError(f"{tracking_id} is a payout, not a charge. Leave --for out.")
    if charge.account_type is not account_type:
        raise UsageError(
            f"{tracking_id} is charged to {charge.account_type}, and the payment is for "
            f"{account_type}. Give --to {charge.account_type}."
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
            f"{tracking_id} is paid from the wallet of {owner} alone. Give --payer {owner}."
        )
    if not shares:
        raise UsageError(f"{tracking_id} is not a charge of {payer.code}'s family.")
    return charge.charge_no


def _customer(entry: Entry, sale: Sale) -> Party:
    if sale.party != GUEST:
        if sale.name or sale.email or sale.phone:
            raise UsageError("--name, --email and --phone are for --party guest.")
        return find_party(entry.connection, entry.head, entry.batch, sale.party)
    name, email, phone = (
        judged_text(option, said, TEXT_CHARACTERS_MAX)
        for option, said in (
            ("--name", sale.name),
            ("--email", sale.email),
            ("--phone", sale.phone),
        )
    )
    if name is None:
        raise UsageError("A guest has a name. Give it with --name.")
    code = f"{GUEST.upper()}-{ULID()}"
    number = add_party(entry.connection, entry.head, entry.batch, PartyKind.GUEST, code)
    party = Party(party_no=number, kind=PartyKind.GUEST, code=code)
    add_guest(entry, party, name=name, email=email, phone=phone)
    return party


def _known_by(sale: Sale, party: Party) -> str:
    """Return by what the same sale is known; one that is owed is another than one for cash."""
    known = party.code
    if sale.party == GUEST:
        known = f"{GUEST}\0{sale.name}\0{sale.email}"
        known = known if sale.phone is None else f"{known}\0{sale.phone}"
    return known if sale.paid is None else f"{known}\0{sale.paid.value}"


def _pay_cash(entry: Entry, charge: NewCharge) -> None:
    stored = stored_charge(entry, charge.tracking_id)
    if not stored.amount:
        return
    payment_id = made_from(CASH_PREFIX, charge.tracking_id)
    if find_payment(entry, payment_id) is not None:
        raise LedgerRefusal(
            f"Another payment is called {payment_id}. Give the sale another --tracking-id.",
            refusal="other_content",
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


def _pay_from_held(
    entry: Entry, keeper: Bookkeeper, charge: NewCharge, source: CreditSource
) -> None:
    """Let a deposit or an advance of the party pay its new charge, whole."""
    stored = stored_charge(entry, charge.tracking_id)
    if charge.account_type is not AccountType.LIABILITY:
        raise UsageError("A deposit or an advance pays fees: leave --to out, or say LIABILITY.")
    if not stored.amount:
        return
    waits = waiting_credit(entry, stored.party_no, CREDIT_OF[source])
    if stored.amount > waits:
        raise LedgerRefusal(
            f"{keeper.written(waits)} of {charge.party.code}'s {source.value.lower()} waits, and "
            f"{keeper.written(stored.amount)} is charged.",
            refusal="credit_short",
        )
    transfer_credit(
        entry,
        NewTransfer(
            transfer_id=None,
            from_party_no=stored.party_no,
            source=source,
            to_party_no=stored.party_no,
            target=CreditTarget.LIABILITY,
            amount=stored.amount,
            for_charge_no=stored.charge_no,
        ),
    )
