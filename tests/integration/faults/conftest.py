"""Faults of the world around several nodes; whatever happens, each upload is applied once."""

from __future__ import annotations

import pytest

from tests.integration.archive.conftest import bucket, s3_server
from tests.integration.intake.conftest import log
from tests.integration.ledger.conftest import books, database, make_database, server, sqlite_pattern

pytest.register_assert_rewrite("tests.integration.faults.promises")

__all__ = [
    "books",
    "bucket",
    "database",
    "log",
    "make_database",
    "s3_server",
    "server",
    "sqlite_pattern",
]
