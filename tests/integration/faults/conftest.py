"""Faults of the world around several nodes; whatever happens, each upload is applied once."""

from __future__ import annotations

from tests.integration.intake.conftest import log
from tests.integration.ledger.conftest import books, database, make_database, server, sqlite_pattern

__all__ = ["books", "database", "log", "make_database", "server", "sqlite_pattern"]
