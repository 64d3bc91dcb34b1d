"""The schema's version: migrations travel with the program and are run by it.

Each migration states the oldest program that may run beside it, by the revision that this was made
for. The database keeps that, so that an older program knows of a schema that it has never seen
whether it may go on. In a ledger that is not in force, for it is a copy that was not finished or
was moved elsewhere, a word stands there that no program's revision reaches: all refuse.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.database.identity import StoredLedger, stored_revision
from ingestd.database.statements import Statements
from ingestd.shipped import shipped_path
from ingestd.values.errors import (
    NotInForceError,
    NotPermittedError,
    SchemaError,
    SchemaNewerError,
)

if TYPE_CHECKING:
    from alembic.config import Config

_SQL = Statements(__file__)

HEAD_REVISION = "0001"
"""The revision that this version of ingestd works with; a test holds it to the migrations."""

NODE_SILENT_SECONDS = 30.0
"""A node that was not heard of for so long is not live."""

UNFINISHED = "unfinished copy"
"""Stands for the oldest program in a copy until it is known to be whole."""

_MOVED = "moved to "
_LOCK_KEY = 0x696E67657374  # "ingest": among the advisory locks of a database


def current_revision(database: Database) -> str | None:
    """Return the database's revision, or None for an empty database."""
    with database.reading() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return stored_revision(connection)


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema to this version, in one transaction; return the revisions before and after.

    A newer schema that this program may work with stays as it is. Raises SchemaError when the
    database is too new for this program, or a live node's program cannot work with this one's
    schema; DatabaseError when it fails.
    """
    before = current_revision(database)
    if before is not None and before >= HEAD_REVISION:
        require_able(database)
        return before, before
    from alembic import command  # noqa: PLC0415 - only a migration needs it, a command does not

    config = _config()

    def work(connection: Connection) -> None:
        if before is not None:
            require_in_force(find_oldest(connection))
        if not database.is_embedded:
            # Two nodes may be set up at one time: the second then finds all done.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
            if before is not None:
                # In the order in which files take them. Whoever writes has ended before anything
                # changes; who comes after reads, with the head's lock, what is true by then.
                connection.exec_driver_sql("LOCK TABLE upload, seal_head")
                _refuse_beside_older(connection, _oldest_program(config, HEAD_REVISION))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        _store_oldest(connection, config, HEAD_REVISION)

    try:
        database.write(work)
    except NotPermittedError as error:
        raise not_the_owner(error, "ingestd db upgrade") from error
    return before, HEAD_REVISION


def not_the_owner(error: NotPermittedError, command: str) -> SchemaError:
    """Return what to tell whoever runs a command as a role that may not change the schema."""
    return SchemaError(
        f"{error.message}. The schema belongs to another role: run {command} as that one. Then "
        "the daemon's role, with the rights that docs/operate names, is enough.",
        detail=error.detail,
    )


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to `revision`; for tests and for operators with a backup."""
    from alembic import command  # noqa: PLC0415 - as above

    config = _config()

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        if revision != "base":
            _store_oldest(connection, config, revision)

    database.write(work)


def begin_copy(
    database: Database, ledger: StoredLedger, require_free: Callable[[Connection], None]
) -> None:
    """Make the empty tables of a ledger's copy, which no program works with before it is finished.

    What `require_free` lets pass goes: it is asked in the same transaction, of a database that has
    tables, and raises where these are somebody's.
    """
    from alembic import command  # noqa: PLC0415 - as above

    config = _config()
    config.attributes["ledger"] = asdict(ledger)
    before = current_revision(database)

    def work(connection: Connection) -> None:
        config.attributes["connection"] = connection
        if before is not None:
            require_free(connection)
            command.downgrade(config, "base")
        command.upgrade(config, "head")
        _SQL.run(connection, "store_oldest", {"oldest": UNFINISHED})

    database.write(work)


