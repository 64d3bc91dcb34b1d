"""Payments: received, pending until they settle, and what settled money becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from ingestd.database.bulk import Temporary, analyse, by_index, create_temporary, latest, ordered
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.postings import post_lines
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.paying.allocations import CASH_SALE

RECEIVED, SETTLED, VOIDED = "payment", "settled", "voided"

CASH = "cash"
CASH_KINDS = f"('{CASH}', '{CASH_SALE}')"

CHOSEN = Temporary("stage_chosen", {"payment_no": "whole"}, key=("payment_no",))
_TURNED = Temporary("stage_turned", {"posting_no": "whole"}, key=("posting_no",))
OF_CHOSEN = "stage_chosen s JOIN payment p ON p.account = :account AND p.payment_no = s.payment_no"


class PartKind(StrEnum):
    """What a part of a payment is for."""

    FEE = "fee"
    DISCOUNT = "discount"
    WALLET = "wallet"
    BUILDING = "building"
    OTHER = "other"
    TAX = "tax"
    GL = "gl"
    DEPOSIT = "deposit"
    ADVANCE = "advance"


# Where the money of each part goes when the payment settles.
CREDITED: Mapping[PartKind, LedgerAccount] = {
    PartKind.FEE: LedgerAccount.UNAPPLIED_FEES,
    PartKind.DISCOUNT: LedgerAccount.UNAPPLIED_FEES,
    PartKind.WALLET: LedgerAccount.WALLET_CREDIT,
    PartKind.BUILDING: LedgerAccount.BUILDING_FUND,
    PartKind.OTHER: LedgerAccount.OTHER_GL,
    PartKind.TAX: LedgerAccount.TAX,
    PartKind.GL: LedgerAccount.OTHER_GL,
    PartKind.DEPOSIT: LedgerAccount.DEPOSITS,
    PartKind.ADVANCE: LedgerAccount.ADVANCES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a payment, in minor units above zero; `party_no` is whose credit it becomes."""

    kind: PartKind
    amount: int
    party_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """A payment as it is received. `amount` is the cash: the parts without the discount.

    `kind` is how it came: `cash` settles when it is received. `for_charge_no` is the charge that
    it names, `submitted_at` microseconds since 1970.
    """

    payment_id: str
    content_hash: str
    kind: str
    party_no: int
    amount: int
    submitted_at: int
    parts: tuple[Part, ...]
    for_charge_no: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPayment:
    """What the books say of a payment; `status` is pending, settled, returned or voided."""

    payment_no: int
    payment_id: str
    content_hash: str
    kind: str
    party_no: int
    amount: int
    received_on: str
    status: str
    settled_on: str | None
    returned_on: str | None


def find_payment(entry: Entry, payment_id: str) -> StoredPayment | None:
    """Return a payment by its id, as it stands now; None when there is none."""
    row = entry.connection.execute(
        sa.text(
            "SELECT p.payment_no, p.payment_id, p.content_hash, p.kind, p.party_no, p.amount,"
            " p.received_on, v.effective_on AS voided_on, s.effective_on AS settled_on,"
            " r.effective_on AS returned_on FROM payment p"
            " LEFT JOIN payment_event v ON v.account = p.account"
            "  AND v.payment_no = p.payment_no AND v.event = 'voided'"
            " LEFT JOIN payment_event s ON s.account = p.account"
            "  AND s.payment_no = p.payment_no AND s.event = 'settled'"
            " LEFT JOIN payment_event r ON r.account = p.account"
            "  AND r.payment_no = p.payment_no AND r.event = 'returned'"
            " WHERE p.account = :account AND p.payment_id = :payment_id"
        ),
        {"account": entry.head.account, "payment_id": payment_id},
    ).one_or_none()
    if row is None:
        return None
    status = "pending"
    if row.voided_on is not None:
        status = "voided"
    elif row.returned_on is not None:
        status = "returned"
    elif row.settled_on is not None:
        status = "settled"
    return StoredPayment(
        payment_no=row.payment_no,
        payment_id=row.payment_id,
        content_hash=row.content_hash,
        kind=row.kind,
        party_no=row.party_no,
        amount=row.amount,
        received_on=row.received_on,
        status=status,
        settled_on=row.settled_on,
        returned_on=row.returned_on,
    )


def receive_payment(entry: Entry, payment: NewPayment) -> int:
    """Write down a payment that was received; return its number."""
    head = entry.head
    head.payments += 1
    values = {
        "account": head.account,
        "payment_no": head.payments,
        "payment_id": payment.payment_id,
        "content_hash": payment.content_hash,
        "kind": payment.kind,
        "party_no": payment.party_no,
        "amount": payment.amount,
        "submitted_at": payment.submitted_at,
        "received_on": entry.day,
        "for_charge_no": payment.for_charge_no,
        "batch_no": entry.batch.batch_no,
    }
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    entry.connection.execute(sa.text(f"INSERT INTO payment ({names}) VALUES ({marks})"), values)
    for part_no, part in enumerate(payment.parts, start=1):
        entry.connection.execute(
            sa.text(
                "INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no,"
                " batch_no) VALUES (:account, :payment_no, :part_no, :kind, :amount, :party_no,"
                " :batch_no)"
            ),
            {
                "account": head.account,
                "payment_no": head.payments,
                "part_no": part_no,
                "kind": part.kind.value,
                "amount": part.amount,
                "party_no": part.party_no,
                "batch_no": entry.batch.batch_no,
            },
        )
    post_received(entry, payments_before=head.payments - 1)
    return head.payments


