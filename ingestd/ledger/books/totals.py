"""Totals: what each batch's postings come to, and what each party has by now.

Projections of the postings: a batch's sums by day, accounts and product, from which reports and
identities are had without walking a million postings, and the balance of each party.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements

if TYPE_CHECKING:  # a daemon at rest does without arrays
    from ingestd.ledger.books.added_up import Totals

_SQL = Statements(__file__)


def add_totals(
    connection: Connection,
    *,
    account: str,
    batch_no: int,
    postings_before: int,
    totals: Totals | None = None,
) -> int:
    """Store what a batch's postings come to, once all are written; return all they move.

    The amount is in minor units. `postings_before` is the last posting of the batch before;
    `totals` are those of all its postings, where they were added up already.
    """
    values = {"account": account, "batch_no": batch_no, "postings_before": postings_before}
    if totals is not None:
        return totals.store(connection, account=account, batch_no=batch_no)
    amounts = _SQL.run(connection, "add_totals", values).scalars().all()
    _SQL.run(connection, "add_to_balances", values)
    return sum(map(int, amounts))
