"""How alembic runs migrations: on the connection it is handed, in its transaction."""

from __future__ import annotations

from alembic import context

from ingestd.database.types import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
)
context.run_migrations()
