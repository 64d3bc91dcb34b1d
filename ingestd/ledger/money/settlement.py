"""Settlement: a payment's money is in the bank, becomes credit, and pays what is owed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from ingestd.database.bulk import analyse, create_temporary, ordered
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.postings import post_lines
from ingestd.ledger.money.entry import Entry
from ingestd.ledger.money.payments import (
    CASH_KINDS,
    CHOSEN,
    CREDITED,
    OF_CHOSEN,
    SETTLED,
    NewPayment,
    PartKind,
    day_of_payment,
    receive_payment,
    store_event,
)
from ingestd.ledger.paying.allocations import allocate

_CREDIT_ACCOUNT = (
    "CASE r.kind "
    + " ".join(f"WHEN '{kind}' THEN {account:d}" for kind, account in CREDITED.items())
    + " END"
)
_IS_CREDIT = f"r.kind IN ('{PartKind.FEE}', '{PartKind.DISCOUNT}', '{PartKind.WALLET}')"
# Who names no merchant has batches, too: those of the merchant that is called nothing.
_OF_BATCH = (
    "p.account = :account AND p.batch_num = :batch_num"
    " AND COALESCE(p.merchant_id, '') = :merchant_id"
)


_IS_PENDING = (
    "NOT EXISTS (SELECT 1 FROM payment_event e"
    " WHERE e.account = p.account AND e.payment_no = p.payment_no)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantBatch:
    """A settlement batch: its payments, and how many are pending with which sum (minor units)."""

    payments: int
    pending: int
    amount: int


def take_cash(entry: Entry, payment: NewPayment) -> int:
    """Write down a payment in cash, which settles when it is received; return its number."""
    payment_no = receive_payment(entry, payment)
    settle_one(entry, payment_no)
    return payment_no


def settle_payments(
    entry: Entry, *, chosen: str, values: Mapping[str, object], reason: str | None = None
) -> int:
    """Let pending payments settle: their money is in the bank, becomes credit, and pays.

    `chosen` is a SELECT of the numbers of pending payments. Returns how many there were.
    """
    connection, head = entry.connection, entry.head
    bound = {**values, "account": head.account, "day": entry.day}
    create_temporary(connection, CHOSEN)
    connection.execute(
        ordered(connection, f"INSERT INTO stage_chosen (payment_no) {chosen}"), bound
    )
    analyse(connection, CHOSEN)
    count = store_event(entry, SETTLED, reason=reason)
    _post_settled(entry)
    connection.execute(
        ordered(
            connection,
            "INSERT INTO credit_lot (account, payment_no, credit_account, party_no,"
            " settled_batch_no, available_on, remaining)"
            f" SELECT p.account, p.payment_no, {_CREDIT_ACCOUNT}, r.party_no, :batch_no,"
            f" {day_of_payment(entry)}, SUM(r.amount)"
            f" FROM {OF_CHOSEN} JOIN payment_part r"
            f" ON r.account = p.account AND r.payment_no = p.payment_no AND {_IS_CREDIT}"
            f" GROUP BY p.account, p.payment_no, p.received_on, {_CREDIT_ACCOUNT}, r.party_no",
        ),
        {**bound, "batch_no": entry.batch.batch_no},
    )
    allocate(
        connection,
        head,
        entry.batch,
        parties=(
            "SELECT DISTINCT l.party_no FROM stage_chosen s JOIN credit_lot l"
            " ON l.account = :account AND l.payment_no = s.payment_no"
        ),
        values={},
    )
    return count


def settle_one(entry: Entry, payment_no: int) -> None:
    """Let one pending payment settle."""
    settle_payments(
        entry,
        chosen="SELECT CAST(:payment_no AS BIGINT)",
        values={"payment_no": payment_no},
    )


def find_batch(entry: Entry, merchant_id: str, batch_num: str) -> MerchantBatch | None:
    """Return what a merchant's batch holds; None when it has no such batch."""
    row = entry.connection.execute(
        sa.text(
            "SELECT COUNT(*) AS payments,"
            f" COALESCE(SUM(CASE WHEN {_IS_PENDING} THEN 1 ELSE 0 END), 0) AS pending,"
            f" COALESCE(SUM(CASE WHEN {_IS_PENDING} THEN p.amount ELSE 0 END), 0) AS amount"
            f" FROM payment p WHERE {_OF_BATCH}"
        ),
        _batch_values(entry, merchant_id, batch_num),
    ).one()
    if not row.payments:
        return None
    return MerchantBatch(
        payments=int(row.payments), pending=int(row.pending), amount=int(row.amount)
    )


def settle_batch(entry: Entry, merchant_id: str, batch_num: str) -> None:
    """Let all pending payments of a merchant's batch settle."""
    settle_payments(
        entry,
        chosen=f"SELECT p.payment_no FROM payment p WHERE {_OF_BATCH} AND {_IS_PENDING}",
        values=_batch_values(entry, merchant_id, batch_num),
    )


def _batch_values(entry: Entry, merchant_id: str, batch_num: str) -> dict[str, object]:
    return {
        "account": entry.head.account,
        "merchant_id": merchant_id,
        "batch_num": batch_num,
    }


def _post_settled(entry: Entry) -> None:
    bank, cash, clearing = LedgerAccount.BANK, LedgerAccount.CASH, LedgerAccount.CLEARING
    pending, discounts = LedgerAccount.PENDING_RECEIPTS, LedgerAccount.DISCOUNTS
    post_lines(
        entry.connection,
        entry.head,
        entry.batch,
        event=SETTLED,
        values={"day": entry.day},
        lines=(
            f"SELECT p.payment_no AS position, 0 AS side, {day_of_payment(entry)} AS effective_on,"
            f" {bank:d} AS debit_account, {clearing:d} AS credit_account, p.amount AS amount,"
            " CAST(NULL AS BIGINT) AS debit_party_no, CAST(NULL AS BIGINT) AS credit_party_no,"
            " CAST(NULL AS BIGINT) AS charge_no, p.payment_no AS payment_no,"
            " CAST(NULL AS TEXT) AS billing_code, CAST(NULL AS BIGINT) AS reverses_posting_no"
            f" FROM {OF_CHOSEN} WHERE p.kind NOT IN {CASH_KINDS}"
            f" UNION ALL SELECT p.payment_no, r.part_no, {day_of_payment(entry)},"
            f" CASE WHEN r.kind = '{PartKind.DISCOUNT}' THEN {discounts:d}"
            f"  WHEN p.kind IN {CASH_KINDS} THEN {cash:d} ELSE {pending:d} END,"
            f" {_CREDIT_ACCOUNT}, r.amount,"
            f" CASE WHEN r.kind <> '{PartKind.DISCOUNT}' AND p.kind NOT IN {CASH_KINDS}"
            "  THEN p.party_no END,"
            " r.party_no, CAST(NULL AS BIGINT), p.payment_no, CAST(NULL AS TEXT),"
            " CAST(NULL AS BIGINT)"
            f" FROM {OF_CHOSEN} JOIN payment_part r"
            " ON r.account = p.account AND r.payment_no = p.payment_no"
        ),
    )