def end_copy(database: Database) -> None:
    """Let programs work with a copy from now on."""
    config = _config()
    database.write(lambda connection: _store_oldest(connection, config, HEAD_REVISION))


def retire(connection: Connection, place: str) -> None:
    """Let no program work with this ledger any more: it is at another place."""
    _SQL.run(connection, "store_oldest", {"oldest": f"{_MOVED}{place}"})


def find_oldest(connection: Connection) -> str | None:
    """Return what a database that holds a ledger says of the oldest program that may write."""
    oldest = _SQL.run(connection, "find_standing").one().oldest
    return None if oldest is None else str(oldest)


def current_oldest(database: Database) -> str | None:
    """Do as `find_oldest` does."""
    with database.reading() as connection:
        return find_oldest(connection)


def moved_to(oldest: str | None) -> str | None:
    """Return the place that a ledger was moved to, if it was."""
    return oldest.removeprefix(_MOVED) if oldest is not None and oldest.startswith(_MOVED) else None


def require_in_force(oldest: str | None) -> None:
    """Raise NotInForceError for a ledger that was moved, or is a copy that was not finished."""
    if oldest == UNFINISHED:
        raise NotInForceError(
            "The database holds a copy of a ledger that was not finished. Run the same "
            "`ingestd db copy` again, with the config of the ledger that it is a copy of."
        )
    place = moved_to(oldest)
    if place is not None:
        raise NotInForceError(
            f"This ledger was moved to {place}. Set INGESTD_DATABASE_URL, or database_url, to "
            "that. If its copy was not finished, run the same `ingestd db copy` again."
        )


def require_still_in_force(connection: Connection) -> None:
    """Raise NotInForceError where the ledger was moved by now; it is cheap to ask."""
    require_in_force(find_oldest(connection))


def require_able(database: Database) -> None:
    """Raise SchemaError unless this version can work with the database's schema."""
    if current_revision(database) is None:
        require_able_with(None, None)
    with database.reading() as connection:
        require_still_able(connection)


def require_still_able(connection: Connection) -> None:
    """Do as `require_able` does, of a database that holds a ledger; it is cheap to ask."""
    row = _SQL.run(connection, "find_standing").one()
    require_able_with(row.revision, row.oldest)


def require_able_with(revision: str | None, oldest: str | None) -> None:
    """Raise SchemaError unless this version can work with a schema of this revision.

    `oldest` is what the database says of the oldest program that may.
    """
    require_in_force(oldest)
    if revision is None or revision < HEAD_REVISION:
        raise SchemaError(
            f"The database's schema is {revision or 'empty'}, this version needs "
            f"{HEAD_REVISION}. Run: ingestd db upgrade"
        )
    if oldest is not None and oldest > HEAD_REVISION:
        raise SchemaNewerError(
            f"The database's schema {revision} is newer than this version of ingestd can work "
            f"with, which was made for {HEAD_REVISION}. Install the newer version."
        )


def _refuse_beside_older(connection: Connection, oldest: str) -> None:
    if not sa.inspect(connection).has_table("node"):
        return
    bounds = {"oldest": oldest, "silent_us": round(NODE_SILENT_SECONDS * 1_000_000)}
    in_the_way = [
        f"{row.node} on {row.host} (ingestd {row.program}, made for {row.revision})"
        for row in _SQL.run(connection, "find_live_before", bounds)
    ]
    if in_the_way:
        raise SchemaError(
            f"Live nodes cannot work with the schema {HEAD_REVISION}: {', '.join(in_the_way)}. "
            "Stop them first; then run: ingestd db upgrade"
        )


def _store_oldest(connection: Connection, config: Config, revision: str) -> None:
    _SQL.run(connection, "store_oldest", {"oldest": _oldest_program(config, revision)})


def _oldest_program(config: Config, revision: str) -> str:
    """Return what a migration states: the oldest program, by its revision, that may run beside."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    script = ScriptDirectory.from_config(config).get_revision(revision)
    return str(script.module.oldest_program)


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(shipped_path("migrations")))
    return config
