"""The schema's version: migrations travel with the program and are run by it."""

from __future__ import annotations

from typing import cast

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ingestd.database.engine import Database, write_transaction
from ingestd.shipped import shipped_path
from ingestd.values.errors import SchemaError


def head_revision() -> str:
    """Return the revision that this version of ingestd works with."""
    return cast("str", ScriptDirectory.from_config(_config()).get_current_head())


def current_revision(database: Database) -> str | None:
    """Return the database's revision, or None for an empty database."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema to this version, in one transaction; return the revisions before and after.

    Raises SchemaError when the database is newer than this program, DatabaseError when it fails.
    """
    before = current_revision(database)
    head = head_revision()
    if before == head:
        return before, head
    _refuse_newer(before)
    config = _config()
    with database.connection() as connection, write_transaction(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return before, head


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to `revision`; for tests and for operators with a backup."""
    config = _config()
    with database.connection() as connection, write_transaction(connection):
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def require_current(database: Database) -> None:
    """Raise SchemaError unless the database's schema is the one of this version."""
    revision = current_revision(database)
    if revision != head_revision():
        _refuse_newer(revision)
        raise SchemaError(
            f"The database's schema is {revision or 'empty'}, this version needs "
            f"{head_revision()}. Run: ingestd db upgrade"
        )


def _refuse_newer(revision: str | None) -> None:
    script = ScriptDirectory.from_config(_config())
    known = {entry.revision for entry in script.walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaError(
            f"The database's schema {revision} is newer than this version of ingestd. "
            "Install the newer version again."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped_path("migrations")))
    return config
