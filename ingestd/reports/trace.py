"""Trace: from a charge to every posting that it caused, and to the file and row it came from."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine import Row as SqlRow

from ingestd.ledger.books.charge_keys import CHARGE_BY_KEY
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.drill import KNOWN, Inquiry, origin_of, posting_fields, read_postings
from ingestd.values.clock import format_instant, from_microseconds
from ingestd.values.errors import UsageError

Answer = dict[str, object]

_CHARGE = f"""
SELECT c.charge_no, c.tracking_id, y.party_code AS party, y.kind, c.account_type, c.billing_code,
  c.amount, c.tax, c.note, c.occurred_at, c.effective_on, c.batch_no, b.event, b.sealed_at,
  c.upload_id, c.row
FROM {CHARGE_BY_KEY} :tracking_id
  JOIN seal b ON b.account = c.account AND b.batch_no = c.batch_no
  JOIN party y ON y.account = c.account AND y.party_no = c.party_no
WHERE {KNOWN}
"""
_REFUND = f"""
SELECT f.effective_on, f.note, f.tx_item_rowid, f.batch_no, b.sealed_at, f.upload_id, f.row
FROM refund f JOIN seal b ON b.account = f.account AND b.batch_no = f.batch_no
WHERE f.account = :account AND f.charge_no = :charge_no AND {KNOWN}
"""
_PAYMENTS = f"""
SELECT m.payment_id, y.party_code AS payer, m.received_on, m.upload_id, m.row
FROM payment m JOIN party y ON y.account = m.account AND y.party_no = m.party_no
WHERE m.account = :account AND m.payment_no IN
  (SELECT a.payment_no FROM allocation a
   JOIN seal b ON b.account = a.account AND b.batch_no = a.batch_no
   WHERE a.account = :account AND a.charge_no = :charge_no AND {KNOWN})
ORDER BY m.payment_no
"""
_RECEIVABLES = (LedgerAccount.RECEIVABLE_FEES, LedgerAccount.RECEIVABLE_WALLET)


def trace_charge(connection: Connection, inquiry: Inquiry, tracking_id: str) -> Answer:
    """Tell of a charge its postings in order, and the files of all that happened to it.

    An origin names the upload, its hash, who sent it, when and from where, and the row; it is
    None for what a command did. Raises UsageError for a charge that was not known.
    """
    charge = connection.execute(
        sa.text(_CHARGE), inquiry.bound(tracking_id=tracking_id)
    ).one_or_none()
    if charge is None:
        raise UsageError(f"Account {inquiry.account} has no charge {tracking_id}.")
    bound = inquiry.bound(charge_no=charge.charge_no)
    postings = _postings(connection, inquiry, charge)
    refund = connection.execute(sa.text(_REFUND), bound).one_or_none()
    payments = connection.execute(sa.text(_PAYMENTS), bound).all()
    return inquiry.heading(connection, "trace") | {
        "charge": _charge(connection, inquiry, charge)
        | _state(inquiry, charge.amount, postings, is_refunded=refund is not None),
        "refund": None if refund is None else _refund(connection, inquiry, refund),
        "payments": [
            {
                "payment_id": row.payment_id,
                "payer": row.payer,
                "received_on": row.received_on,
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
    values = {"charge_no": charge.charge_no, "batch_no": charge.batch_no}
    first = read_postings(
        connection,
        inquiry,
        where="p.event = 'charge' AND p.batch_no = :batch_no AND p.charge_no = :charge_no",
        values=values,
    )
    others = read_postings(
        connection,
        inquiry,
        where="p.event <> 'charge' AND p.charge_no = :charge_no",
        values={"charge_no": charge.charge_no},
    )
    return sorted((*first, *others), key=lambda row: int(row.posting_no))


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
        "effective_on": charge.effective_on,
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
        "effective_on": refund.effective_on,
        "tx_item_rowid": refund.tx_item_rowid,
        "note": refund.note,
        "batch": refund.batch_no,
        "known_at": format_instant(from_microseconds(refund.sealed_at)),
        "origin": origin_of(connection, inquiry.account, refund.upload_id, refund.row),
    }
