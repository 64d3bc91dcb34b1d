"""Write-offs: what is open of a charge, or of a payout that is owed back, is expected no more."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.database.statements import Statements
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.sales import StoredCharge
from ingestd.ledger.paying.open_charges import CHANGED, refresh_open_charges
from ingestd.ledger.paying.taxes import TaxShares

EVENT = "write_off"

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWriteOff:
    """What the books say of a write-off; amounts in minor units."""

    charge_no: int
    amount: int
    tax: int
    content_hash: bytes


def find_write_off(entry: Entry, key: str) -> StoredWriteOff | None:
    """Return the write-off of a key; None when there is none."""
    values = {"account": entry.head.account, "write_off_key": key}
    row = _SQL.run(entry.connection, "find_write_off", values).one_or_none()
    if row is None:
        return None
    return StoredWriteOff(
        charge_no=row.charge_no, amount=row.amount, tax=row.tax, content_hash=row.content_hash
    )


def write_off(
    entry: Entry, charge: StoredCharge, amount: int, *, key: str | None, content_hash: bytes
) -> int:
    """Write off so much of what is open; return what of it is tax, in minor units."""
    values = {
        "account": entry.head.account,
        "batch_no": entry.batch.batch_no,
        "charge_no": charge.charge_no,
        "amount": amount,
        "tax": _tax_of(entry, charge, amount),
        "write_off_key": key,
        "content_hash": content_hash,
        "day": entry.day,
    }
    _SQL.run(entry.connection, "insert_write_off", values)
    name = "post_payout_written_off" if charge.is_payout else "post_written_off"
    post(entry.connection, entry.head, entry.batch, _SQL, name, values)
    _SQL.run(entry.connection, "add_to_state", values)
    _SQL.fill(entry.connection, CHANGED, "stage_written_off", values)
    refresh_open_charges(entry.connection, entry.head)
    return int(str(values["tax"]))


def _tax_of(entry: Entry, charge: StoredCharge, amount: int) -> int:
    if not charge.tax:
        return 0
    values = {"account": entry.head.account, "charge_no": charge.charge_no}
    row = _SQL.run(entry.connection, "sum_taxes", values).one()
    written_off = int(row.written_off_tax)
    shares = TaxShares(
        charged=charge.amount,
        charged_tax=charge.tax,
        done=charge.written_off,
        done_tax=written_off,
        open_amount=charge.open_amount,
        open_tax=charge.tax - int(row.allocated_tax) - int(row.refunded_tax) - written_off,
    )
    return shares.take(amount)
