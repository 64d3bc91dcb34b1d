"""Trace: from a charge to every posting that it caused, and to the file and row it came from."""

from __future__ import annotations

from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.trails.drill import Inquiry, origin_of, posting_fields
from ingestd.values.clock import format_instant, from_microseconds
from ingestd.values.days import day_text
from ingestd.values.errors import UsageError

_SQL = Statements(__file__)

Answer = dict[str, object]
_NO_END = 2**63 - 1
# How many postings before the place where that of a charge is expected are looked at.
_REACHES = (100, 10_000)
_RECEIVABLES = (LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET)


def trace_charge(connection: Connection, inquiry: Inquiry, tracking_id: str) -> Answer:
    """Tell of a charge its postings in order, and the files of all that happened to it.

    An origin names the upload, its hash, who sent it, when and from where, and the row; it is
    None for what a command did. Raises UsageError for a charge that was not known.
    """
    values = inquiry.bound(tracking_id=tracking_id)
    charge = _SQL.run(connection, "find_charge", values).one_or_none()
    if charge is None:
        raise UsageError(f"Account {inquiry.account} has no charge {tracking_id}.")
    bound = inquiry.bound(charge_no=charge.charge_no)
    postings = _postings(connection, inquiry, charge)
    refund = _SQL.run(connection, "find_refund", bound).one_or_none()
    payments = _SQL.run(connection, "find_payments", bound).all()
    return inquiry.heading(connection, "trace") | {
        "charge": _charge(connection, inquiry, charge)
        | _state(inquiry, charge.amount, postings, is_refunded=refund is not None),
        "refund": None if refund is None else _refund(connection, inquiry, refund),
        "payments": [
            {
                "payment_id": row.payment_id,
                "payer": row.payer,
                "received_on": day_text(row.received_on),
                "origin": origin_of(connection, inquiry.account, row.upload_id, row.row),
            }
            for row in payments
        ],
        "postings": [posting_fields(inquiry, row) for row in postings],
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


def _charge(connection: Connection, inquiry: Inquiry, charge: SqlRow[tuple[object, ...]]) -> Answer:
    return {
        "tracking_id": charge.tracking_id,
        "party": charge.party,
        "kind": charge.kind,
        "account_type": charge.account_type,
        "billing_code": charge.billing_code,
        "amount": inquiry.written(charge.amount),
        "note": charge.note,
        "occurred_at": format_instant(from_microseconds(charge.occurred_at)),
        "effective_on": day_text(charge.effective_on),
        "batch": charge.batch_no,
        "event": charge.event,
        "known_at": format_instant(from_microseconds(charge.sealed_at)),
        "origin": origin_of(connection, inquiry.account, charge.upload_id, charge.row),
    }


def _state(
    inquiry: Inquiry,
    amount: int,
    postings: list[SqlRow[tuple[object, ...]]],
    *,
    is_refunded: bool,
) -> Answer:
    deferred = LedgerAccount.DEFERRED_REVENUE
    paid = sum(
        row.amount * ((row.credit_account in _RECEIVABLES) - (row.debit_account in _RECEIVABLES))
        for row in postings
        if deferred not in (row.debit_account, row.credit_account)
    )
    left_open = 0 if is_refunded else amount - paid
    status = "partial" if paid else "unpaid"
    if is_refunded:
        status = "void"
    elif left_open == 0:
        status = "paid"
    return {
        "paid": inquiry.written(paid),
        "open": inquiry.written(left_open),
        "status": status,
    }


def _refund(connection: Connection, inquiry: Inquiry, refund: SqlRow[tuple[object, ...]]) -> Answer:
    return {
        "effective_on": day_text(refund.effective_on),
        "tx_item_rowid": refund.tx_item_rowid,
        "note": refund.note,
        "batch": refund.batch_no,
        "known_at": format_instant(from_microseconds(refund.sealed_at)),
        "origin": origin_of(connection, inquiry.account, refund.upload_id, refund.row),
    }
