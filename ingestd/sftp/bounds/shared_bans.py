"""Bans of all nodes: whoever is turned away by one door is turned away by all within seconds.

Each door decides from its own memory, and waits for nobody. What it pronounced goes into a small
table, once a second, and what others pronounced comes from there; while the database is away, bans
count where they were pronounced.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.database.statements import Statements
from ingestd.sftp.bounds.limits import Bans

EXCHANGE_SECONDS = 1.0
_BANS_MAX = 10_000
_FORGET_EVERY = 600

_SQL = Statements(__file__)


@dataclass(slots=True, kw_only=True)
class SharedBans:
    """The exchange of one node's bans. Belongs to one thread at a time; it blocks."""

    database: Database
    bans: Bans
    node: str
    _exchanges: int = 0

    def exchange(self) -> None:
        """Tell what this door has pronounced, and learn what others have. Raises DatabaseError.

        What could not be told is told the next time.
        """
        pronounced = self.bans.pronounced()
        if pronounced:
            told = [
                {"address": str(address), "node": self.node, "seconds": max(round(seconds), 1)}
                for address, seconds in pronounced.items()
            ]
            self.database.write(lambda connection: _SQL.run_many(connection, "tell_ban", told))
            self.bans.note_told(pronounced)
        with self.database.reading() as connection:
            self._learn(connection)
        if self._exchanges % _FORGET_EVERY == 0:
            self.database.at_once(lambda connection: _SQL.run(connection, "forget_bans"))
        self._exchanges += 1

    def _learn(self, connection: Connection) -> None:
        values = {"node": self.node, "limit": _BANS_MAX}
        for row in _SQL.run(connection, "list_bans", values):
            self.bans.learn(ip_address(row.address), row.left_us / 1_000_000)
