"""Invoices: what a party is asked to pay, what is on its way already, and what waits for it.

Fees are a family's: its invoice is the same whichever of its members is named. A wallet is its
own student's, and stands on the invoice only where it owes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from ingestd.access.accounts import Account
from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE, PartyKind
from ingestd.ledger.books.head import read_head_hash
from ingestd.ledger.books.parties import Named, look_up_party
from ingestd.values.clock import day_in, from_microseconds
from ingestd.values.days import Day
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId
from ingestd.values.money import decimals_of, format_amount

_SQL = Statements(__file__)

# Of one snapshot everything is known: every batch was sealed before the end of time.
_EVER = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A party as people know it; the name may be empty, then the code stands for it."""

    kind: PartyKind
    code: str
    name: str

    @property
    def label(self) -> str:
        """What a reader knows the party by."""
        return self.name or self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A charge of which something is open, in minor units; the day is the account's."""

    occurred_on: date
    charged_to: Person
    product: str
    note: str
    tracking_id: str
    amount: int
    paid: int

    @property
    def open(self) -> int:
        """What is left to pay."""
        return self.amount - self.paid


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPayment:
    """A payment that was received and has not settled: it pays nothing yet."""

    received_on: date
    payer: Person
    payment_id: str
    kind: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Settled money that waits for the next charge: the family's for fees, or one's wallet."""

    account_type: AccountType
    owner: Person
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What stands on an invoice. Items are oldest first, which is how payments pay them.

    `email` is where it can be sent, where an address is known. `ledger_head` is the hash of the
    last batch that it knows of.
    """

    account: AccountId
    issuer: str
    currency: str
    day: date
    addressee: Person
    email: str | None
    fees: tuple[OpenItem, ...]
    wallets: tuple[OpenItem, ...]
    pending: tuple[PendingPayment, ...]
    credits: tuple[Credit, ...]
    ledger_head: str

    @property
    def total_due(self) -> int:
        """Everything that is open. Pending payments do not reduce it: they may still bounce."""
        return sum_open(self.fees) + sum_open(self.wallets)

    @property
    def total_pending(self) -> int:
        """What was received and has not settled."""
        return sum(payment.amount for payment in self.pending)

    def written(self, amount: int) -> str:
        """Return an amount with the decimals of the account's currency."""
        return format_amount(amount, decimals_of(self.currency))

    def priced(self, amount: int) -> str:
        """Return an amount with its decimals and the currency's code."""
        return f"{self.written(amount)} {self.currency}"


def sum_open(items: Sequence[OpenItem]) -> int:
    """Return what is left to pay of all items."""
    return sum(item.open for item in items)


def read_invoice(connection: Connection, account: Account, name: str, *, day: date) -> Invoice:
    """Return the invoice of a party's family, or of a party that has none, as the books stand.

    `connection` is inside one snapshot, `day` is printed as the invoice's. Raises UsageError as
    `look_up_party` does, and for the anonymous party, whom nothing can be sent to.
    """
    account_id = account.account_id
    named = look_up_party(connection, account_id, name)
    if named.kind is PartyKind.ANONYMOUS:
        raise UsageError(f"{name} is nobody in particular: there is no one to invoice.")
    family = _family_of(connection, account_id, named)
    addressee, email = _addressee(connection, account_id, named, family)
    members = _members(connection, account_id, named, family)
    fees, wallets = _open_items(connection, account_id, members, account.timezone)
    return Invoice(
        account=account_id,
        issuer=account.name,
        currency=account.currency,
        day=day,
        addressee=addressee,
        email=email,
        fees=fees,
        wallets=wallets,
        pending=_pending(connection, account_id, members),
        credits=_credits(connection, account_id, members, addressee),
        ledger_head=read_head_hash(connection, account_id, known_at=_EVER),
    )


def _family_of(connection: Connection, account: AccountId, named: Named) -> str | None:
    if named.kind is PartyKind.PARENT:
        return named.code
    if named.kind is not PartyKind.STUDENT:
        return None
    values = {"account": account, "code": named.code}
    found = _SQL.run(connection, "find_family", values).scalar()
    return None if found is None else str(found)


def _addressee(
    connection: Connection, account: AccountId, named: Named, family: str | None
) -> tuple[Person, str | None]:
    """Return whom the invoice is for, and where mail reaches them."""
    if family is not None:
        kind, code, statement = PartyKind.PARENT, family, "find_parent"
    elif named.kind is PartyKind.GUEST:
        kind, code, statement = named.kind, named.code, "find_guest"
    else:
        kind, code, statement = named.kind, named.code, "find_student"
    row = _SQL.run(connection, statement, {"account": account, "code": code}).one_or_none()
    if row is None:  # a family that the roster names, and no parents file
        return Person(kind=kind, code=code, name=""), None
    return Person(kind=kind, code=code, name=row.name), row.email or None


def _members(
    connection: Connection, account: AccountId, named: Named, family: str | None
) -> dict[int, Person]:
    """Return everybody on the invoice who ever owed or paid something, by party number."""
    values = {"account": account, "party_no": named.party_no, "family": family}
    return {
        row.party_no: Person(kind=PartyKind(row.kind), code=row.party_code, name=row.name)
        for row in _SQL.run(connection, "find_members", values)
    }


def _open_items(
    connection: Connection, account: AccountId, members: dict[int, Person], timezone: ZoneInfo
) -> tuple[tuple[OpenItem, ...], tuple[OpenItem, ...]]:
    values = {"account": account, "members": list(members)}
    items: dict[str, list[OpenItem]] = {kind.value: [] for kind in AccountType}
    for row in _SQL.run(connection, "find_open_items", values):
        items[row.account_type].append(
            OpenItem(
                occurred_on=day_in(timezone, from_microseconds(row.occurred_at)),
                charged_to=members[row.party_no],
                product=row.product or row.billing_code,
                note=row.note,
                tracking_id=row.tracking_id,
                amount=row.amount,
                paid=row.paid,
            )
        )
    return tuple(items[AccountType.LIABILITY]), tuple(items[AccountType.WALLET])


def _pending(
    connection: Connection, account: AccountId, members: dict[int, Person]
) -> tuple[PendingPayment, ...]:
    values = {"account": account, "members": list(members)}
    return tuple(
        PendingPayment(
            received_on=Day(row.received_on).date,
            payer=members[row.party_no],
            payment_id=row.payment_id,
            kind=row.kind,
            amount=row.amount,
        )
        for row in _SQL.run(connection, "find_pending", values)
    )


def _credits(
    connection: Connection, account: AccountId, members: dict[int, Person], addressee: Person
) -> tuple[Credit, ...]:
    values = {"account": account, "members": list(members)}
    waiting: dict[tuple[AccountType, str], Credit] = {}
    for row in _SQL.run(connection, "find_credits", values):
        is_wallet = row.credit_account == BALANCE[AccountType.WALLET].credit
        account_type = AccountType.WALLET if is_wallet else AccountType.LIABILITY
        # Whoever in the family paid too much: the next fee of any of them is paid from it.
        owner = members[row.party_no] if is_wallet else addressee
        key = (account_type, owner.code)
        before = waiting[key].amount if key in waiting else 0
        waiting[key] = Credit(account_type=account_type, owner=owner, amount=before + row.remaining)
    return tuple(waiting[key] for key in sorted(waiting))
