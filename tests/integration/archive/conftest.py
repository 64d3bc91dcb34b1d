"""A shared archive: a bucket on a server in this process, emptied for each test."""

from __future__ import annotations

import itertools
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database
from tests.integration.archive.nodes import Node, node_on
from tests.integration.archive.s3_server import BUCKET, Bucket, Fault, lead_to, serve_bucket
from tests.integration.database.conftest import (
    MakeDatabase,
    database,
    make_database,
    server,
    sqlite_pattern,
)
from tests.integration.intake.conftest import log, open_station, station

__all__ = ["database", "log", "make_database", "server", "sqlite_pattern", "station"]

_prefixes = itertools.count()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as patch, serve_bucket(patch) as bucket:
        made = urllib.request.Request(f"{bucket.endpoint}/{BUCKET}", method="PUT")
        urllib.request.urlopen(made).close()
        yield bucket


@pytest.fixture
def bucket(s3_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """What is below a prefix that no other test has used, without faults."""
    bucket = s3_server
    bucket.url = f"s3://{BUCKET}/uploads/{next(_prefixes)}"
    bucket.requests.clear()
    bucket.signatures.clear()
    bucket.released.clear()
    lead_to(bucket, monkeypatch)
    yield bucket
    bucket.drawn, bucket.lasting = None, Fault.NONE
    bucket.forbidden = frozenset()
    bucket.faults.clear()
    bucket.released.set()


@pytest.fixture
def shared(make_database: MakeDatabase) -> Database:
    return make_database("postgresql")


@pytest.fixture
def nodes(
    shared: Database, tmp_path: Path, log: list[dict[str, Any]], bucket: Bucket
) -> Iterator[tuple[Node, Node]]:
    """Two nodes on one database and one archive."""
    open_station(shared, tmp_path / "first", log)  # whose catalog is there for all
    both = [node_on(shared, tmp_path, log, bucket.open(), name) for name in ("here", "there")]
    yield both[0], both[1]
    for node in both:
        node.announcing.close()
