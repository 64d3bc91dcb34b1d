"""People: everybody who can owe or be owed, how each is reached, and what each was charged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import LedgerAccount, PartyKind
from ingestd.ledger.books.extent import Extent
from ingestd.ledger.books.parties import look_up_party
from ingestd.reports.families.household import Household, small_extent
from ingestd.reports.families.passbook import Charge, Passbook, Payment, read_passbook
from ingestd.reports.figures.balances import ACCOUNT_TYPES
from ingestd.reports.figures.items import status_of
from ingestd.reports.figures.payments import Status as PaymentStatus
from ingestd.reports.figures.report import Question, Row
from ingestd.reports.known.contacts import Contact, read_contact, read_contacts
from ingestd.reports.known.families import moves_known, read_all_moves, read_member
from ingestd.values.clock import day_in, from_microseconds
from ingestd.values.days import Day, day_text

_SQL = Statements(__file__)

_OF_WALLETS = (LedgerAccount.RECEIVABLE_WALLET, LedgerAccount.PAID_OUT_WALLET)

COLUMNS: Final = ("party", "kind", "name", "email", "phone", "family")


def list_people(
    connection: Connection, question: Question, *, kind: PartyKind | None
) -> Iterator[Row]:
    """Yield everybody whom the catalogs or the books know, by kind and code.

    They stand as the catalogs stood when the last batch known was written.
    """
    extent = small_extent(connection, question)
    moves = {
        each[0].student_id: each for each in read_all_moves(connection, question.account).values()
    }
    last = (Day.of(question.as_of), extent.batch_no)
    for each_kind in sorted(PartyKind) if kind is None else (kind,):
        contacts = read_contacts(
            connection, question.account, each_kind, known_batch=extent.batch_no
        )
        values = {"account": question.account, "kind": each_kind.value}
        codes = {*contacts, *_SQL.run(connection, "find_codes", values).scalars()}
        for code in sorted(codes, key=str.encode):
            contact = contacts.get(code, Contact())
            family = code if each_kind is PartyKind.PARENT else contact.parent_code
            if each_kind is PartyKind.STUDENT and code in moves:
                family = moves_known(
                    moves[code], roster_family=family, known_batch=extent.batch_no
                ).family_at(*last)
            yield _person(each_kind, code, contact, family)


def show_person(connection: Connection, question: Question, name: str) -> dict[str, object]:
    """Tell all of one party: how it is reached, its balances, charges and payments.

    Raises UsageError as `look_up_party` does.
    """
    extent = small_extent(connection, question)
    named = look_up_party(connection, question.account, name)
    contact = read_contact(
        connection, question.account, named.kind, named.code, known_batch=extent.batch_no
    )
    family = named.code if named.kind is PartyKind.PARENT else contact.parent_code
    members: list[int] = []
    if named.party_no is not None:
        members.append(named.party_no)
        member = read_member(
            connection, question.account, named.party_no, known_batch=extent.batch_no
        )
        family = member.moves.family_at(Day.of(question.as_of), extent.batch_no)
    passbook = read_passbook(connection, question.account, members)
    return {
        **_person(named.kind, named.code, contact, family),
        "address": contact.address or None,
        "balances": _balances(connection, question, members),
        "charges": [*_charges(question, extent, passbook)],
        "payments": [*_payments(question, passbook, members)],
    }


def list_open(question: Question, household: Household) -> list[dict[str, object]]:
    """Return what is open of a household's charges and payouts, the oldest first."""
    passbook, belonging = household.passbook, household.belonging
    taken = passbook.taken(as_of=household.day, known_batch=household.known_batch)
    codes = {member.party_no: member.code for member in household.members}
    found: list[tuple[int, dict[str, object]]] = []
    for charge_no, (paid, voided, written_off) in taken.items():
        charge = passbook.charges[charge_no]
        left = charge.amount - paid - voided - written_off
        if left and charge.party_no in belonging:
            told: dict[str, object] = {
                "tracking_id": charge.tracking_id,
                "party": codes[charge.party_no],
                "account_type": "WALLET"
                if charge.receivable_account in _OF_WALLETS
                else "LIABILITY",
                "billing_code": charge.billing_code,
                "occurred_on": _day(question, charge),
                "amount": question.amount(charge.amount),
                "paid": question.amount(paid),
                "open": question.amount(left),
            }
            found.append((charge.occurred_at, told))
    return [told for _, told in sorted(found, key=lambda one: one[0])]


def _person(kind: PartyKind, code: str, contact: Contact, family: str | None) -> dict[str, object]:
    return {
        "party": code,
        "kind": kind.value,
        "name": contact.name or None,
        "email": contact.email or None,
        "phone": contact.phone or None,
        "family": family,
    }


def _balances(
    connection: Connection, question: Question, members: Sequence[int]
) -> list[dict[str, object]]:
    values = {"account": question.account, "members": members}
    return [
        {
            "account_type": ACCOUNT_TYPES[row.credit_account],
            "balance": question.amount(int(row.balance)),
        }
        for row in _SQL.run(connection, "find_balances", values)
    ]


def _charges(question: Question, extent: Extent, passbook: Passbook) -> Iterator[dict[str, object]]:
    taken = passbook.taken(as_of=Day.of(question.as_of), known_batch=extent.batch_no)
    for charge_no, (paid, voided, written_off) in taken.items():
        charge = passbook.charges[charge_no]
        if charge.is_payout:
            continue
        yield {
            "tracking_id": charge.tracking_id,
            "billing_code": charge.billing_code,
            "occurred_on": _day(question, charge),
            "amount": question.amount(charge.amount),
            "paid": question.amount(paid),
            "open": question.amount(charge.amount - paid - voided - written_off),
            "status": status_of(charge.amount, paid, voided, written_off).value,
        }


def _day(question: Question, charge: Charge) -> str:
    return day_in(question.zone, from_microseconds(charge.occurred_at)).isoformat()


def _payments(
    question: Question, passbook: Passbook, members: Sequence[int]
) -> Iterator[dict[str, object]]:
    for payment in passbook.payments.values():
        if payment.party_no in members:
            yield {
                "payment_id": payment.payment_id,
                "kind": payment.kind,
                "received_on": day_text(payment.received_on),
                "amount": question.amount(payment.amount),
                "status": _status(payment).value,
            }


def _status(payment: Payment) -> PaymentStatus:
    events = {became.event for became in payment.became}
    for status in (PaymentStatus.VOIDED, PaymentStatus.RETURNED, PaymentStatus.SETTLED):
        if status.value in events:
            return status
    return PaymentStatus.PENDING
