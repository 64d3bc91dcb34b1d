"""Terms: what has to be known of an account's books before charges are written into them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head
from ingestd.ledger.books.periods import first_open_day
from ingestd.values.days import Day

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under what new charges are written.

    `open_from` is the first day that postings may be dated. Where no product is sorted, none is
    looked up for what is open; where no credit waits, nobody is looked for who could pay.
    """

    open_from: Day
    has_sorts: bool
    credit_waits: bool


def read_terms(connection: Connection, head: Head) -> Terms:
    """Return the terms of now, which last: the caller holds the head's lock."""
    row = _SQL.run(connection, "find_terms", {"account": head.account}).one()
    return Terms(
        open_from=first_open_day(row.closed_month),
        has_sorts=bool(row.has_sorts),
        credit_waits=bool(row.credit_waits),
    )
