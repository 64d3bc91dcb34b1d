"""Trace: from a charge to every posting that it caused, and to the file and row it came from."""

from __future__ import annotations

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.trails.drill import (
    Authors,
    Inquiry,
    account_label,
    details_of,
    origin_of,
    posting_fields,
)
from ingestd.values.clock import format_instant, from_microseconds
from ingestd.values.days import day_text
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

Answer = dict[str, object]
_NO_END = 2**63 - 1
# How many postings before the place where that of a charge is expected are looked at.
_REACHES = (100, 10_000)
_RECEIVABLES = (
    *(LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET),
    *(LedgerAccount.PAID_OUT_FEES, LedgerAccount.PAID_OUT_WALLET),
)
_CREDITS = (
    *(LedgerAccount.WALLET_CREDIT, LedgerAccount.UNAPPLIED_FEES),
    LedgerAccount.UNAPPLIED_DISCOUNTS,
)
_WRITE_OFF = "write_off"


def trace_charge(connection: Connection, inquiry: Inquiry, tracking_id: str) -> Answer:
    """Tell of a charge its postings in order, and the files of all that happened to it.

    An origin names the upload, its hash, who sent it, when and from where, and the row; it is
    None for what a command did: of that it is told who did it, and why. Raises UsageError for a
    charge that was not known.
    """
    values = inquiry.bound(tracking_id=tracking_id)
    charge = _SQL.run(connection, "find_charge", values).one_or_none()
    if charge is None:
        raise UsageError(f"Account {inquiry.account} has no charge {tracking_id}.")
    bound = inquiry.bound(charge_no=charge.charge_no)
    postings = _postings(connection, inquiry, charge)
    refunds = _SQL.run(connection, "find_refunds", bound).all()
    write_offs = _SQL.run(connection, "find_write_offs", bound).all()
    payments = _SQL.run(connection, "find_payments", bound).all()
    touched = {row.batch_no for row in (charge, *refunds, *write_offs, *payments, *postings)}
    authors = Authors(connection, inquiry, touched)
    details = details_of(connection, inquiry, [row.payment_id for row in payments])
    told_refunds = [_refund(connection, inquiry, row, authors) for row in refunds]
    return inquiry.heading(connection, "trace") | {
        "charge": _charge(connection, inquiry, charge, authors)
        | _state(inquiry, charge.amount, postings, is_refunded=bool(refunds)),
        "payout": _payout(connection, inquiry, charge),
        "refund": told_refunds[-1] if told_refunds else None,
        "refunds": told_refunds,
        "write_offs": [_write_off(inquiry, row, authors) for row in write_offs],
        "payments": [
            {
                "payment_id": row.payment_id,
                "payer": row.payer,
                "received_on": day_text(row.received_on),
                **authors.of(row.batch_no),
                "detail": details.get(row.payment_id),
                "origin": origin_of(connection, inquiry.account, row.upload_id, row.row),
            }
            for row in payments
        ],
        "postings": [posting_fields(inquiry, row) | authors.of(row.batch_no) for row in postings],
        "entries": authors.listed(),
    }


def _postings(
    connection: Connection, inquiry: Inquiry, charge: SqlRow[tuple[object, ...]]
) -> list[SqlRow[tuple[object, ...]]]:
    # Two questions: the posting of the charge itself stands in no index, all others do.
    first = _charge_postings(connection, inquiry, charge)
    bound = inquiry.bound(charge_no=charge.charge_no)
    others = _SQL.run(connection, "find_other_postings", bound)
    return sorted((*first, *others), key=lambda row: int(row.posting_no))


def _charge_postings(
    connection: Connection, inquiry: Inquiry, charge: SqlRow[tuple[object, ...]]
) -> list[SqlRow[tuple[object, ...]]]:
    """Return the posting of a charge itself, or nothing for one of nothing.

    A file's charges are posted in their order, but for those of nothing: so a posting lies as far
    behind its batch's first as its charge does, or a little before. Where it is not found there
    all of the batch's postings are looked at.
    """
    if charge.amount == 0:
        return []
    bound = inquiry.bound(charge_no=charge.charge_no, batch_no=charge.batch_no)
    extent = _SQL.run(connection, "find_batch_extent", bound).one()
    first, end = extent.first_posting or 0, extent.end_posting or _NO_END
    ranges = [(first, end)]
    if extent.first_charge is not None:
        near = first + charge.charge_no - extent.first_charge + 1
        ranges = [*((max(first, near - reach), min(end, near)) for reach in _REACHES), *ranges]
    for start, stop in ranges:
        values = bound | {"first": start, "end": stop}
        if found := _SQL.run(connection, "find_charge_posting", values).all():
            return list(found)
    return []


