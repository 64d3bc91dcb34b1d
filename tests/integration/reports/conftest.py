"""Books to ask questions of, on either database."""

from __future__ import annotations

from tests.integration.ledger.conftest import (
    books,
    both,
    both_books,
    database,
    make_database,
    server,
    sqlite_pattern,
)

__all__ = [
    "books",
    "both",
    "both_books",
    "database",
    "make_database",
    "server",
    "sqlite_pattern",
]
