"""Days: what was charged and what money came in, day by day, for a picture of a year."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.values.days import Day
from ingestd.values.identifiers import AccountId

_SQL = Statements(__file__)


class DayTotal(NamedTuple):
    """What was charged on a day and what came in, in minor units."""

    day: date
    charged: int
    came: int


def read_days(
    connection: Connection, account: AccountId, *, since: date, until: date
) -> list[DayTotal]:
    """Return the days on which something was charged or came in, both ends included."""
    values = {"account": account, "since": Day.of(since), "until": Day.of(until)}
    return [
        # PostgreSQL sums whole numbers to decimals.
        DayTotal(Day(row.day).date, int(row.charged), int(row.came))
        for row in _SQL.run(connection, "add_up_days", values)
    ]


def count_files(connection: Connection, account: AccountId) -> dict[str, int]:
    """Return how many files ended in each state."""
    found = _SQL.run(connection, "count_files", {"account": account})
    return {row.status: int(row.files) for row in found}
