"""Identities: what has to be equal in books that are right, on any day, as known at any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.ledger.books.extent import Extent
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)

_NO_END = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Two amounts in minor units that have to be equal.

    I1: what is owed is revenue and tax that are not realised yet. I2: money at hand, and what is
    owed back of money paid out, is realised revenue less discounts and bad debts, credit, payouts
    on their way, and funds held for others. I3: what clears is pending. I4 and I5: on the left what
    lies beyond the bounds together, a credit below zero, or a charge that is paid less than nothing
    or beyond its amount; nothing does on the right. I6: the lots together are the credit.
    """

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.left == self.right


def read_identities(connection: Connection, extent: Extent) -> list[Identity]:
    """Return I1 to I6 for what an extent covers, by the totals and projections of the books."""
    bound = extent.bound()
    return _identities(
        _SQL.run(connection, "add_up_totals", bound).one(),
        lots=_SQL.run(connection, "add_up_credit_below_zero", bound).one(),
        beyond=_SQL.run(connection, "add_up_charges_beyond", bound).scalar_one(),
    )


def add_up_identities(
    connection: Connection, account: AccountId, *, totals_are_right: bool = False
) -> list[Identity]:
    """Return I1 to I6 for everything, by the postings alone: what is kept beside is not asked.

    Only where it is known that the totals of batches are what their postings come to, they are
    added up in their place.
    """
    bound = {"account": account, "as_of": _NO_END, "known_batch": _NO_END}
    sums = "add_up_totals" if totals_are_right else "add_up_postings"
    return _identities(
        _SQL.run(connection, sums, bound).one(),
        lots=_SQL.run(connection, "add_up_postings_below_zero", bound).one(),
        beyond=_SQL.run(connection, "add_up_postings_beyond", bound).scalar_one(),
    )


def _identities(sums: Row[Any], *, lots: Row[Any], beyond: int) -> list[Identity]:
    # PostgreSQL sums whole numbers to decimals.
    return [
        Identity(name="I1", left=int(sums.owed), right=int(sums.deferred)),
        Identity(name="I2", left=int(sums.money), right=int(sums.kept) + int(sums.credit)),
        Identity(name="I3", left=int(sums.clearing), right=int(sums.pending)),
        Identity(name="I4", left=int(lots.below_zero), right=0),
        Identity(name="I5", left=int(beyond), right=0),
        Identity(name="I6", left=int(lots.remaining), right=int(sums.credit)),
    ]
