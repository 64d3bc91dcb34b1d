"""Every statement that stands in a file, compiled by both databases against the schema of today."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

import ingestd
from ingestd.database.bulk import Temporary, create_temporary
from ingestd.database.engine import Database
from ingestd.database.statements import Statement, read_statements

ROOT = Path(ingestd.__file__).parent
STATEMENTS = [
    (path, statement) for path in sorted(ROOT.rglob("*.sql")) for statement in read_statements(path)
]
_BOUND = re.compile(r"(?<!:):([a-z]\w*)")


def temporaries() -> Iterator[Temporary]:
    """Yield every temporary table that some module describes, once."""
    seen: set[str] = set()
    for found in pkgutil.walk_packages(ingestd.__path__, "ingestd."):
        if found.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(found.name)).values():
            if isinstance(value, Temporary) and value.name not in seen:
                seen.add(value.name)
                yield value


def compile_on(connection: Connection, statement: Statement) -> None:
    dialect = connection.dialect.name
    sql = statement.text_for(dialect)
    if dialect == "sqlite":
        names = set(_BOUND.findall(sql))
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"EXPLAIN {sql}", dict.fromkeys(names))
        return
    numbers: dict[str, int] = {}
    numbered = _BOUND.sub(lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", sql)
    connection.exec_driver_sql(f"PREPARE compiled AS {numbered}")
    connection.exec_driver_sql("DEALLOCATE compiled")


@pytest.mark.parametrize("kind", [0, 1], ids=["sqlite", "postgresql"])
def test_every_statement_compiles(both: tuple[Database, Database], kind: int) -> None:
    """A column that was renamed is found here, and not by the one file that needs it."""
    with both[kind].connection() as connection:
        create_temporary(connection, *temporaries())
        failed = []
        for path, statement in STATEMENTS:
            try:
                compile_on(connection, statement)
            except Exception as error:  # noqa: BLE001 - each is told, with its place
                connection.rollback()
                failed.append(f"{path.relative_to(ROOT)}: {statement.name}: {error}")
                create_temporary(connection, *temporaries())
        assert not failed, "\n\n".join(failed)
