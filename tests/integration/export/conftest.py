"""A district whose books other programs read."""

from __future__ import annotations

import pytest

from tests.integration.export.district import District, open_district
from tests.integration.ledger.conftest import (
    Books,
    books,
    database,
    make_database,
    server,
    sqlite_pattern,
)

__all__ = ["books", "database", "make_database", "server", "sqlite_pattern"]


@pytest.fixture
def district(books: Books) -> District:
    """The family of the worked example, before anything happened, on either database."""
    return open_district(books)
