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

    The postings numbered up to `postings_within` all belong to it; `has_later` says whether there
    are more. Projections are what everything
    comes to: an extent's answer is that, less what came later. Mostly there is nothing later, and
    where there is, it stands near the end: nobody adds up all postings since the beginning.
    """

    account: AccountId
    as_of: date
    batch_no: int
    postings_within: int
    has_later: bool = True

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
    batch_no = read_known_batch(connection, account, known_at=known_at)
    values = {"account": account, "as_of": Day.of(as_of), "known_batch": batch_no}
    within = int(_SQL.run(connection, "find_postings_within", values).scalar_one())
    last = int(_SQL.run(connection, "find_last_posting", values).scalar_one())
    return Extent(
        account=account,
        as_of=as_of,
        batch_no=batch_no,
        postings_within=within,
        has_later=within < last,
    )


def read_known_batch(connection: Connection, account: AccountId, *, known_at: int) -> int:
    """Return the last batch that was known at an instant (µs since 1970); 0 before the first."""
    values = {"account": account, "known_at": known_at}
    return int(_SQL.run(connection, "find_known_batch", values).scalar_one())
