"""PostgreSQL: how ingestd connects, and what each of its transactions says of itself.

Behind a pooler in transaction mode the next transaction of a connection is on another session.
So nothing is kept in a session: no setting, no prepared statement, no temporary table, no lock.
What a transaction needs is said with its BEGIN, in one message.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from ingestd.database.kinds import Kind, kind_of

ASK_AFTER_SECONDS = 1.0  # a server that restarts is away for longer
_RETURNED = "ingestd_returned"

# A machine that vanished without a word is noticed, on either side, in half a minute.
_OUR_KEEPALIVES: dict[str, object] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
_ITS_KEEPALIVES = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
# What is streamed is read to its end: a plan that is quick for the first rows alone may take a
# hundred times as long for all.
_TO_THE_END = {"cursor_tuple_fraction": "1.0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long is waited for others, in seconds.

    A transaction that writes waits `lock_seconds` for a lock, is rolled back then and begins anew;
    what it holds is free after `silent_seconds` in which its program said nothing: it was paused,
    or its machine is gone. A connection that lay idle for `ask_after_seconds` is asked whether it
    lives, before it is used.
    """

    lock_seconds: float = 30.0
    silent_seconds: float = 60.0
    ask_after_seconds: float = ASK_AFTER_SECONDS


def open_postgresql(url: URL, waits: Waits) -> Engine:
    """Return an engine for PostgreSQL, with a pooler in between or not; nothing is connected yet.

    What the URL says of the connection wins. Raises sqlalchemy's ArgumentError for hosts and ports
    that do not go together.
    """
    url = _with_each_port(url)
    connect: dict[str, object] = {
        "connect_timeout": 10,
        "application_name": "ingestd",
        **_OUR_KEEPALIVES,
    }
    connect = {name: value for name, value in connect.items() if name not in url.query}
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=8,
        max_overflow=16,
        # Every BEGIN is ours, below.
        isolation_level="AUTOCOMMIT",
        connect_args=connect | {"prepare_threshold": None},
    )
    engine.dialect.create_connect_args(engine.url)  # it would be told of with the first connection
    begins = _begins(waits)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        words = begins[kind_of(connection)]
        if words:
            connection.exec_driver_sql(words)

    _ask_after_idleness(engine, waits.ask_after_seconds)
    return engine


def query_values(url: URL, name: str) -> list[str]:
    """Return the values of one of a URL's parameters, of which libpq takes a list."""
    found = url.query.get(name, ())
    return [
        value
        for text in ((found,) if isinstance(found, str) else found)
        for value in text.split(",")
    ]


def _with_each_port(url: URL) -> URL:
    """Return the URL with a port for each host: to libpq one port stands for all of them."""
    hosts, ports = query_values(url, "host"), query_values(url, "port")
    if len(ports) == 1 and len(hosts) > 1:
        return url.update_query_dict({"port": ",".join(ports * len(hosts))})
    return url


def _begins(waits: Waits) -> Mapping[Kind, str]:
    """Return how each kind of transaction begins; our locks are made for these isolations."""
    bounded = {
        "lock_timeout": f"{waits.lock_seconds * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{waits.silent_seconds * 1000:.0f}",
    }
    return {
        Kind.AT_ONCE: "",
        Kind.PLAIN: _begin("READ COMMITTED", {}),
        Kind.READING: _begin("REPEATABLE READ", _TO_THE_END),
        Kind.WRITING: _begin("READ COMMITTED", bounded | _ITS_KEEPALIVES | _TO_THE_END),
    }


def _begin(isolation: str, settings: Mapping[str, str]) -> str:
    parts = [f"BEGIN ISOLATION LEVEL {isolation}"]
    parts += [f"SET LOCAL {name} = {value}" for name, value in settings.items()]
    return "; ".join(parts)


def _ask_after_idleness(engine: Engine, seconds: float) -> None:
    """Let a connection that lay idle be asked whether it lives, before it is lent.

    The pool would ask each time, which is a tenth of all that a small file sends.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[_RETURNED] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, record: ConnectionPoolEntry, _lent: object) -> None:  # noqa: ANN401
        returned = record.info.get(_RETURNED)
        if returned is None or time.monotonic() - returned < seconds:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The server went away, with all that was connected.
            raise InvalidatePoolError from error
