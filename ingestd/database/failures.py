"""What a database's error means: tried again at once, waited for, or a fault that stays."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ingestd.values.errors import (
    FULL_ERRNOS,
    DatabaseError,
    DatabaseFaultError,
    DatabaseFullError,
    NotPermittedError,
)

# SQLSTATE of serialization failure, deadlock, and lock not available: the loser may try again.
_TRY_AGAIN = {"40001", "40P01", "55P03"}
_DISK_FULL = "53100"
_NOT_PERMITTED = "42501"
# Values that do not fit, rows that must not be, statements that cannot be: tomorrow, too.
_FAULT_CLASSES = {"22", "23", "42"}
_SQLITE_FAULTS = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
}
# How SQLite tells of a quota, and of a disk too full for the files beside the database: as it
# does of a broken disk.
_PERHAPS_FULL = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_PROBE_BYTES = 1 << 16


@contextlib.contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn a driver's error into a DatabaseError that names the database, never a password.

    It is a DatabaseFullError where there is no space left for the database, a NotPermittedError
    where a right is missing, and a DatabaseFaultError where it will refuse the same again.
    """
    try:
        yield
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        # The driver's own errors come from staging, which speaks to the driver itself.
        is_told = not isinstance(error, SQLAlchemyError) or isinstance(error, DBAPIError)
        cause = str(getattr(error, "orig", error)) if is_told else type(error).__name__
        url = engine.url
        first_line = cause.strip().splitlines()[0] if cause.strip() else type(error).__name__
        name = url.database if url.get_backend_name() == "sqlite" else without_password(url)
        told = getattr(error, "orig", error)
        if _is_full(url, told):
            raise DatabaseFullError(
                f"The database {name} has no space left: {first_line}. Free space on its disk.",
                detail=type(error).__name__,
            ) from error
        raise _class_of(told)(
            f"The database {name} failed: {first_line}", detail=type(error).__name__
        ) from error


def may_try_again(error: DBAPIError) -> bool:
    """Tell whether a transaction lost to another one: all of it may be done anew, at once."""
    return getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def _class_of(cause: object) -> type[DatabaseError]:
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        return DatabaseFaultError if code in _SQLITE_FAULTS else DatabaseError
    sqlstate = getattr(cause, "sqlstate", None) or ""
    if sqlstate == _NOT_PERMITTED:
        return NotPermittedError
    return DatabaseFaultError if sqlstate[:2] in _FAULT_CLASSES else DatabaseError


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


def without_password(url: URL) -> str:
    """Return a URL as people are shown it."""
    # libpq takes a password among the parameters, too.
    url = url.difference_update_query(["password", "sslpassword"])
    url = url.set(drivername=url.get_backend_name())
    return url.render_as_string(hide_password=True)
