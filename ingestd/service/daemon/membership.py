"""Membership: a daemon among those that share a ledger, and whether it may go on.

It is heard of every two seconds, by the database's clock. It drains when the schema becomes one
that it cannot work with, or when another instance serves under its node's name.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import ingestd
from ingestd.database.engine import Database
from ingestd.database.schema import HEAD_REVISION, require_still_able
from ingestd.spool.nodes import (
    Instance,
    Node,
    Sighting,
    find_node,
    join_ledger,
    list_nodes,
    say_alive,
    say_goodbye,
)
from ingestd.telemetry.events import Event
from ingestd.telemetry.logs import get_logger
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import format_second
from ingestd.values.errors import DatabaseError, NodeTakenError, SchemaError

HEARD_EVERY_SECONDS = 2.0
_LOOK_AROUND_SECONDS = 15.0
_POLL_SECONDS = 0.1

log = get_logger("ingestd.service")


@dataclass(slots=True, kw_only=True)
class Membership:
    """One instance of a node. An embedded ledger has one node, and the lock on its folder."""

    database: Database
    node: str
    host_keys: str
    metrics: Metrics
    on_drain: Callable[[str], None]
    heard_every_seconds: float = HEARD_EVERY_SECONDS
    _instance: Instance = field(init=False)
    _stranded: frozenset[str] = frozenset()
    _looked_at: float = float("-inf")

    def __post_init__(self) -> None:
        """Become an instance that no other start is."""
        self._instance = Instance(
            node=self.node,
            instance=secrets.token_hex(8),
            program=ingestd.__version__,
            revision=HEAD_REVISION,
            host=socket.gethostname(),
            host_keys=self.host_keys,
        )

    def join(self) -> None:
        """Serve under the node's name; waits where it was heard of a moment ago.

        Raises NodeTakenError when another instance is heard of while this one waits,
        NotInForceError for a ledger that was moved meanwhile, and DatabaseError.
        """
        if self.database.is_embedded:
            return
        while True:
            seen = self._find()
            if seen is not None and seen.is_serving:
                self._wait_until_silent(seen)
            # Whoever waited here while the ledger was copied must take nothing up.
            if self.database.write(partial(join_ledger, instance=self._instance, seen=seen)):
                return

    async def run(self) -> None:
        """Be heard of, and look whether this program may go on, until cancelled."""
        while True:
            if reason := await asyncio.to_thread(self.look):
                self.on_drain(reason)
                return
            await asyncio.sleep(self.heard_every_seconds)

    def leave(self) -> None:
        """Say goodbye, so that the next start waits for nobody; without a database, go without."""
        if not self.database.is_embedded:
            with contextlib.suppress(DatabaseError):
                self.database.at_once(lambda connection: say_goodbye(connection, self._instance))

    def look(self) -> str:
        """Be heard of once; return why this daemon must not go on, or nothing."""
        try:
            with self.database.reading() as connection:
                require_still_able(connection)
            if self.database.is_embedded:
                return ""
            if not self.database.at_once(lambda connection: say_alive(connection, self._instance)):
                return self._tell_replaced()
            if time.monotonic() - self._looked_at >= _LOOK_AROUND_SECONDS:
                self._looked_at = time.monotonic()
                self._look_around()
        except SchemaError as error:
            log.critical(
                Event.PROGRAM_OUTDATED, program=self._instance.program, error=error.message
            )
            return error.message
        except DatabaseError:
            return ""  # readiness tells; whoever is away for long is silent, and no more
        return ""

    def _find(self) -> Sighting | None:
        with self.database.reading() as connection:
            return find_node(connection, self.node)

    def _wait_until_silent(self, seen: Sighting) -> None:
        """Return once an instance was not heard of for two of its intervals."""
        silent = seen.silent_seconds
        while silent < 2 * self.heard_every_seconds:
            time.sleep(_POLL_SECONDS)
            found = self._find()
            if found is None or not found.is_serving:
                return
            if found.heard_at != seen.heard_at:
                raise NodeTakenError(
                    f"Another ingestd serves as node {self.node}, on {found.host}: its data folder "
                    "and this one have the same node_id. Stop it; or, if this folder is a copy, "
                    "remove its node_id, and everything under spool and work."
                )
            silent = found.silent_seconds

    def _tell_replaced(self) -> str:
        found = self._find()
        host = "unknown" if found is None else found.host
        log.critical(Event.NODE_REPLACED, node=self.node, host=host)
        return f"Another ingestd serves as node {self.node} by now, on {host}."

    def _look_around(self) -> None:
        """Count who is there, and tell once of each node that keeps uploads and is gone."""
        with self.database.reading() as connection:
            nodes = list_nodes(connection)
        stranding = {node.node: node for node in nodes if node.is_stranding}
        self.metrics.nodes_live.set(sum(node.is_live for node in nodes))
        self.metrics.files_stranded.set(sum(node.uploads for node in stranding.values()))
        for name in stranding.keys() - self._stranded:
            self._tell_stranded(stranding[name])
        self._stranded = frozenset(stranding)

    def _tell_stranded(self, node: Node) -> None:
        log.error(
            Event.FILES_STRANDED,
            node=node.node,
            host=node.host,
            heard_at=format_second(node.heard_at),
            uploads=node.uploads,
        )
