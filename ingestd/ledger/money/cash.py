"""Cash that is brought to the bank."""

from __future__ import annotations

from dataclasses import dataclass

from ingestd.database.statements import Statements
from ingestd.ledger.books.postings import post
from ingestd.ledger.entries.entry import Entry

EVENT = "cash_deposit"

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDeposit:
    """What the books say of a cash deposit; `amount` in minor units."""

    amount: int
    content_hash: bytes


def find_deposit(entry: Entry, deposit_id: str) -> StoredDeposit | None:
    """Return a cash deposit by its id; None when there is none."""
    values = {"account": entry.head.account, "deposit_id": deposit_id}
    row = _SQL.run(entry.connection, "find_deposit", values).one_or_none()
    if row is None:
        return None
    return StoredDeposit(amount=row.amount, content_hash=row.content_hash)


def deposit_cash(
    entry: Entry, deposit_id: str, amount: int, *, reference: str | None, content_hash: bytes
) -> None:
    """Move cash to the bank; so much must be there. `amount` in minor units."""
    values = {
        "account": entry.head.account,
        "batch_no": entry.batch.batch_no,
        "deposit_id": deposit_id,
        "content_hash": content_hash,
        "amount": amount,
        "reference": reference,
        "day": entry.day,
    }
    _SQL.run(entry.connection, "insert_deposit", values)
    post(entry.connection, entry.head, entry.batch, _SQL, "post_deposit", values)
