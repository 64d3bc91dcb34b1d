"""Extents: which part of an account's books an answer is about, by day and by batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.days import Day
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What is effective up to a day, both ends included, and stands in batches up to a number.

    The postings numbered up to `postings_within` all belong to it. Projections are what everything
    comes to: an extent's answer is that, less what came later. Mostly there is nothing later, and
    where there is, it stands near the end: nobody adds up all postings since the beginning.
    """

    account: AccountId
    as_of: date
    batch_no: int
    postings_within: int

    def bound(self) -> dict[str, object]:
        """Return what statements about it bind: by day and batch, and for what is later."""
        return {
            "account": self.account,
            "as_of": Day.of(self.as_of),
            "known_batch": self.batch_no,
            "postings_within": self.postings_within,
        }


def read_extent(
    connection: Connection, account: AccountId, *, as_of: date, known_at: int
) -> Extent:
    """Return what was known at an instant, in microseconds since 1970.

    Every batch is sealed later than the one before, so that one number says what was known: no
    posting has to look its seal up.
    """
    found = _SQL.run(connection, "find_known_batch", {"account": account, "known_at": known_at})
    batch_no = int(found.scalar_one())
    values = {"account": account, "as_of": Day.of(as_of), "known_batch": batch_no}
    within = _SQL.run(connection, "find_postings_within", values).scalar_one()
    return Extent(account=account, as_of=as_of, batch_no=batch_no, postings_within=int(within))