def post_received(entry: Entry, *, payments_before: int) -> None:
    """Post the newest payments as pending; they are those numbered above `payments_before`."""
    clearing, pending = LedgerAccount.CLEARING, LedgerAccount.PENDING_RECEIPTS
    post_lines(
        entry.connection,
        entry.head,
        entry.batch,
        event=RECEIVED,
        values={"payments_before": payments_before},
        lines=(
            "SELECT p.payment_no AS position, 1 AS side, p.received_on AS effective_on,"
            f" {clearing:d} AS debit_account, {pending:d} AS credit_account, p.amount AS amount,"
            " CAST(NULL AS BIGINT) AS debit_party_no, p.party_no AS credit_party_no,"
            " CAST(NULL AS BIGINT) AS charge_no, p.payment_no AS payment_no,"
            " CAST(NULL AS TEXT) AS billing_code, CAST(NULL AS BIGINT) AS reverses_posting_no"
            " FROM payment p WHERE p.account = :account AND p.payment_no > :payments_before"
            f" AND p.kind NOT IN {CASH_KINDS}"
        ),
    )


def void_payment(entry: Entry, payment: StoredPayment, *, reason: str | None) -> None:
    """Take back a payment that has not settled."""
    choose(entry, payment)
    store_event(entry, VOIDED, reason=reason)
    mirror_postings(entry, event=VOIDED)


def choose(entry: Entry, payment: StoredPayment) -> None:
    """Make one payment the chosen one, for what is done to chosen payments."""
    create_temporary(entry.connection, CHOSEN)
    entry.connection.execute(
        sa.text("INSERT INTO stage_chosen (payment_no) VALUES (:payment_no)"),
        {"payment_no": payment.payment_no},
    )
    analyse(entry.connection, CHOSEN)


def mirror_postings(entry: Entry, *, event: str) -> None:
    """Turn around every posting of the chosen payments that was not turned around yet."""
    by_payment = by_index(entry.connection, "ix_posting_payment_no")
    of_chosen = (
        f"stage_chosen s JOIN posting o {by_payment}"
        " ON o.account = :account AND o.payment_no = s.payment_no"
    )
    # Staged, so that each posting of a payment that paid thousands is asked for once.
    create_temporary(entry.connection, _TURNED)
    entry.connection.execute(
        ordered(
            entry.connection,
            f"INSERT INTO stage_turned (posting_no) SELECT o.reverses_posting_no FROM {of_chosen}"
            " WHERE o.reverses_posting_no IS NOT NULL",
        ),
        {"account": entry.head.account},
    )
    analyse(entry.connection, _TURNED)
    post_lines(
        entry.connection,
        entry.head,
        entry.batch,
        event=event,
        values={"day": entry.day},
        # What was posted last goes first, as one unwinds a thread.
        lines=(
            "SELECT -o.posting_no AS position, 1 AS side,"
            # Never before the day of what is turned around.
            f" {latest(entry.connection, 'o.effective_on', 'CAST(:day AS TEXT)')} AS effective_on,"
            " o.credit_account AS debit_account, o.debit_account AS credit_account,"
            " o.amount AS amount, o.credit_party_no AS debit_party_no,"
            " o.debit_party_no AS credit_party_no, o.charge_no AS charge_no,"
            " o.payment_no AS payment_no, o.billing_code AS billing_code,"
            " o.posting_no AS reverses_posting_no"
            f" FROM {of_chosen} WHERE o.reverses_posting_no IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM stage_turned r WHERE r.posting_no = o.posting_no)"
        ),
    )


def store_event(entry: Entry, event: str, *, reason: str | None) -> int:
    """Note what happened to the chosen payments; each event happens to a payment once."""
    result = entry.connection.execute(
        ordered(
            entry.connection,
            "INSERT INTO payment_event (account, payment_no, event, effective_on, reason,"
            " batch_no) SELECT p.account, p.payment_no, CAST(:event AS TEXT),"
            f" {day_of_payment(entry)}, CAST(:reason AS TEXT), :batch_no FROM {OF_CHOSEN}",
        ),
        {
            "account": entry.head.account,
            "event": event,
            "day": entry.day,
            "reason": reason,
            "batch_no": entry.batch.batch_no,
        },
    )
    return result.rowcount


def day_of_payment(entry: Entry) -> str:
    """Return the SQL of the day that something happens to a payment: never before it came."""
    return latest(entry.connection, "p.received_on", "CAST(:day AS TEXT)")
