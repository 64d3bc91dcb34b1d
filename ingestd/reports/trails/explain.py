"""Explain: where each minor unit of a payment went, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.database.statements import Statements
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.trails.drill import (
    Authors,
    Inquiry,
    account_label,
    account_type_of,
    details_of,
    origin_of,
)
from ingestd.values.days import day_text
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

Answer = dict[str, object]
_Rows = list[SqlRow[tuple[object, ...]]]

_TO_WALLET = (LedgerAccount.UNAPPLIED_FEES, LedgerAccount.WALLET_CREDIT)
# What credit that waits is called; a discount is no money.
_CREDITS: Mapping[LedgerAccount, str] = MappingProxyType(
    {
        LedgerAccount.UNAPPLIED_FEES: AccountType.LIABILITY,
        LedgerAccount.WALLET_CREDIT: AccountType.WALLET,
        LedgerAccount.UNAPPLIED_DISCOUNTS: "DISCOUNT",
    }
)
_RECEIVABLES = (LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET)
_PAID_OUT = (LedgerAccount.PAID_OUT_FEES, LedgerAccount.PAID_OUT_WALLET)
# Tax of a charge that is paid goes from deferred to due: that is no money that came.
_HELD: Mapping[LedgerAccount, tuple[LedgerAccount, ...]] = MappingProxyType(
    {
        LedgerAccount.TAX: (LedgerAccount.TAX, LedgerAccount.DEFERRED_TAX),
        LedgerAccount.BUILDING_FUND: (LedgerAccount.BUILDING_FUND,),
        LedgerAccount.DEPOSITS: (LedgerAccount.DEPOSITS,),
        LedgerAccount.ADVANCES: (LedgerAccount.ADVANCES,),
        LedgerAccount.OTHER_GL: (LedgerAccount.OTHER_GL,),
    }
)


def explain_payment(connection: Connection, inquiry: Inquiry, payment_id: str) -> Answer:
    """Tell of a payment its parts, what it pays, what it waits as, and what came back.

    `totals` says where its amount is now: `amount` and `discount` come in; `pending`,
    `allocated`, `waiting`, `held`, `paid_out`, `returned` and `voided` are what became of them, and
    `unexplained` is what is missing then. In sound books it is nothing: that is `reconciles`.
    `entries` says who did by hand what of it was done so, and why.
    Raises UsageError for a payment that was not known.
    """
    values = inquiry.bound(payment_id=payment_id)
    payment = _SQL.run(connection, "find_payment", values).one_or_none()
    if payment is None:
        raise UsageError(f"Account {inquiry.account} has no payment {payment_id}.")
    bound = inquiry.bound(payment_no=payment.payment_no)
    postings = list(_SQL.run(connection, "find_postings", bound))
    events = list(_SQL.run(connection, "find_events", bound))
    touched = {row.batch_no for row in (payment, *events, *postings)}
    authors = Authors(connection, inquiry, touched)
    return inquiry.heading(connection, "explain") | {
        "payment": _payment(connection, inquiry, payment, events, authors),
        "parts": [_part(inquiry, row) for row in _SQL.run(connection, "find_parts", bound)],
        "allocations": [
            _allocation(inquiry, row) for row in _SQL.run(connection, "find_allocations", bound)
        ],
        "moved_to_wallets": list(_moved(inquiry, postings)),
        "transfers": list(_transfers(inquiry, postings)),
        "waiting": list(_waiting(inquiry, postings)),
        "held": list(_held(inquiry, postings)),
        "entries": authors.listed(),
        **_totals(inquiry, payment.amount, postings),
    }


def _payment(
    connection: Connection,
    inquiry: Inquiry,
    payment: SqlRow[tuple[object, ...]],
    happened: _Rows,
    authors: Authors,
) -> Answer:
    events = {row.event: row for row in happened}
    status = next((name for name in ("voided", "returned", "settled") if name in events), "pending")
    days = {f"{name}_on": day_text(row.effective_on) for name, row in events.items()}
    # Of what became of it last it is told who did it and why.
    last = authors.of(happened[-1].batch_no if happened else payment.batch_no)
    reasons = [row.reason for row in happened if row.reason is not None]
    return {
        "payment_id": payment.payment_id,
        "payer": payment.payer,
        "kind": payment.kind,
        "amount": inquiry.written(payment.amount),
        "status": status,
        "received_on": day_text(payment.received_on),
        **{f"{name}_on": days.get(f"{name}_on") for name in ("settled", "returned", "voided")},
        "by": last["by"],
        "reason": reasons[-1] if reasons else last["reason"],
        "for_tracking_id": payment.for_tracking_id,
        "merchant_id": payment.merchant_id,
        "batch_num": payment.batch_num,
        "receipt_num": payment.receipt_num,
        "batch": payment.batch_no,
        "detail": details_of(connection, inquiry, [payment.payment_id]).get(payment.payment_id),
        "origin": origin_of(connection, inquiry.account, payment.upload_id, payment.row),
    }


def _part(inquiry: Inquiry, part: SqlRow[tuple[object, ...]]) -> Answer:
    return {
        "kind": part.kind,
        "amount": inquiry.written(part.amount),
        "party": part.party,
        "gl_account": part.gl_account,
        "tax_code": part.tax_code,
    }


def _allocation(inquiry: Inquiry, row: SqlRow[tuple[object, ...]]) -> Answer:
    return {
        "tracking_id": row.tracking_id,
        "billing_code": row.billing_code,
        "party": row.party,
        "amount": inquiry.written(row.amount),
        "credit_of": row.credit_party,
        "credit": account_type_of(row.credit_account),
        "rule": row.rule,
        "effective_on": day_text(row.effective_on),
        "batch": row.batch_no,
        "undone_on": None if row.undone_on is None else day_text(row.undone_on),
        "undone_by": row.undone_by,
        "undone_batch": row.undone_batch,
    }


def _moved(inquiry: Inquiry, postings: _Rows) -> Iterator[Answer]:
    """Yield what refunds moved from credit for fees to wallets, and what took it back."""
    undone = {row.reverses_posting_no: row for row in postings}
    for row in postings:
        is_move = (row.debit_account, row.credit_account) == _TO_WALLET
        if not is_move or row.reverses_posting_no is not None:
            continue
        back = undone.get(row.posting_no)
        yield {
            "tracking_id": row.tracking_id,
            "from_party": row.debit_party,
            "to_party": row.credit_party,
            "amount": inquiry.written(row.amount),
            "effective_on": day_text(row.effective_on),
            "batch": row.batch_no,
            "undone_on": None if back is None else day_text(back.effective_on),
            "undone_by": None if back is None else back.event,
            "undone_batch": None if back is None else back.batch_no,
        }


def _transfers(inquiry: Inquiry, postings: _Rows) -> Iterator[Answer]:
    """Yield what was moved from one party or use to another, and what took it back.

    In a batch each payment has one lot that is moved, out of one account and into another.
    """
    undone = {row.reverses_posting_no: row for row in postings}
    moved = [row for row in postings if row.reverses_posting_no is None]
    into = {row.batch_no: row for row in moved if row.debit_account == LedgerAccount.TRANSFERS}
    for row in moved:
        if row.credit_account != LedgerAccount.TRANSFERS:
            continue
        target = into[row.batch_no]
        back = undone.get(row.posting_no)
        yield {
            "from": account_label(row.debit_account),
            "from_party": row.debit_party,
            "to": account_label(target.credit_account),
            "to_party": target.credit_party,
            "amount": inquiry.written(row.amount),
            "effective_on": day_text(row.effective_on),
            "batch": row.batch_no,
            "undone_on": None if back is None else day_text(back.effective_on),
            "undone_by": None if back is None else back.event,
            "undone_batch": None if back is None else back.batch_no,
        }


def _waiting(inquiry: Inquiry, postings: _Rows) -> Iterator[Answer]:
    """Yield the credit that the payment left and that has paid nothing yet."""
    left: dict[tuple[str, int], int] = {}
    for row in postings:
        for number, party, amount in (
            (row.credit_account, row.credit_party, row.amount),
            (row.debit_account, row.debit_party, -row.amount),
        ):
            if number in _CREDITS:
                key = (party or "", number)
                left[key] = left.get(key, 0) + amount
    for (party, number), amount in sorted(left.items()):
        if amount:
            yield {
                "party": party,
                "account_type": _CREDITS[LedgerAccount(number)],
                "amount": inquiry.written(amount),
            }


def _held(inquiry: Inquiry, postings: _Rows) -> Iterator[Answer]:
    for number, moved in _HELD.items():
        amount = _credited(postings, *moved)
        if amount:
            yield {"account": account_label(number), "amount": inquiry.written(amount)}


def _credited(postings: _Rows, *numbers: LedgerAccount, event: str | None = None) -> int:
    """Return credits less debits on some accounts, of one event or of all."""
    return sum(
        row.amount * ((row.credit_account in numbers) - (row.debit_account in numbers))
        for row in postings
        if event is None or row.event == event
    )


def _totals(inquiry: Inquiry, amount: int, postings: _Rows) -> Answer:
    bank, cash, clearing = LedgerAccount.BANK, LedgerAccount.CASH, LedgerAccount.CLEARING
    discount = -_credited(postings, LedgerAccount.DISCOUNTS)
    became = {
        "pending": _credited(postings, LedgerAccount.PENDING_RECEIPTS),
        "allocated": _credited(postings, *_RECEIVABLES),
        "waiting": _credited(postings, *_CREDITS),
        "held": sum(_credited(postings, *moved) for moved in _HELD.values()),
        "paid_out": _credited(postings, *_PAID_OUT),
        "returned": _credited(postings, bank, cash, clearing, event="returned"),
        "voided": _credited(postings, bank, cash, clearing, event="voided"),
    }
    unexplained = amount + discount - sum(became.values())
    totals = {
        "amount": inquiry.written(amount),
        "discount": inquiry.written(discount),
        **{name: inquiry.written(value) for name, value in became.items()},
        "unexplained": inquiry.written(unexplained),
    }
    return {"totals": totals, "reconciles": unexplained == 0}
