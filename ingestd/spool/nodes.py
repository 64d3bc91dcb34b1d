"""The nodes that share a ledger: who serves under which name, and who was not heard of.

Times are those of the database's clock: nodes' own clocks may differ.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from ingestd.database.schema import NODE_SILENT_SECONDS
from ingestd.database.statements import Statements
from ingestd.values.clock import from_microseconds

_SQL = Statements(__file__)
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One start of a daemon: under which node's name, of which program, and where.

    `revision` is the schema's that the program was made for; `host_keys` are the fingerprints of
    those in force, sorted, with a space between.
    """

    node: str
    instance: str
    program: str
    revision: str
    host: str
    host_keys: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """When an instance was heard of last, and how long ago that was."""

    instance: str
    program: str
    host: str
    heard_at: int
    silent_seconds: float
    is_serving: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node that serves, or did; `uploads` of it have no outcome yet."""

    node: str
    program: str
    revision: str
    host: str
    host_keys: str
    heard_at: datetime
    silent_seconds: float
    is_serving: bool
    uploads: int

    @property
    def is_live(self) -> bool:
        """Whether it was heard of a moment ago, and has not said goodbye."""
        return self.is_serving and self.silent_seconds < NODE_SILENT_SECONDS

    @property
    def is_stranding(self) -> bool:
        """Whether uploads wait for it that nobody else can process, and it does not serve."""
        return not self.is_live and self.uploads > 0


def find_node(connection: Connection, node: str) -> Sighting | None:
    """Return what is known of a node's name; None when nobody ever served under it."""
    row = _SQL.run(connection, "find_node", {"node": node}).one_or_none()
    if row is None:
        return None
    return Sighting(
        instance=row.instance,
        program=row.program,
        host=row.host,
        heard_at=int(row.heard_at),
        silent_seconds=row.silent_us / _SECOND,
        is_serving=bool(row.is_serving),
    )


def join_ledger(connection: Connection, *, instance: Instance, seen: Sighting | None) -> bool:
    """Serve under a node's name from now on; False when somebody else did since it was `seen`."""
    before = {
        "seen_instance": "" if seen is None else seen.instance,
        "seen_heard_at": 0 if seen is None else seen.heard_at,
    }
    return _SQL.run(connection, "join_ledger", asdict(instance) | before).rowcount == 1


def say_alive(connection: Connection, instance: Instance) -> bool:
    """Be heard of; False when another instance serves under the node's name by now."""
    return _SQL.run(connection, "say_alive", asdict(instance)).rowcount == 1


def say_goodbye(connection: Connection, instance: Instance) -> None:
    """Say that the node has stopped by itself."""
    _SQL.run(connection, "say_goodbye", asdict(instance))


def list_nodes(connection: Connection) -> list[Node]:
    """Return every node that ever served."""
    return [
        Node(
            node=row.node,
            program=row.program,
            revision=row.revision,
            host=row.host,
            host_keys=row.host_keys,
            heard_at=from_microseconds(row.heard_at),
            silent_seconds=row.silent_us / _SECOND,
            is_serving=bool(row.is_serving),
            uploads=int(row.uploads),
        )
        for row in _SQL.run(connection, "list_nodes")
    ]
