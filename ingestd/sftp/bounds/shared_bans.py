"""Bans of all nodes: whoever is turned away by one door is turned away by all within seconds.

Each door decides from its own memory, and waits for nobody. What it pronounced, and how often who
has failed there, goes into two small tables, once a second, and what others did comes from there:
so who guesses at many doors has the tries of one. While the database is away, bans and failures
count where they happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.sftp.bounds.bans import ADDRESSES_MAX, Bans, FailureCount

EXCHANGE_SECONDS = 1.0
TOLD_AT_ONCE = 500
"""Of how many addresses the failures are told in one exchange; the others' turn comes later."""

_BANS_MAX = 10_000
_FORGET_EVERY = 600
_TRIM_EVERY = 10
_TAKEN_BACK_SECONDS = 60.0  # how long it stands in the table that nothing counts any more
_LATE_US = 10_000_000  # what was told so much earlier may be committed only now

_SQL = Statements(__file__)


@dataclass(slots=True, kw_only=True)
class SharedBans:
    """The exchange of one node's bans. Belongs to one thread at a time; it blocks."""

    database: Database
    bans: Bans
    node: str
    _exchanges: int = 0
    _heard_at: int = 0

    def exchange(self) -> None:
        """Tell what this door has pronounced and counted, and learn what others have.

        What could not be told is told the next time. Raises DatabaseError.
        """
        self._tell_bans()
        with self.database.reading() as connection:
            self._learn(connection)
        # Behind the bans: a role that may not write counts yet hears of bans all the same.
        self._tell_counts()
        if self._exchanges % _FORGET_EVERY == 0:
            self.database.at_once(lambda connection: _SQL.run(connection, "forget_bans"))
        self._exchanges += 1

    def _tell_bans(self) -> None:
        pronounced = self.bans.pronounced()
        if pronounced:
            told = [
                {"address": str(address), "node": self.node, "seconds": max(round(seconds), 1)}
                for address, seconds in pronounced.items()
            ]
            self.database.write(lambda connection: _SQL.run_many(connection, "tell_ban", told))
            self.bans.note_told(pronounced)

    def _tell_counts(self) -> None:
        if self._exchanges % _TRIM_EVERY == 0:
            self.bans.notice_what_is_over()
            bounds = {"node": self.node, "most": ADDRESSES_MAX}
            self.database.at_once(
                lambda connection: _SQL.run(connection, "forget_failures", bounds)
            )
        counts = self.bans.changed_counts(TOLD_AT_ONCE)
        if counts:
            told = [
                {
                    "address": str(address),
                    "node": self.node,
                    "failures": count.failures,
                    "seconds": max(
                        round(count.seconds if count.failures else _TAKEN_BACK_SECONDS), 1
                    ),
                }
                for address, count in counts.items()
            ]
            self.database.write(lambda connection: _SQL.run_many(connection, "tell_failures", told))
            self.bans.note_told_counts(counts)

    def _learn(self, connection: Connection) -> None:
        values = {"node": self.node, "limit": _BANS_MAX}
        for row in _SQL.run(connection, "list_bans", values):
            self.bans.learn(ip_address(row.address), row.left_us / 1_000_000)
        since = self._heard_at - _LATE_US
        for row in _SQL.run(connection, "list_failures", values | {"since": since}):
            count = FailureCount(failures=row.failures, seconds=row.left_us / 1_000_000)
            self.bans.learn_count(ip_address(row.address), row.node, count)
            self._heard_at = max(self._heard_at, row.told_at)
