"""Transfers at the office's desk: waiting credit goes to another party, or to another use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ulid import ULID

from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import PartyKind
from ingestd.ledger.books.parties import Party, find_party
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry, Unchanged
from ingestd.ledger.money.choices import CreditSource, CreditTarget
from ingestd.ledger.outgoing.payouts import CREDIT_OF
from ingestd.ledger.outgoing.transfers import (
    NewTransfer,
    find_transfer,
    paid_in_batch,
    pay_from_transferred,
    transfer_credit,
)
from ingestd.ledger.outgoing.waiting import waiting_credit
from ingestd.ledger.paying.pools import is_one_family
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.service.office.charges import payable_charge, stored_charge
from ingestd.service.office.keys import checked_text, other_content
from ingestd.service.office.payouts import credit_short
from ingestd.values.errors import LedgerRefusal, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer as it was typed; `for_charge` is the tracking id that is paid from it first."""

    from_party: str
    source: CreditSource
    to_party: str
    target: CreditTarget
    amount: str
    for_charge: str | None = None
    across_families: bool = False
    key: str | None = None


def add_transfer(keeper: Bookkeeper, transfer: Transfer, *, on: date | None = None) -> Answer:
    """Move waiting credit; there it pays what is open at once."""
    cents = keeper.something_of(transfer.amount)
    transfer_id = checked_text("--id", transfer.key) or f"TRANSFER-{ULID()}"

    def work(entry: Entry) -> Answer:
        source = find_party(entry.connection, entry.head, entry.batch, transfer.from_party)
        target = find_party(entry.connection, entry.head, entry.batch, transfer.to_party)
        _refuse_senseless(transfer, source, target)
        named = None
        if transfer.for_charge is not None:
            named = stored_charge(entry, transfer.for_charge).charge_no
        new = NewTransfer(
            transfer_id=transfer_id,
            from_party_no=source.party_no,
            source=transfer.source,
            to_party_no=target.party_no,
            target=transfer.target,
            amount=cents,
            for_charge_no=named,
        )
        stored = find_transfer(entry, transfer_id)
        if stored is not None:
            if stored.content_hash != new.content_hash:
                raise other_content(f"Transfer {transfer_id}")
            raise Unchanged(_told(entry, keeper, transfer_id, cents, stored.batch_no))
        # What was written before is answered, though the families are others by now.
        payable_charge(entry, transfer.for_charge, target, AccountType(transfer.target.value))
        _refuse_other_family(entry, transfer, source, target)
        waits = waiting_credit(entry, source.party_no, CREDIT_OF[transfer.source])
        if cents > waits:
            raise credit_short(keeper, source, transfer.source, waits)
        transfer_credit(entry, new)
        pay_from_transferred(entry, target.party_no)
        return _told(entry, keeper, transfer_id, cents, entry.batch.batch_no)

    return keeper.write("transfer", work, command=Command.TRANSFERS_ADD, on=on)


def _refuse_senseless(transfer: Transfer, source: Party, target: Party) -> None:
    for party in (source, target):
        if party.kind is PartyKind.ANONYMOUS:
            raise UsageError(f"Money of {party.code} pays its own sales, and goes nowhere else.")
    if source.party_no == target.party_no and transfer.source.value == transfer.target.value:
        raise UsageError("It is there already. Name another party, or another account.")


def _refuse_other_family(entry: Entry, transfer: Transfer, source: Party, target: Party) -> None:
    if transfer.across_families:
        return
    if not is_one_family(entry.connection, entry.head.account, source.party_no, target.party_no):
        raise LedgerRefusal(
            f"{source.code} and {target.code} are of two families. If it is meant, say "
            "--across-families.",
            refusal="other_family",
        )


def _told(entry: Entry, keeper: Bookkeeper, transfer_id: str, amount: int, batch_no: int) -> Answer:
    return {
        "transfer_id": transfer_id,
        "amount": keeper.written(amount),
        "paid": [
            {"tracking_id": paid.tracking_id, "amount": keeper.written(paid.amount)}
            for paid in paid_in_batch(entry, batch_no)
        ],
    }
