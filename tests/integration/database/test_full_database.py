"""A database without space: told apart from one that is broken, and usable again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.values.errors import DatabaseError, DatabaseFullError, NoSpaceError

# What the server raises when it cannot write. Source: PostgreSQL, appendix A.
_FULL = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"


@contextmanager
def no_space(database: Database) -> Iterator[None]:
    """Let an SQLite database grow no further: it says what it says on a full disk."""

    def limit(connection: Any, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    database.engine.dispose()
    sa.event.listen(database.engine, "connect", limit)
    try:
        yield
    finally:
        sa.event.remove(database.engine, "connect", limit)
        database.engine.dispose()


def fill(database: Database, rows: int = 2000) -> None:
    with database.writing() as connection:
        connection.execute(
            sa.text("INSERT INTO parent (account, parent_code, name) VALUES ('A', :code, :name)"),
            [{"code": f"P{number}", "name": "x" * 200} for number in range(rows)],
        )


def parents(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.exec_driver_sql("SELECT COUNT(*) FROM parent").scalar_one())


def test_a_full_sqlite_is_told_apart_and_works_again(both: tuple[Database, Database]) -> None:
    """What failed for want of space is tried again, and nothing of it is half there."""
    database = both[0]
    with no_space(database):
        with pytest.raises(DatabaseFullError, match=r"has no space left: .*full\. Free space"):
            fill(database)
        assert parents(database) == 0
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    fill(database)
    assert parents(database) == 2000


def test_what_a_full_connection_spilled_is_given_back(both: tuple[Database, Database]) -> None:
    """A pooled connection would keep its temporary file, and the disk full with it."""
    database = both[0]

    def driver() -> object:
        with database.connection() as connection:
            return connection.connection.driver_connection

    with no_space(database):
        before = driver()
        assert driver() is before
        with pytest.raises(DatabaseFullError):
            fill(database)
        assert driver() is not before


def test_a_full_postgresql_is_told_apart(both: tuple[Database, Database]) -> None:
    """The server's disk may be full while ours has room."""
    database = both[1]
    with (
        pytest.raises(DatabaseFullError, match="has no space left") as caught,
        database.writing() as connection,
    ):
        connection.exec_driver_sql(_FULL)
    assert isinstance(caught.value, NoSpaceError)
    assert isinstance(caught.value, DatabaseError)
    fill(database, rows=10)
    assert parents(database) == 10


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT no_such_column FROM parent",
        # SQLite: unable to open; and the disk has room. PostgreSQL: a syntax error.
        "ATTACH DATABASE '/proc/no/such/folder.db' AS nowhere",
    ],
)
def test_a_broken_database_is_not_a_full_one(
    both: tuple[Database, Database], statement: str
) -> None:
    """A fault that lasts must reach an operator, not be tried for ever."""
    for database in both:
        with pytest.raises(DatabaseError) as caught, database.connection() as connection:
            connection.exec_driver_sql(statement)
        assert not isinstance(caught.value, NoSpaceError)
