"""The queue's database, on either kind."""

from __future__ import annotations

from tests.integration.ledger.conftest import (
    books,
    database,
    make_database,
    server,
    sqlite_pattern,
)

__all__ = ["books", "database", "make_database", "server", "sqlite_pattern"]
