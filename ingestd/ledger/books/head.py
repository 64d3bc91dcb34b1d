"""The head of an account's chain of batches: the lock that makes one writer at a time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.schema import require_able_with
from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

GENESIS_HASH = "0" * 64
"""The hash that the first batch of every account follows."""


@dataclass(slots=True, kw_only=True)
class Head:
    """Where an account's books end: the last batch, its hash and time, the last numbers.

    Held only inside the write transaction that locked it; `seal` stores it again. The last seven
    say of the tree over all batches what `ledger/evidence/tree_log.py` keeps there: its frontier,
    under which name and origin it was signed and up to where, up to where the log told of it, and
    the size at the last receipt with the frontier that this receipt's own batch was added to.
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
    codes: int
    frontier: bytes
    origin_name: str | None
    origin_no: int
    signed_size: int
    told_size: int
    receipt_size: int
    receipt_frontier: bytes


def lock_head(connection: Connection, account: AccountId) -> Head:
    """Become the only writer of an account's books until the transaction ends.

    Raises SchemaError where the schema has become one that this program cannot work with.
    """
    values = {"account": account, "hash": GENESIS_HASH}
    row = _SQL.run(connection, "lock_head", values).one_or_none()
    if row is None:  # once for each account
        _SQL.run(connection, "add_head", values)
        row = _SQL.run(connection, "lock_head", values).one()
    require_able_with(row.revision, row.oldest)
    return _head(account, row)


def look_at_head(connection: Connection, account: AccountId) -> Head:
    """Return where an account's books end, for who writes nothing and keeps no writer waiting."""
    row = _SQL.run(connection, "find_head", {"account": account}).one_or_none()
    return _beginning(account) if row is None else _head(account, row)


def list_heads(connection: Connection) -> list[tuple[AccountId, int, str]]:
    """Return where the books of every account end: its last batch, and that one's hash."""
    return [
        (AccountId(row.account), row.batch_no, row.hash)
        for row in _SQL.run(connection, "list_heads")
    ]


def _beginning(account: AccountId) -> Head:
    return Head(
        account=account,
        batch_no=0,
        hash=GENESIS_HASH,
        sealed_at=0,
        charges=0,
        postings=0,
        parties=0,
        refunds=0,
        payments=0,
        allocations=0,
        codes=0,
        frontier=b"",
        origin_name=None,
        origin_no=0,
        signed_size=0,
        told_size=0,
        receipt_size=0,
        receipt_frontier=b"",
    )


def _head(account: AccountId, row: Row[Any]) -> Head:
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
        codes=row.codes,
        frontier=bytes(row.frontier or b""),
        origin_name=row.origin_name,
        origin_no=row.origin_no,
        signed_size=row.signed_size,
        told_size=row.told_size,
        receipt_size=row.receipt_size,
        receipt_frontier=bytes(row.receipt_frontier or b""),
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
