"""Totals: what each batch's postings come to, and what each party has by now.

Projections of the postings: a batch's sums by day, accounts and product, from which reports and
identities are had without walking a million postings, and the balance of each party.
"""

from __future__ import annotations

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements

_SQL = Statements(__file__)


def add_totals(connection: Connection, *, account: str, batch_no: int, postings_before: int) -> int:
    """Store what a batch's postings come to, once all are written; return all they move.

    The amount is in minor units. `postings_before` is the last posting of the batch before.
    """
    values = {"account": account, "batch_no": batch_no, "postings_before": postings_before}
    _SQL.run(connection, "add_totals", values)
    _SQL.run(connection, "add_to_balances", values)
    amount = _SQL.run(connection, "sum_batch", values).scalar_one()
    return int(amount)
