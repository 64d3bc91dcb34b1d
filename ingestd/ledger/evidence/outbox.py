"""The outbox: checkpoints that the witness has not got yet, in the order in which they came."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One checkpoint on its way: whose, under which origin, of how many batches; and the note."""

    account: AccountId
    origin_no: int
    size: int
    note: str


def read_outbox(connection: Connection, *, limit: int) -> list[Outgoing]:
    """Return up to `limit` checkpoints that wait, the smallest of each account first."""
    return [
        Outgoing(
            account=AccountId(row.account), origin_no=row.origin_no, size=row.size, note=row.note
        )
        for row in _SQL.run(connection, "read_outbox", {"limit": limit})
    ]


def count_outbox(connection: Connection) -> int:
    """Return how many checkpoints wait."""
    return int(_SQL.run(connection, "count_outbox").scalar_one())


def forget_sent(connection: Connection, outgoing: Outgoing) -> None:
    """Take a checkpoint out that the witness has."""
    values = {"account": outgoing.account, "origin_no": outgoing.origin_no, "size": outgoing.size}
    _SQL.run(connection, "forget_sent", values)
