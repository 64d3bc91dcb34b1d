"""Cash sales: what a file sold to nobody in particular, paid in cash on the day it was sold."""

from __future__ import annotations

from dataclasses import replace

from ingestd.database.bulk import Temporary, analyse
from ingestd.database.statements import Statements
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.entries.keys import CASH_PREFIX, KEY_CHARACTERS_MAX, free_id
from ingestd.ledger.money.payments import CHOSEN
from ingestd.ledger.money.settlement import settle_chosen
from ingestd.values.days import Day

_SQL = Statements(__file__)

# By its key each id that is to be replaced is found, and held against all others.
CASH_SALES = Temporary(
    "stage_cash_sale", {"charge_no": "whole", "payment_id": "text"}, key=("payment_id",)
)


def pay_cash_sales(entry: Entry) -> None:
    """Pay the batch's charges of nobody in particular, each with its own cash on its own day."""
    connection, head = entry.connection, entry.head
    sold = {
        "account": head.account,
        "charges_before": entry.batch.charges_before,
        "prefix": f"{CASH_PREFIX}-",
    }
    sales = _SQL.fill(connection, CASH_SALES, "stage_cash_sales", sold)
    if not sales:
        return
    analyse(connection, CASH_SALES)
    _replace_ids(entry)
    values = {
        "account": head.account,
        "payments": head.payments,
        "batch_no": entry.batch.batch_no,
    }
    _SQL.run(connection, "insert_payments", values)
    _SQL.run(connection, "insert_parts", values)
    _SQL.fill(connection, CHOSEN, "stage_paid_in_cash", values)
    analyse(connection, CHOSEN)
    head.payments += sales
    # Cash settles when it is received, be that long ago.
    settle_chosen(replace(entry, day=Day(0)))


def _replace_ids(entry: Entry) -> None:
    """Give another id to each payment whose own would be too long, or is taken."""
    account = {"account": entry.head.account}
    too_long = {**account, "characters_max": KEY_CHARACTERS_MAX}

    def is_taken(payment_id: str) -> bool:
        values = {**account, "payment_id": payment_id}
        return bool(_SQL.run(entry.connection, "is_taken", values).scalar_one())

    for sale in _SQL.run(entry.connection, "find_ids_to_replace", too_long).all():
        payment_id = free_id(CASH_PREFIX, sale.tracking_id, is_taken=is_taken)
        values = {"replaced": sale.payment_id, "payment_id": payment_id}
        _SQL.run(entry.connection, "replace_id", values)
