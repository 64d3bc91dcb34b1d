"""Books of an account that takes its catalog over SFTP."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingestd.database.engine import Database
from tests.integration.ledger.conftest import (
    Books,
    both,
    database,
    make_database,
    open_books,
    server,
    springfield,
    sqlite_pattern,
)

__all__ = ["both", "database", "make_database", "server", "sqlite_pattern"]


def catalog_books(database: Database, folder: Path) -> Books:
    """Return books with a small catalog, students S1 to S5, that files may change."""
    return open_books(database, folder, account=replace(springfield(), catalog_over_sftp=True))


@pytest.fixture
def books(database: Database, tmp_path: Path) -> Books:
    """Such books, on either database."""
    return catalog_books(database, tmp_path / "data")
