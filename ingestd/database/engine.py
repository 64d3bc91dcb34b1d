"""One database, SQLite or PostgreSQL, and the transactions that ingestd makes."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError as UrlError
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from ingestd.database.failures import database_errors, may_try_again
from ingestd.database.kinds import Kind, beginning, kind_of
from ingestd.database.postgresql import Waits, open_postgresql
from ingestd.database.scratch_folders import clear_folders, lent_folder
from ingestd.database.turns import turn_to_write
from ingestd.values.errors import DatabaseFullError, UsageError

T = TypeVar("T")

SQLITE_BUSY_SECONDS = 120  # longer than the longest file holds the only writer's place
WRITE_TRIES_MAX = 10
_PAUSE_SECONDS_MIN, _PAUSE_SECONDS_MAX = 0.01, 1.0
_COMMITS = "PRAGMA data_version"
_BESIDE = "ingestd_beside"


class Database:
    """A database and how to talk to it; safe to share between threads."""

    def __init__(self, engine: Engine, temporary_folder: Path | None = None) -> None:
        self.engine = engine
        self._temporary_folder = temporary_folder
        self._require: Callable[[Connection], None] | None = None

    def require_of_writers(self, require: Callable[[Connection], None]) -> None:
        """Ask this at the end of all that `writing` and `write` do; what it raises takes that back.

        At the end: whoever waited for a lock sees what was done under it.
        """
        self._require = require

    @property
    def is_embedded(self) -> bool:
        """Whether this is the SQLite file that ingestd keeps by itself."""
        return self.engine.dialect.name == "sqlite"

    @property
    def scratch_parent(self) -> Path:
        """The folder that scratch folders are made in."""
        return self._temporary_folder or Path(tempfile.gettempdir())

    def scratch_folder(self) -> contextlib.AbstractContextManager[Path]:
        """Lend an empty folder for what a transaction will bring; it is gone afterwards."""
        return lent_folder(self._temporary_folder)

    def clear_scratch(self) -> None:
        """Remove the scratch folders of processes that were killed."""
        clear_folders(self._temporary_folder)

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend one connection; what is left uncommitted is rolled back. Raises DatabaseError."""
        with database_errors(self.engine), self.engine.connect() as connection:
            try:
                with database_errors(self.engine):
                    yield connection
            except DatabaseFullError:
                # What it spilled goes with it: the pool would keep the disk full.
                connection.invalidate()
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Lend a connection inside one consistent snapshot: all that is read is of one moment."""
        with self.connection() as connection, _transaction(connection, Kind.READING):
            yield connection

    @contextlib.contextmanager
    def reading_facts(self) -> Iterator[Connection]:
        """Lend a connection for facts, which never change: they need not be of one moment.

        PostgreSQL is spared a BEGIN and a COMMIT, and streams nothing here.
        """
        with (
            self.connection() as connection,
            beginning(connection, Kind.AT_ONCE),
            connection.begin(),
        ):
            yield connection

    @contextlib.contextmanager
    def reading_twice(self) -> Iterator[tuple[Connection, Connection | None]]:
        """Lend two connections inside one snapshot, for two threads that read of one moment.

        The second is None where somebody kept writing in between: then there is one snapshot only.
        `connection_beside` finds it from the first.
        """
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(self.reading())
            second = stack.enter_context(self.connection())
            if not self.is_embedded:
                snapshot = first.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
                stack.enter_context(_transaction(second, Kind.READING))
                second.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                joined: Connection | None = second
            else:
                joined = _join_snapshot(stack, first, second)
            yield first.execution_options(**{_BESIDE: joined}), joined

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Lend a connection inside a write transaction: committed at the end, or not at all.

        For what cannot be repeated; `write` tries again where another transaction won.
        """
        with self.connection() as connection, write_transaction(connection):
            yield connection
            self._ask(connection)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which must be repeatable, in a write transaction as `transact` does."""

        def ending(connection: Connection) -> T:
            answer = work(connection)
            self._ask(connection)
            return answer

        with self.connection() as connection:
            return self.transact(connection, lambda: ending(connection))

    def at_once(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, one statement that writes, as a transaction of its own; else as `write`.

        PostgreSQL is spared a BEGIN and a COMMIT, each of which is waited for as the statement is.
        """
        if self.is_embedded:
            return self.write(work)
        with self.connection() as connection, beginning(connection, Kind.AT_ONCE):

            def once() -> T:
                # No isolation is said: where the server's is stricter, the loser is told.
                with connection.begin():
                    return work(connection)

            return _until_it_wins(once)

    def lending(self, connection: Connection) -> Database:
        """Return the same database, which lends a connection that the caller has already.

        So that an entry is written where a file's tables are attached.
        """
        return _Lending(self, connection, self._temporary_folder)

    def transact(self, connection: Connection, work: Callable[[], T]) -> T:
        """Run `work` in one write transaction on `connection`, and again if another one won.

        `work` must be repeatable: it is called anew after a deadlock, a serialization failure or
        a wait for a lock that took too long, up to ten times. Raises DatabaseError.
        """

        def once() -> T:
            with write_transaction(connection):
                return work()

        return _until_it_wins(once)

    def _ask(self, connection: Connection) -> None:
        if self._require is not None:
            self._require(connection)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


