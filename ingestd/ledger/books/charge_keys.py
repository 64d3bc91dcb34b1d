"""Charge keys: a tracking id is one charge's for ever.

The keys stand in a table of their own, so that charges are written in the order of the file and
keys in their own order: a million keys that come at random are sorted before, without their rows.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.head import Head

_SQL = Statements(__file__)


def take_keys(connection: Connection, head: Head, *, charges_before: int) -> None:
    """Take the keys of the charges numbered above `charges_before`: the insert decides.

    A key that a charge has already fails the transaction; the caller has looked before.
    """
    values = {"account": head.account, "charges_before": charges_before}
    _SQL.run(connection, "take_keys", values)
