"""Extents: which part of an account's books an answer is about, by day and by batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.values.identifiers import AccountId

COUNTS = "{0}.account = :account AND {0}.effective_on <= :as_of AND {0}.batch_no <= :known_batch"
"""SQL that holds for a fact, under the name to be filled in, that an extent covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What is effective up to a day, both ends included, and stands in batches up to a number."""

    account: AccountId
    as_of: date
    batch_no: int

    def bound(self) -> dict[str, object]:
        """Return what `COUNTS` binds: `account`, `as_of` and `known_batch`."""
        return {
            "account": self.account,
            "as_of": self.as_of.isoformat(),
            "known_batch": self.batch_no,
        }


def read_extent(
    connection: Connection, account: AccountId, *, as_of: date, known_at: int
) -> Extent:
    """Return what was known at an instant, in microseconds since 1970.

    Every batch is sealed later than the one before, so that one number says what was known: no
    posting has to look its seal up.
    """
    batch_no = connection.execute(
        sa.text(
            "SELECT COALESCE(MAX(batch_no), 0) FROM seal WHERE account = :account"
            " AND sealed_at <= :known_at"
        ),
        {"account": account, "known_at": known_at},
    ).scalar_one()
    return Extent(account=account, as_of=as_of, batch_no=batch_no)