def _charge(
    connection: Connection,
    inquiry: Inquiry,
    charge: SqlRow[tuple[object, ...]],
    authors: Authors,
) -> Answer:
    origin = origin_of(connection, inquiry.account, charge.upload_id, charge.row)
    return {
        "tracking_id": charge.tracking_id,
        "party": charge.party,
        "kind": charge.kind,
        "account_type": charge.account_type,
        "billing_code": charge.billing_code,
        "amount": inquiry.written(charge.amount),
        "tax": inquiry.written(charge.tax),
        "tax_code": charge.tax_code,
        "note": charge.note,
        "occurred_at": format_instant(from_microseconds(charge.occurred_at)),
        "effective_on": day_text(charge.effective_on),
        "batch": charge.batch_no,
        "event": charge.event,
        "known_at": format_instant(from_microseconds(charge.sealed_at)),
        **authors.of(charge.batch_no),
        "location": authors.location_of(charge.batch_no) or (origin or {}).get("location"),
        "origin": origin,
    }


def _state(
    inquiry: Inquiry,
    amount_charged: int,
    postings: list[SqlRow[tuple[object, ...]]],
    *,
    is_refunded: bool,
) -> Answer:
    paid = voided = written_off = 0
    for row in postings:
        # A charge leaves its receivable as paid, as written off or as taken back; what of the
        # first two is undone comes back.
        is_leaving = row.credit_account in _RECEIVABLES
        if not is_leaving and row.debit_account not in _RECEIVABLES:
            continue
        other = row.debit_account if is_leaving else row.credit_account
        amount = row.amount if is_leaving else -row.amount
        if other in _CREDITS:
            paid += amount
        elif row.event == _WRITE_OFF or other == LedgerAccount.BAD_DEBTS:
            written_off += amount
        elif is_leaving:
            voided += amount
    left_open = amount_charged - paid - voided - written_off
    return {
        "paid": inquiry.written(paid),
        "voided": inquiry.written(voided),
        "written_off": inquiry.written(written_off),
        "open": inquiry.written(left_open),
        "status": _status(
            left_open,
            paid=paid,
            is_void=is_refunded if amount_charged == 0 else voided == amount_charged,
            is_written_off=written_off > 0,
        ),
    }


def _status(left_open: int, *, paid: int, is_void: bool, is_written_off: bool) -> str:
    if is_void:
        return "void"
    if left_open:
        return "partial" if paid else "unpaid"
    return "written_off" if is_written_off and not paid else "paid"


def _payout(
    connection: Connection, inquiry: Inquiry, charge: SqlRow[tuple[object, ...]]
) -> Answer | None:
    """Return how a payout went and what became of it; None for a charge that is none."""
    bound = inquiry.bound(charge_no=charge.charge_no)
    row = _SQL.run(connection, "find_payout", bound).one_or_none()
    if row is None:
        return None
    return {
        "from": account_label(row.from_account),
        "method": row.method,
        "payee": row.payee,
        "reference": row.reference,
        "cleared_on": None if row.cleared_on is None else day_text(row.cleared_on),
        "voided_on": None if row.voided_on is None else day_text(row.voided_on),
    }


def _write_off(inquiry: Inquiry, row: SqlRow[tuple[object, ...]], authors: Authors) -> Answer:
    return {
        "amount": inquiry.written(row.amount),
        "tax": inquiry.written(row.tax),
        "effective_on": day_text(row.effective_on),
        "batch": row.batch_no,
        **authors.of(row.batch_no),
    }


def _refund(
    connection: Connection,
    inquiry: Inquiry,
    refund: SqlRow[tuple[object, ...]],
    authors: Authors,
) -> Answer:
    return {
        "amount": inquiry.written(refund.amount),
        "tax": inquiry.written(refund.tax),
        "to": refund.paid_to,
        "effective_on": day_text(refund.effective_on),
        "tx_item_rowid": refund.tx_item_rowid,
        "note": refund.note,
        "batch": refund.batch_no,
        "known_at": format_instant(from_microseconds(refund.sealed_at)),
        **authors.of(refund.batch_no),
        "origin": origin_of(connection, inquiry.account, refund.upload_id, refund.row),
    }
