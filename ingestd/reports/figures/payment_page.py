"""Payments page by page, the latest first, as they stand now: for whoever looks for one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.parties import look_up_party
from ingestd.reports.figures.report import Row
from ingestd.values.days import day_text
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount

_SQL = Statements(__file__)

FIRST = 1 << 62
"""A number that every payment's is below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    """Some payments, with the columns of the report; `next` is what the next page is `before`."""

    rows: list[Row]
    next: int | None


def list_payments(
    connection: Connection,
    account: AccountId,
    *,
    decimals: int,
    limit: int,
    before: int = FIRST,
    status: str | None = None,
    payer: str | None = None,
) -> PaymentPage:
    """Return payments by number, the highest first, those `before` one; status and payer narrow.

    Raises UsageError as `look_up_party` does.
    """
    payer_no = None if payer is None else look_up_party(connection, account, payer).party_no
    if payer is not None and payer_no is None:
        return PaymentPage(rows=[], next=None)
    values = {
        "account": account,
        "before": before,
        "status": status or "",
        "payer_no": payer_no or 0,
        "limit": limit + 1,
    }
    found = _SQL.run(connection, "find_payments_before", values).all()
    rows: list[Row] = [
        {
            "payment_id": row.payment_id,
            "payer": row.party_code,
            "kind": row.kind,
            "merchant_id": row.merchant_id,
            "batch_num": row.batch_num,
            "receipt_num": row.receipt_num,
            "received_on": day_text(row.received_on),
            "amount": format_amount(row.amount, decimals),
            "status": row.status,
            "settled_on": None if row.settled_on is None else day_text(row.settled_on),
            "returned_on": None if row.returned_on is None else day_text(row.returned_on),
        }
        for row in found[:limit]
    ]
    return PaymentPage(rows=rows, next=found[limit - 1].payment_no if len(found) > limit else None)
