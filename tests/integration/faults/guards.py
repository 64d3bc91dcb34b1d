"""Taking a guard out, which the program has no switch for: a condition of a statement, or a key."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import ModuleType

import pytest
import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.database.statements import Statements


def take_out(
    patch: pytest.MonkeyPatch, module: ModuleType, names: tuple[str, ...], text: str, instead: str
) -> None:
    """Replace a text, which must stand in each of a module's statements once."""
    statements: Statements = module._SQL
    for name in names:
        statement = statements.by_name[name]
        assert statement.sql.count(text) == 1, f"{text} in {name}"
        changed = replace(statement, sql=statement.sql.replace(text, instead))
        patch.setitem(statements.by_name, name, changed)


def drop_key(database: Database, *tables: str) -> None:
    """Leave empty tables of a database without their primary keys."""
    with database.writing() as connection:
        for table in tables:
            if not database.is_embedded:
                statement = f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}"
                connection.exec_driver_sql(statement)
                continue
            # SQLite drops no constraint: the table is made anew, and nothing else changes.
            found = f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table}'"
            made = str(connection.exec_driver_sql(found).scalar_one())
            without, count = re.subn(rf",\s*CONSTRAINT pk_{table} PRIMARY KEY \([^)]*\)", "", made)
            assert count == 1, made
            without = without.replace(", WITHOUT ROWID", "")
            connection.exec_driver_sql(f"DROP TABLE {table}")
            connection.exec_driver_sql(without)


@contextmanager
def held_at(database: Database, text: str, seconds: float) -> Iterator[Held]:
    """Hold whoever is about to send a statement with `text`, for so long at most."""
    held = Held()

    def hold(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if text in statement and not held.reached.is_set():
            held.reached.set()
            assert held.released.wait(seconds)

    sa.event.listen(database.engine, "before_cursor_execute", hold)
    try:
        yield held
    finally:
        held.released.set()
        sa.event.remove(database.engine, "before_cursor_execute", hold)


@dataclass
class Held:
    """Whether somebody has come to the statement, and whether they may go on."""

    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
