"""The head of an account's chain of batches: the lock that makes one writer at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

GENESIS_HASH = "0" * 64
"""The hash that the first batch of every account follows."""


@dataclass(slots=True, kw_only=True)
class Head:
    """Where an account's books end: the last batch, its hash and time, the last numbers.

    Held only inside the write transaction that locked it; `seal` stores it again.
    """

    account: AccountId
    batch_no: int
    hash: str
    sealed_at: int
    charges: int
    postings: int
    parties: int
    refunds: int
    payments: int
    allocations: int


def lock_head(connection: Connection, account: AccountId) -> Head:
    """Become the only writer of an account's books until the transaction ends."""
    _SQL.run(connection, "add_head", {"account": account, "hash": GENESIS_HASH})
    row = _SQL.run(connection, "lock_head", {"account": account}).one()
    return Head(
        account=account,
        batch_no=row.batch_no,
        hash=row.hash,
        sealed_at=row.sealed_at,
        charges=row.charges,
        postings=row.postings,
        parties=row.parties,
        refunds=row.refunds,
        payments=row.payments,
        allocations=row.allocations,
    )


def store_head(connection: Connection, head: Head) -> None:
    """Make `head` the account's last word; the caller holds the lock."""
    _SQL.run(connection, "store_head", asdict(head))


def has_batches(connection: Connection) -> bool:
    """Tell whether any account's books hold anything."""
    return _SQL.run(connection, "has_batches").first() is not None


def read_head_hash(connection: Connection, account: AccountId, *, known_at: int) -> str:
    """Return the hash of the last batch sealed by `known_at` (microseconds since 1970)."""
    found = _SQL.run(
        connection, "find_head_hash", {"account": account, "known_at": known_at}
    ).scalar()
    return GENESIS_HASH if found is None else str(found)


def read_known_at(connection: Connection, account: AccountId) -> int | None:
    """Return when the last batch was sealed, in microseconds since 1970; None before the first.

    What is known then stays known for ever: every later batch is sealed later.
    """
    found = _SQL.run(connection, "find_known_at", {"account": account}).scalar()
    return None if found is None else int(found)
