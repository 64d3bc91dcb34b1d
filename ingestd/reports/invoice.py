"""Invoices: what a party is asked to pay, what is on its way already, and what waits for it.

Fees are a family's: its invoice is the same whichever of its members is named. A wallet is its
own student's, and stands on the invoice only where it owes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.access.accounts import Account
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import BALANCE, PartyKind
from ingestd.ledger.books.head import read_head_hash
from ingestd.ledger.books.parties import Named, look_up_party
from ingestd.ledger.paying.open_charges import IN_ORDER
from ingestd.values.clock import day_in, from_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId
from ingestd.values.money import decimals_of, format_amount

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
    found = connection.execute(
        sa.text(
            "SELECT parent_code FROM student WHERE account = :account AND student_id = :student_id"
        ),
        {"account": account, "student_id": named.code},
    ).scalar()
    return None if found is None else str(found)


def _addressee(
    connection: Connection, account: AccountId, named: Named, family: str | None
) -> tuple[Person, str | None]:
    """Return whom the invoice is for, and where mail reaches them."""
    if family is not None:
        kind, code = PartyKind.PARENT, family
        statement = (
            "SELECT name, email FROM parent WHERE account = :account AND parent_code = :code"
        )
    elif named.kind is PartyKind.GUEST:
        kind, code = named.kind, named.code
        statement = (
            "SELECT g.name, g.email FROM guest g JOIN party y"
            " ON y.account = g.account AND y.party_no = g.party_no"
            " WHERE y.account = :account AND y.kind = 'guest' AND y.party_code = :code"
        )
    else:
        kind, code = named.kind, named.code
        statement = (
            "SELECT name, NULL AS email FROM student"
            " WHERE account = :account AND student_id = :code"
        )
    row = connection.execute(sa.text(statement), {"account": account, "code": code}).one_or_none()
    if row is None:  # a family that the roster names, and no parents file
        return Person(kind=kind, code=code, name=""), None
    return Person(kind=kind, code=code, name=row.name), row.email or None


def _members(
    connection: Connection, account: AccountId, named: Named, family: str | None
) -> dict[int, Person]:
    """Return everybody on the invoice who ever owed or paid something, by party number."""
    rows = connection.execute(
        sa.text(
            "SELECT y.party_no, y.kind, y.party_code,"
            " COALESCE(st.name, pa.name, g.name, '') AS name FROM party y"
            " LEFT JOIN student st ON y.kind = 'student' AND st.account = y.account"
            "  AND st.student_id = y.party_code"
            " LEFT JOIN parent pa ON y.kind = 'parent' AND pa.account = y.account"
            "  AND pa.parent_code = y.party_code"
            " LEFT JOIN guest g ON g.account = y.account AND g.party_no = y.party_no"
            " WHERE y.account = :account AND y.party_no IN ("
            " SELECT CAST(:party_no AS BIGINT)"
            " UNION SELECT p.party_no FROM party p WHERE p.account = :account"
            "  AND p.kind = 'parent' AND p.party_code = :family"
            " UNION SELECT p.party_no FROM student s JOIN party p ON p.account = s.account"
            "  AND p.kind = 'student' AND p.party_code = s.student_id"
            "  WHERE s.account = :account AND s.parent_code = :family)"
        ),
        {"account": account, "party_no": named.party_no, "family": family},
    )
    return {
        row.party_no: Person(kind=PartyKind(row.kind), code=row.party_code, name=row.name)
        for row in rows
    }


def _open_items(
    connection: Connection, account: AccountId, members: dict[int, Person], timezone: ZoneInfo
) -> tuple[tuple[OpenItem, ...], tuple[OpenItem, ...]]:
    rows = _select(
        connection,
        "SELECT c.party_no, c.account_type, c.billing_code, COALESCE(r.name, '') AS product,"
        " COALESCE(c.note, '') AS note, c.tracking_id, c.occurred_at, c.amount,"
        " c.amount - o.amount AS paid FROM open_charge o"
        " JOIN charge c ON c.account = o.account AND c.charge_no = o.charge_no"
        " LEFT JOIN product r ON r.account = c.account AND r.billing_code = c.billing_code"
        " WHERE o.account = :account AND o.party_no IN :members"
        f" ORDER BY {IN_ORDER}",
        account,
        members,
    )
    items: dict[str, list[OpenItem]] = {kind.value: [] for kind in AccountType}
    for row in rows:
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
    rows = _select(
        connection,
        "SELECT p.party_no, p.payment_id, p.kind, p.received_on, p.amount FROM payment p"
        " WHERE p.account = :account AND p.party_no IN :members AND NOT EXISTS"
        " (SELECT 1 FROM payment_event e"
        "  WHERE e.account = p.account AND e.payment_no = p.payment_no)"
        " ORDER BY p.received_on, p.payment_no",
        account,
        members,
    )
    return tuple(
        PendingPayment(
            received_on=date.fromisoformat(row.received_on),
            payer=members[row.party_no],
            payment_id=row.payment_id,
            kind=row.kind,
            amount=row.amount,
        )
        for row in rows
    )


def _credits(
    connection: Connection, account: AccountId, members: dict[int, Person], addressee: Person
) -> tuple[Credit, ...]:
    rows = _select(
        connection,
        "SELECT l.party_no, l.credit_account, l.remaining FROM credit_lot l"
        " WHERE l.account = :account AND l.party_no IN :members AND l.remaining > 0",
        account,
        members,
    )
    waiting: dict[tuple[AccountType, str], Credit] = {}
    for row in rows:
        is_wallet = row.credit_account == BALANCE[AccountType.WALLET].credit
        account_type = AccountType.WALLET if is_wallet else AccountType.LIABILITY
        # Whoever in the family paid too much: the next fee of any of them is paid from it.
        owner = members[row.party_no] if is_wallet else addressee
        key = (account_type, owner.code)
        before = waiting[key].amount if key in waiting else 0
        waiting[key] = Credit(account_type=account_type, owner=owner, amount=before + row.remaining)
    return tuple(waiting[key] for key in sorted(waiting))


def _select(
    connection: Connection, statement: str, account: AccountId, members: dict[int, Person]
) -> Sequence[SqlRow[tuple[object, ...]]]:
    """Run a statement that binds `account` and the party numbers in `members`."""
    if not members:
        return ()
    bound = sa.text(statement).bindparams(sa.bindparam("members", expanding=True))
    return connection.execute(bound, {"account": account, "members": list(members)}).all()