class _Lending(Database):
    def __init__(
        self, database: Database, connection: Connection, temporary_folder: Path | None
    ) -> None:
        super().__init__(database.engine, temporary_folder)
        self._connection = connection

    @contextlib.contextmanager
    def connection(self) -> Iterator[Connection]:
        yield self._connection


def connection_beside(connection: Connection) -> Connection | None:
    """Return the connection that reads of the same moment, for another thread, if there is one."""
    found = connection.get_execution_options().get(_BESIDE)
    assert found is None or isinstance(found, Connection), "only a connection stands beside one"
    return found


def _join_snapshot(
    stack: contextlib.ExitStack, first: Connection, second: Connection
) -> Connection | None:
    """Open a transaction on an SQLite connection that sees what another one sees, or return None.

    SQLite cannot hand a snapshot on. But it counts what others commit: as long as that stays the
    same from before the first snapshot was taken, the second one is the same.
    """
    driver = second.connection.driver_connection
    assert driver is not None, "an open connection has a driver's connection"
    # By the driver: SQLAlchemy would open the transaction that is to come later.
    [(before,)] = driver.execute(_COMMITS).fetchall()
    # A transaction sees what was there when it first read.
    first.exec_driver_sql(_COMMITS).scalar_one()
    stack.enter_context(second.begin())
    now = second.exec_driver_sql(_COMMITS).scalar_one()
    return second if now == before else None


def open_database(
    url: str, *, temporary_folder: Path | None = None, waits: Waits | None = None
) -> Database:
    """Open the database at a SQLAlchemy URL; nothing is connected yet.

    Scratch goes to `temporary_folder`, and what SQLite spills where memory ends. `waits` is how
    long PostgreSQL waits for others.
    Raises UsageError for a URL that names no database that ingestd works with.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "postgresql":
            return Database(open_postgresql(parsed, waits or Waits()), temporary_folder)
    except (UrlError, NoSuchModuleError) as error:
        raise UsageError(
            "database_url cannot be read. Write postgresql://user@host/database."
        ) from error
    if backend == "sqlite":
        return Database(_open_sqlite(parsed, temporary_folder), temporary_folder)
    raise UsageError(f"database_url names {backend}; ingestd works with sqlite and postgresql.")


@contextlib.contextmanager
def write_transaction(connection: Connection) -> Iterator[None]:
    """Open a write transaction on a connection that is in none; commit it at the end.

    On SQLite it takes the only writer's place at once (BEGIN IMMEDIATE), so that it never
    fails half-way for having read first.
    """
    with (
        turn_to_write(connection.engine, seconds_max=SQLITE_BUSY_SECONDS),
        _transaction(connection, Kind.WRITING),
    ):
        yield


@contextlib.contextmanager
def trial(connection: Connection) -> Iterator[None]:
    """Open a transaction of one moment that writes temporary tables alone; it is taken back.

    Neither a writer waits for it, nor does it wait for one.
    """
    with beginning(connection, Kind.READING), connection.begin() as transaction:
        yield
        transaction.rollback()


@contextlib.contextmanager
def _transaction(connection: Connection, kind: Kind) -> Iterator[None]:
    with beginning(connection, kind), connection.begin():
        yield


def _until_it_wins(once: Callable[[], T]) -> T:
    """Run a transaction again while others win, after pauses that no two share."""
    for attempt in range(1, WRITE_TRIES_MAX + 1):
        try:
            return once()
        except DBAPIError as error:
            if attempt == WRITE_TRIES_MAX or not may_try_again(error):
                raise
        longest = min(_PAUSE_SECONDS_MIN * 2**attempt, _PAUSE_SECONDS_MAX)
        time.sleep(random.uniform(0, longest))  # noqa: S311 - no secret
    raise AssertionError("the last try returns or raises")


def _open_sqlite(url: URL, temporary_folder: Path | None) -> Engine:
    if temporary_folder is not None:
        # SQLite reads this once, when it first spills: the only setting that it has for it.
        os.environ.setdefault("SQLITE_TMPDIR", str(temporary_folder))
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=16,
        max_overflow=16,
        connect_args={"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        # The driver would open transactions by itself, late and deferred; we open them.
        connection.isolation_level = None
        for pragma in (
            # Of a new database; an older one keeps its own. A tenth less work for large files.
            "page_size=8192",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "trusted_schema=OFF",
            "temp_store=FILE",
            "cache_size=-49152",
            "recursive_triggers=ON",
            "threads=2",  # a large sort uses a second core
            "temp.secure_delete=OFF",  # files that are never seen again need no wiping
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = kind_of(connection) is Kind.WRITING
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
