"""The head of an account's chain of batches: the lock that makes one writer at a time."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.values.identifiers import AccountId

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
    connection.execute(
        sa.text(
            "INSERT INTO seal_head (account, hash) VALUES (:account, :hash) ON CONFLICT DO NOTHING"
        ),
        {"account": account, "hash": GENESIS_HASH},
    )
    # SQLite has one writer anyway: BEGIN IMMEDIATE took its place already.
    lock = "" if connection.dialect.name == "sqlite" else " FOR UPDATE"
    row = connection.execute(
        sa.text(
            "SELECT batch_no, hash, sealed_at, charges, postings, parties, refunds, payments,"
            " allocations FROM seal_head"
            f" WHERE account = :account{lock}"
        ),
        {"account": account},
    ).one()
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
    connection.execute(
        sa.text(
            "UPDATE seal_head SET batch_no = :batch_no, hash = :hash, sealed_at = :sealed_at,"
            " charges = :charges, postings = :postings, parties = :parties, refunds = :refunds,"
            " payments = :payments, allocations = :allocations WHERE account = :account"
        ),
        {
            "account": head.account,
            "batch_no": head.batch_no,
            "hash": head.hash,
            "sealed_at": head.sealed_at,
            "charges": head.charges,
            "postings": head.postings,
            "parties": head.parties,
            "refunds": head.refunds,
            "payments": head.payments,
            "allocations": head.allocations,
        },
    )


def has_batches(connection: Connection) -> bool:
    """Tell whether any account's books hold anything."""
    found = connection.execute(sa.text("SELECT 1 FROM seal_head WHERE batch_no > 0 LIMIT 1"))
    return found.first() is not None


def read_head_hash(connection: Connection, account: AccountId, *, known_at: int) -> str:
    """Return the hash of the last batch sealed by `known_at` (microseconds since 1970)."""
    found = connection.execute(
        sa.text(
            "SELECT hash FROM seal WHERE account = :account AND sealed_at <= :known_at"
            " ORDER BY batch_no DESC LIMIT 1"
        ),
        {"account": account, "known_at": known_at},
    ).scalar()
    return GENESIS_HASH if found is None else str(found)


def read_known_at(connection: Connection, account: AccountId) -> int | None:
    """Return when the last batch was sealed, in microseconds since 1970; None before the first.

    What is known then stays known for ever: every later batch is sealed later.
    """
    found = connection.execute(
        sa.text("SELECT sealed_at FROM seal_head WHERE account = :account AND batch_no > 0"),
        {"account": account},
    ).scalar()
    return None if found is None else int(found)
