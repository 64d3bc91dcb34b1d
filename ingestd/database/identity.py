"""Which ledger a database holds: found out without making a file, a table or a row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.database.postgresql import query_values
from ingestd.database.statements import Statements
from ingestd.values.identifiers import LedgerId

_SQL = Statements(__file__)

_ANY_HOST = "this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLedger:
    """A ledger as it was found: its schema's revision, and its id.

    `ledger_id` is None for a ledger from before ledgers had one.
    """

    revision: str
    ledger_id: LedgerId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLedger:
    """What a ledger says of itself: its id, and when it was made, in microseconds since 1970."""

    ledger_id: LedgerId
    made_at: int


def find_ledger(database: Database) -> FoundLedger | None:
    """Return the ledger that a database holds; None where the file is missing, or holds no tables.

    Raises DatabaseError when the database does not answer.
    """
    if database.is_embedded and not _holds_bytes(database):
        return None  # to connect would make the file
    with database.reading() as connection:
        tables = sa.inspect(connection)
        revision = stored_revision(connection) if tables.has_table("alembic_version") else None
        if revision is None:
            return None
        found = None
        if tables.has_table("ledger"):
            found = _SQL.run(connection, "find_ledger_id").scalar()
    return FoundLedger(revision=revision, ledger_id=None if found is None else LedgerId(found))


def stored_revision(connection: Connection) -> str | None:
    """Return the revision that a database with a table of revisions holds."""
    revision = _SQL.run(connection, "find_revision").scalar()
    return None if revision is None else str(revision)


def read_ledger(connection: Connection) -> StoredLedger:
    """Return what the ledger of a database that holds one says of itself."""
    row = _SQL.run(connection, "read_ledger").one()
    return StoredLedger(ledger_id=LedgerId(row.ledger_id), made_at=int(row.made_at))


def describe_place(database: Database, data_dir: Path) -> str:
    """Say for people which kind of database it is and where; never a user or a password.

    A file below `data_dir` is named as seen from there: the folder may be moved.
    """
    url = database.engine.url
    if database.is_embedded:
        path = Path(str(url.database))
        inside = path.is_relative_to(data_dir)
        return f"SQLite {path.relative_to(data_dir) if inside else path}"
    host = url.host or ", ".join(query_values(url, "host")) or _ANY_HOST
    ports = [str(url.port)] if url.port is not None else query_values(url, "port")
    port = f":{','.join(ports)}" if ports else ""
    return f"PostgreSQL {url.database or 'without a name'} at {host}{port}"


def _holds_bytes(database: Database) -> bool:
    try:
        return Path(str(database.engine.url.database)).stat().st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # connecting tells what is wrong with it
