"""`--as-known`: the instant up to which batches count in an answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from ingestd.ledger.head import read_known_at
from ingestd.values.clock import from_microseconds
from ingestd.values.errors import UsageError
from ingestd.values.identifiers import AccountId

AsKnownOption = Annotated[
    str | None,
    typer.Option("--as-known", help="What was known by then, such as 2026-03-02T12:00:00Z."),
]


def known_instant(
    connection: Connection, account: AccountId, as_known: str | None, *, now: datetime
) -> datetime:
    """Return the instant that an answer is for: the asked one, or that of the last batch.

    Asked again with the last batch's instant, the answer is the same for ever. Raises UsageError
    for a text that is no instant; without an offset it is UTC.
    """
    if as_known is None:
        known_at = read_known_at(connection, account)
        return now if known_at is None else from_microseconds(known_at)
    try:
        instant = datetime.fromisoformat(as_known)
    except ValueError as error:
        raise UsageError(
            f"--as-known {as_known} is no instant. Write it such as 2026-03-02T12:00:00Z."
        ) from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
