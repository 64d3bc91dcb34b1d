"""Transfers: waiting credit goes from one party, or from one use, to another."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from ingestd.database.statements import Statements
from ingestd.formats.rows.contents import hash_contents
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.choices import CreditSource, CreditTarget
from ingestd.ledger.outgoing.payouts import CREDIT_OF
from ingestd.ledger.outgoing.waiting import choose_credit, move_credit
from ingestd.ledger.paying.allocations import ALLOCATIONS, allocate, apply_allocations
from ingestd.ledger.paying.pools import stage_payer

EVENT = "transfer"

_SQL = Statements(__file__)


TARGETS = MappingProxyType(
    {
        CreditTarget.WALLET: LedgerAccount.WALLET_CREDIT,
        CreditTarget.LIABILITY: LedgerAccount.UNAPPLIED_FEES,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTransfer:
    """A transfer, `amount` in minor units; so much of the source's own must wait.

    `for_charge_no` is the charge that is paid from it first; a transfer without a `transfer_id`
    belongs to a sale or a payout.
    """

    transfer_id: str | None
    from_party_no: int
    source: CreditSource
    to_party_no: int
    target: CreditTarget
    amount: int
    for_charge_no: int | None = None

    @property
    def content_hash(self) -> bytes:
        """By which the same transfer, asked for again, is known."""
        texts = (
            *(EVENT, str(self.from_party_no), self.source.value, str(self.to_party_no)),
            *(self.target.value, str(self.amount), str(self.for_charge_no or "")),
        )
        [content_hash] = hash_contents(*([text] for text in texts))
        return content_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTransfer:
    """What the books say of a transfer; `amount` in minor units."""

    batch_no: int
    content_hash: bytes
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What a batch's allocations paid of a charge, in minor units."""

    tracking_id: str
    amount: int


def find_transfer(entry: Entry, transfer_id: str) -> StoredTransfer | None:
    """Return a transfer by its id; None when there is none."""
    values = {"account": entry.head.account, "transfer_id": transfer_id}
    row = _SQL.run(entry.connection, "find_transfer", values).one_or_none()
    if row is None:
        return None
    return StoredTransfer(
        batch_no=row.batch_no, content_hash=row.content_hash, amount=int(row.amount)
    )


def transfer_credit(entry: Entry, transfer: NewTransfer) -> None:
    """Move credit; it pays the charge that is named, where one is. Nothing else is paid yet.

    Afterwards `stage_taken` holds what was moved, where it lies now.
    """
    connection, head, batch = entry.connection, entry.head, entry.batch
    choose_credit(entry, transfer.from_party_no, CREDIT_OF[transfer.source], transfer.amount)
    values = {
        "account": head.account,
        "batch_no": batch.batch_no,
        "transfer_id": transfer.transfer_id,
        "content_hash": transfer.content_hash,
        "from_party_no": transfer.from_party_no,
        "from_account": int(CREDIT_OF[transfer.source]),
        "to_party_no": transfer.to_party_no,
        "to_account": int(TARGETS[transfer.target]),
        "amount": transfer.amount,
        "for_charge_no": transfer.for_charge_no,
        "day": entry.day,
    }
    _SQL.run(connection, "insert_transfer", values)
    move_credit(entry, to_party_no=transfer.to_party_no, to_account=TARGETS[transfer.target])
    if transfer.for_charge_no is not None and _SQL.fill(
        connection, ALLOCATIONS, "stage_named", values
    ):
        apply_allocations(connection, head, batch)


def pay_from_transferred(entry: Entry, party_no: int) -> None:
    """Let what was moved to a party pay what is open there, as all credit does."""
    stage_payer(entry.connection, party_no)
    allocate(entry.connection, entry.head, entry.batch, not_before=entry.day)


def paid_in_batch(entry: Entry, batch_no: int) -> list[Paid]:
    """Return what the allocations of a batch paid, each charge once; the batch may be this one."""
    account = {"account": entry.head.account}
    first, last = entry.batch.allocations_before + 1, entry.head.allocations
    if batch_no != entry.batch.batch_no:
        values = {**account, "batch_no": batch_no}
        found = _SQL.run(entry.connection, "find_allocations", values).one()
        first, last = found.first_no or 0, found.last_no or 0
    rows = _SQL.run(entry.connection, "find_paid", {**account, "first_no": first, "last_no": last})
    return [Paid(tracking_id=row.tracking_id, amount=int(row.amount)) for row in rows]
