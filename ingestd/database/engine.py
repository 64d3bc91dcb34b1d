"""One database, SQLite or PostgreSQL, and the two kinds of transaction that ingestd makes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError as UrlError
from sqlalchemy.exc import (
    DBAPIError,
    InvalidatePoolError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from ingestd.database.scratch_folders import clear_folders, lent_folder
from ingestd.values.errors import FULL_ERRNOS, DatabaseError, DatabaseFullError, UsageError

T = TypeVar("T")

SQLITE_BUSY_SECONDS = 120  # longer than the longest file holds the only writer's place
WRITE_TRIES_MAX = 10
ASK_AFTER_SECONDS = 1.0  # a server that restarts is away for longer
# SQLSTATE of serialization failure, deadlock, and lock not available: the loser may try again.
_TRY_AGAIN = {"40001", "40P01", "55P03"}
_DISK_FULL = "53100"
# How SQLite tells of a quota, and of a disk too full for the files beside the database: as it
# does of a broken disk.
_PERHAPS_FULL = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_PROBE_BYTES = 1 << 16
_WRITING = "ingestd_writing"
_RETURNED = "ingestd_returned"
_COMMITS = "PRAGMA data_version"
_BESIDE = "ingestd_beside"


class Database:
    """A database and how to talk to it; safe to share between threads."""

    def __init__(self, engine: Engine, temporary_folder: Path | None = None) -> None:
        self.engine = engine
        self._temporary_folder = temporary_folder

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
        with self.connection() as connection:
            if not self.is_embedded:
                connection = connection.execution_options(  # noqa: PLW2901 - the same connection
                    isolation_level="REPEATABLE READ"
                )
            with connection.begin():
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
                second = second.execution_options(isolation_level="REPEATABLE READ")
                stack.enter_context(second.begin())
                second.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                joined: Connection | None = second
            else:
                joined = _join_snapshot(stack, first, second)
            yield first.execution_options(**{_BESIDE: joined}), joined

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Lend a connection inside a write transaction: committed at the end, or not at all."""
        with self.connection() as connection, write_transaction(connection):
            yield connection

    @contextlib.contextmanager
    def at_once(self) -> Iterator[Connection]:
        """Lend a connection for one statement that writes, which is a transaction of its own.

        PostgreSQL is spared a BEGIN and a COMMIT, each of which is waited for as the statement is.
        """
        if self.is_embedded:
            with self.writing() as connection:
                yield connection
            return
        with self.connection() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def lending(self, connection: Connection) -> Database:
        """Return the same database, which lends a connection that the caller has already.

        So that an entry is written where a file's tables are attached.
        """
        return _Lending(self, connection, self._temporary_folder)

    def transact(self, connection: Connection, work: Callable[[], T]) -> T:
        """Run `work` in one write transaction on `connection`, and again if another one won.

        `work` must be repeatable: it is called anew after a deadlock or a serialization
        failure, up to ten times. Raises DatabaseError.
        """
        for attempt in range(1, WRITE_TRIES_MAX + 1):
            try:
                with write_transaction(connection):
                    return work()
            except DBAPIError as error:
                if attempt == WRITE_TRIES_MAX or not _may_try_again(error):
                    raise
        raise AssertionError("the last try returns or raises")

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
    url: str, *, temporary_folder: Path | None = None, ask_after_seconds: float = ASK_AFTER_SECONDS
) -> Database:
    """Open the database at a SQLAlchemy URL; nothing is connected yet.

    Scratch goes to `temporary_folder`, and what SQLite spills where memory ends. A connection to
    PostgreSQL that lay idle for `ask_after_seconds` is asked whether it lives, before it is used.
    Raises UsageError for a URL that names no database that ingestd works with.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (UrlError, NoSuchModuleError) as error:
        raise UsageError(
            "database_url cannot be read. Write postgresql://user@host/database."
        ) from error
    if backend == "sqlite":
        return Database(_open_sqlite(parsed, temporary_folder), temporary_folder)
    if backend == "postgresql":
        return Database(_open_postgresql(parsed, ask_after_seconds), temporary_folder)
    raise UsageError(f"database_url names {backend}; ingestd works with sqlite and postgresql.")


@contextlib.contextmanager
def write_transaction(connection: Connection) -> Iterator[None]:
    """Open a write transaction on a connection that is in none; commit it at the end.

    On SQLite it takes the only writer's place at once (BEGIN IMMEDIATE), so that it never
    fails half-way for having read first.
    """
    connection.info[_WRITING] = True
    try:
        with connection.begin():
            yield
    finally:
        connection.info[_WRITING] = False


@contextlib.contextmanager
def trial(connection: Connection) -> Iterator[None]:
    """Open a transaction of one moment that writes temporary tables alone; it is taken back.

    Neither a writer waits for it, nor does it wait for one.
    """
    if connection.dialect.name != "sqlite":
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    with connection.begin() as transaction:
        yield
        transaction.rollback()


@contextlib.contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn a driver's error into a DatabaseError that names the database, never a password.

    It is a DatabaseFullError where there is no space left for the database.
    """
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        # The driver's own errors come from staging, which speaks to the driver itself.
        is_told = not isinstance(error, SQLAlchemyError) or isinstance(error, DBAPIError)
        cause = str(getattr(error, "orig", error)) if is_told else type(error).__name__
        url = engine.url
        first_line = cause.strip().splitlines()[0] if cause.strip() else type(error).__name__
        name = url.database if url.get_backend_name() == "sqlite" else _without_password(url)
        if _is_full(url, getattr(error, "orig", error)):
            raise DatabaseFullError(
                f"The database {name} has no space left: {first_line}. Free space on its disk.",
                detail=type(error).__name__,
            ) from error
        raise DatabaseError(
            f"The database {name} failed: {first_line}", detail=type(error).__name__
        ) from error


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
        writing = connection.info.get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _open_postgresql(url: URL, ask_after_seconds: float) -> Engine:
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=8,
        max_overflow=16,
        # Whatever the server's default is: our locks are made for this one.
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": 10, "application_name": "ingestd"},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
        # What is streamed is read to its end: a plan that is quick for the first rows alone may
        # take a hundred times as long for all.
        connection.execute("SET cursor_tuple_fraction = 1.0")
        connection.commit()

    _ask_after_idleness(engine, ask_after_seconds)
    return engine


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


def _may_try_again(error: DBAPIError) -> bool:
    if isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", None) is None:
        return False
    return getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def _is_full(url: URL, cause: object) -> bool:
    """Tell whether a driver's error says that there is no space left for the database."""
    if url.get_backend_name() != "sqlite":
        return getattr(cause, "sqlstate", None) == _DISK_FULL
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code not in _PERHAPS_FULL or url.database is None:
        return bool(code == sqlite3.SQLITE_FULL)
    try:
        with tempfile.TemporaryFile(dir=Path(url.database).parent) as probe:
            probe.write(bytes(_PROBE_BYTES))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return error.errno in FULL_ERRNOS
    return False


def _without_password(url: URL) -> str:
    # libpq takes a password among the parameters, too.
    url = url.difference_update_query(["password", "sslpassword"])
    return url.render_as_string(hide_password=True)
