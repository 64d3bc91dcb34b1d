"""Sales and penalties: charges that a command makes, not a file."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.charge_keys import take_keys
from ingestd.ledger.books.chart import CHARGED
from ingestd.ledger.books.codes import number_code
from ingestd.ledger.books.parties import Party
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.paying.allocations import allocate
from ingestd.ledger.paying.open_charges import open_new_charges
from ingestd.ledger.paying.pools import stage_payer
from ingestd.values.days import Day
from ingestd.values.errors import UsageError

SALE, PENALTY = "sale", "penalty"

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCharge:
    """A charge by command. `amount` is in minor units, tax included; None for the product's price.

    `tax` is what of it is tax, under `tax_code`. `occurred_at` is in microseconds since 1970 and
    falls on the entry's day. `known_by` stands for the party where the same charge is recognised:
    a guest's code is new each time.
    """

    tracking_id: str
    party: Party
    account_type: AccountType
    billing_code: str
    amount: int | None
    occurred_at: int
    known_by: str | None = None
    tax: int = 0
    tax_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCharge:
    """What the books say of a charge, or of a payout, which is none; amounts in minor units.

    `left` is what can be taken back of it still, `open_amount` what of that is not paid.
    """

    charge_no: int
    party_no: int
    account_type: AccountType
    content_hash: bytes
    amount: int
    tax: int
    allocated: int
    voided: int
    written_off: int
    open_amount: int
    effective_on: Day
    is_payout: bool
    is_refunded: bool

    @property
    def left(self) -> int:
        """What was charged and neither taken back nor written off."""
        return self.amount - self.voided - self.written_off

    @property
    def status(self) -> str:
        """How far it is paid: void, written_off, paid, partial or unpaid."""
        if self.is_refunded and self.voided == self.amount:
            return "void"
        if self.open_amount > 0:
            return "partial" if self.allocated else "unpaid"
        return "written_off" if self.written_off and not self.allocated else "paid"


def find_charge(entry: Entry, tracking_id: str) -> StoredCharge | None:
    """Return a charge by its tracking id; None when there is none."""
    values = {"account": entry.head.account, "tracking_id": tracking_id}
    row = _SQL.run(entry.connection, "find_charge", values).one_or_none()
    if row is None:
        return None
    return StoredCharge(
        charge_no=row.charge_no,
        party_no=row.party_no,
        account_type=AccountType(row.account_type),
        content_hash=row.content_hash,
        amount=row.amount,
        tax=row.tax,
        allocated=row.allocated,
        voided=row.voided,
        written_off=row.written_off,
        open_amount=row.open_amount,
        effective_on=Day(row.effective_on),
        is_payout=bool(row.is_payout),
        is_refunded=bool(row.is_refunded),
    )


def price_of(entry: Entry, billing_code: str) -> int | None:
    """Return a product's price on the entry's day, in minor units; None when it has none.

    Raises UsageError when there is no such product.
    """
    values = {"account": entry.head.account, "billing_code": billing_code, "day": entry.day}
    row = _SQL.run(entry.connection, "find_price", values).one_or_none()
    if row is None:
        raise UsageError(
            f"No product has the billing code {billing_code}. Import it, or correct it."
        )
    return None if row.price is None else int(row.price)


def content_hash_of(charge: NewCharge) -> bytes:
    """Return the hash by which the same charge, asked for again, is known."""
    texts = (
        *(charge.account_type.value, charge.tracking_id, charge.known_by or charge.party.code),
        charge.billing_code,
        *("", str(charge.amount), ""),
        *((str(charge.tax), charge.tax_code or "") if charge.tax or charge.tax_code else ()),
    )
    [content_hash] = hash_contents(*([text] for text in texts))
    return content_hash


def add_charge(entry: Entry, charge: NewCharge, *, event: str) -> int:
    """Charge somebody by command; return the charge's number. Nothing is paid yet.

    Raises UsageError for an unknown product, or one without a price when there is no amount.
    """
    price = price_of(entry, charge.billing_code)
    amount = price if charge.amount is None else charge.amount
    if amount is None:
        raise UsageError(
            f"{charge.billing_code} has no price on {entry.day}. Import one, or give the amount "
            "where the command takes it."
        )
    if charge.tax > amount:
        raise UsageError("--tax is part of the amount, and cannot be more than it.")
    head = entry.head
    head.charges += 1
    _SQL.run(
        entry.connection,
        "insert_charge",
        {
            "account": head.account,
            "charge_no": head.charges,
            "tracking_id": charge.tracking_id,
            "content_hash": content_hash_of(charge),
            "party_no": charge.party.party_no,
            "receivable_account": int(CHARGED[charge.account_type].debit),
            "product_no": number_code(entry.connection, head, entry.batch, charge.billing_code),
            "amount": amount,
            "tax": charge.tax,
            "occurred_at": charge.occurred_at,
            "day": entry.day,
            "batch_no": entry.batch.batch_no,
        },
    )
    if charge.tax_code is not None:
        _add_tax_code(entry, charge.tax_code)
    values = {"event": event, "charge_no": head.charges}
    post(entry.connection, head, entry.batch, _SQL, "post_charge", values)
    take_keys(entry.connection, head, charges_before=head.charges - 1)
    # To look one product up is no more than to ask whether any has a sort.
    open_new_charges(entry.connection, head, charges_before=head.charges - 1, has_sorts=True)
    return head.charges


def pay_from_waiting_credit(entry: Entry, party_no: int) -> None:
    """Let credit that waits pay what a party was just charged."""
    stage_payer(entry.connection, party_no)
    allocate(entry.connection, entry.head, entry.batch)


def add_guest(
    entry: Entry, party: Party, *, name: str, email: str | None, phone: str | None
) -> None:
    """Keep how a guest can be reached, as a fact of this batch."""
    _SQL.run(
        entry.connection,
        "insert_guest",
        {
            "account": entry.head.account,
            "party_no": party.party_no,
            "name": name,
            "email": email,
            "phone": phone,
            "batch_no": entry.batch.batch_no,
        },
    )


def _add_tax_code(entry: Entry, tax_code: str) -> None:
    """Keep under which code the newest charge's tax is due."""
    values = {
        "account": entry.head.account,
        "charge_no": entry.head.charges,
        "tax_code": tax_code,
        "batch_no": entry.batch.batch_no,
    }
    if _SQL.run(entry.connection, "insert_tax_code", values).rowcount != 1:
        raise UsageError(f"No tax code is called {tax_code}. Import it, or correct it.")
