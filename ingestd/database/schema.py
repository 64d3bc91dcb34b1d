"""The schema's version: migrations travel with the program and are run by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ingestd.database.engine import Database, write_transaction
from ingestd.database.identity import stored_revision
from ingestd.shipped import shipped_path
from ingestd.values.errors import SchemaError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD_REVISION = "0001"
"""The revision that this version of ingestd works with; a test holds it to the migrations."""

_LOCK_KEY = 0x696E67657374  # "ingest": among the advisory locks of a database


def current_revision(database: Database) -> str | None:
    """Return the database's revision, or None for an empty database."""
    with database.reading() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return stored_revision(connection)


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema to this version, in one transaction; return the revisions before and after.

    Raises SchemaError when the database is newer than this program, DatabaseError when it fails.
    """
    before = current_revision(database)
    if before == HEAD_REVISION:
        return before, HEAD_REVISION
    _refuse_newer(before)
    from alembic import command  # noqa: PLC0415 - only a migration needs it, a command does not

    config = _config()
    with database.connection() as connection, write_transaction(connection):
        if not database.is_embedded:
            # Two nodes may be set up at one time: the second then finds all done.
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, HEAD_REVISION


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to `revision`; for tests and for operators with a backup."""
    from alembic import command  # noqa: PLC0415 - as above

    config = _config()
    with database.connection() as connection, write_transaction(connection):
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def require_current(database: Database) -> None:
    """Raise SchemaError unless the database's schema is the one of this version."""
    revision = current_revision(database)
    if revision != HEAD_REVISION:
        _refuse_newer(revision)
        raise SchemaError(
            f"The database's schema is {revision or 'empty'}, this version needs "
            f"{HEAD_REVISION}. Run: ingestd db upgrade"
        )


def _refuse_newer(revision: str | None) -> None:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - as above

    script = ScriptDirectory.from_config(_config())
    known = {entry.revision for entry in script.walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaError(
            f"The database's schema {revision} is newer than this version of ingestd. "
            "Install the newer version again."
        )


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(shipped_path("migrations")))
    return config
