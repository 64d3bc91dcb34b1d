"""Statements: SQL stands in a file of its own, beside the module that runs it.

    -- name: find_open_month
    -- The last month that is closed. Binds :account.
    SELECT MAX(month) FROM period_close WHERE account = :account

A file is valid PostgreSQL as it stands. Each statement has a name and says what it decides and
what it binds. `-- sqlite: joins in this order` among that keeps the order of its joins on SQLite.
`IN (:names)` binds a list.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult

from ingestd.database.bulk import Temporary, analyse, create_temporary, stream
from ingestd.database.dialects import for_sqlite

IN_THIS_ORDER = "sqlite: joins in this order"

_NAMED = re.compile(r"^-- name: (\w+)\n((?:-- .*\n)*)", re.MULTILINE)
_LIST = re.compile(r"\bIN \(:(\w+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One named statement: what it decides, and its SQL as PostgreSQL reads it."""

    name: str
    purpose: str
    sql: str

    def text_for(self, dialect: str) -> str:
        """Return the SQL for `sqlite` or `postgresql`."""
        if dialect != "sqlite":
            return self.sql
        return for_sqlite(self.sql, keeps_join_order=IN_THIS_ORDER in self.purpose)


class Statements:
    """The statements of a module; they stand beside it, in a file of its name."""

    def __init__(self, module_file: str) -> None:
        """Read the `.sql` file beside a module, given as its `__file__`."""
        path = Path(module_file).with_suffix(".sql")
        self.by_name = {statement.name: statement for statement in read_statements(path)}

    def run(
        self, connection: Connection, name: str, values: Mapping[str, object] | None = None
    ) -> CursorResult[Any]:
        """Run a statement; a value may be there for more names than it binds."""
        clause, bound = _clause(self.by_name[name], connection.dialect.name)
        given = values or {}
        return connection.execute(clause, {name: given[name] for name in bound})

    def fill(
        self,
        connection: Connection,
        table: Temporary,
        name: str,
        values: Mapping[str, object] | None = None,
    ) -> int:
        """Make a temporary table anew, filled by an INSERT; return how many rows it has."""
        create_temporary(connection, table)
        rows = self.run(connection, name, values).rowcount
        analyse(connection, table)
        return rows

    def run_many(
        self, connection: Connection, name: str, values: Sequence[Mapping[str, object]]
    ) -> None:
        """Run a statement once for each of several sets of values; none are no statement."""
        if values:
            clause, _ = _clause(self.by_name[name], connection.dialect.name)
            connection.execute(clause, values)

    def stream(
        self,
        connection: Connection,
        name: str,
        values: Mapping[str, object],
        *,
        chunk_rows: int,
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """Yield a query's rows as plain tuples, `chunk_rows` at a time, in bounded memory."""
        sql = self.by_name[name].text_for(connection.dialect.name)
        return stream(connection, sql, values, chunk_rows=chunk_rows)


def read_statements(path: Path) -> list[Statement]:
    """Return the statements of a file, in their order. Raises ValueError for one without a name."""
    text = path.read_text(encoding="utf-8")
    first, *rest = _NAMED.split(text)
    if first.strip():
        raise ValueError(f"{path.name} begins with SQL that has no name")
    return [
        Statement(name=name, purpose=purpose.replace("-- ", "").strip(), sql=sql.strip())
        for name, purpose, sql in zip(rest[0::3], rest[1::3], rest[2::3], strict=True)
    ]


@cache
def _clause(statement: Statement, dialect: str) -> tuple[sa.TextClause, tuple[str, ...]]:
    """Return a statement as SQLAlchemy takes it, made once, and the names that it binds."""
    sql = statement.text_for(dialect)
    lists = _LIST.findall(sql)
    clause = sa.text(_LIST.sub(r"IN :\1", sql))
    if lists:
        clause = clause.bindparams(*(sa.bindparam(name, expanding=True) for name in lists))
    return clause, tuple(clause.compile().params)
