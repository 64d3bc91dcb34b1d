"""Statements: SQL stands in a file of its own, beside the module that runs it.

    -- name: find_open_month
    -- The last month that is closed. Binds :account.
    SELECT MAX(month) FROM period_close WHERE account = :account

A file is valid PostgreSQL as it stands. Each statement has a name and says what it decides and
what it binds. `-- sqlite: joins in this order` among that keeps the order of its joins on SQLite.
`IN (:names)` binds a list. `/* as known */` behind a table of the catalog says that an answer as
known earlier reads the table as it was then: `JOIN parent /* as known */ p`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult

from ingestd.database.bulk import Temporary, analyse, create_temporary, stream
from ingestd.database.dialects import for_sqlite

IN_THIS_ORDER = "sqlite: joins in this order"

KNOWN_PREFIX = "known_"
"""How a table of the catalog is called as it was known earlier: a temporary one, `known_parent`."""

_NAMED = re.compile(r"^-- name: (\w+)\n((?:-- .*\n)*)", re.MULTILINE)
_LIST = re.compile(r"\bIN \(:(\w+)\)")
_AS_KNOWN = re.compile(r"\b(\w+) /\* as known \*/")
_READS_KNOWN = "ingestd_reads_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One named statement: what it decides, and its SQL as PostgreSQL reads it."""

    name: str
    purpose: str
    sql: str

    def text_for(self, dialect: str, *, as_known: bool = False) -> str:
        """Return the SQL for `sqlite` or `postgresql`; `as_known` as in `read_as_known`."""
        sql = _AS_KNOWN.sub(rf"{KNOWN_PREFIX}\1", self.sql) if as_known else self.sql
        if dialect != "sqlite":
            return sql
        return for_sqlite(sql, keeps_join_order=IN_THIS_ORDER in self.purpose)


class Statements:
    """The statements of a module; they stand beside it, in a file of its name."""

    def __init__(self, module_file: str, *, made: Iterable[Statement] = ()) -> None:
        """Read the `.sql` file beside a module, given as its `__file__`.

        Statements that are `made` from names follow them.
        """
        path = Path(module_file).with_suffix(".sql")
        self.by_name = {statement.name: statement for statement in (*read_statements(path), *made)}

    @classmethod
    def made(cls, statements: Iterable[Statement]) -> Statements:
        """Return statements that a module makes from names, and that stand in no file."""
        made = cls.__new__(cls)
        made.by_name = {statement.name: statement for statement in statements}
        return made

    def run(
        self, connection: Connection, name: str, values: Mapping[str, object] | None = None
    ) -> CursorResult[Any]:
        """Run a statement; a value may be there for more names than it binds."""
        return run(connection, self.by_name[name], values or {})

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
            clause, _ = _clause_for(connection, self.by_name[name])
            connection.execute(clause, values)

    def plain_rows(
        self, connection: Connection, name: str, values: Mapping[str, object]
    ) -> list[tuple[Any, ...]]:
        """Return all rows of a query as the driver has them: of many, sooner than `run` does."""
        cursor = self.run(connection, name, values).cursor
        assert cursor is not None, "a query has rows"
        with closing(cursor):
            return list(cursor.fetchall())

    def stream(
        self,
        connection: Connection,
        name: str,
        values: Mapping[str, object],
        *,
        chunk_rows: int,
    ) -> Generator[list[tuple[Any, ...]], None, None]:
        """Yield a query's rows as plain tuples, `chunk_rows` at a time, in bounded memory."""
        as_known = _reads_known(connection)
        sql = self.by_name[name].text_for(connection.dialect.name, as_known=as_known)
        return stream(connection, *_with_lists(sql, values), chunk_rows=chunk_rows)


def run(
    connection: Connection, statement: Statement, values: Mapping[str, object]
) -> CursorResult[Any]:
    """Run a statement that was made from names; a value may be there for more than it binds."""
    clause, bound = _clause_for(connection, statement)
    return connection.execute(clause, {name: values[name] for name in bound})


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


def read_as_known(connection: Connection, *, as_known: bool) -> None:
    """Let statements on this connection that say `/* as known */` read a temporary table, or not.

    It is called `known_` and the table's name, and the caller has filled it. It lasts until the
    connection goes back to where it was lent.
    """
    connection.execution_options(**{_READS_KNOWN: as_known})


def _reads_known(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_READS_KNOWN, False))


def _clause_for(
    connection: Connection, statement: Statement
) -> tuple[sa.TextClause, tuple[str, ...]]:
    return _clause(statement, connection.dialect.name, _reads_known(connection))


def _with_lists(sql: str, values: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """Return a statement whose lists are written out, as a driver takes it, and what it binds."""
    bound = dict(values)
    for name in set(_LIST.findall(sql)):
        members = bound.pop(name)
        assert isinstance(members, Sequence), f"{name} is bound to a list"
        numbered = {f"{name}_{number}": member for number, member in enumerate(members)}
        bound |= numbered
        # Nothing is in a list of nothing.
        written = ", ".join(f":{each}" for each in numbered) or "NULL"
        sql = re.sub(rf"\bIN \(:{name}\)", f"IN ({written})", sql)
    return sql, bound


@cache
def _clause(
    statement: Statement, dialect: str, as_known: bool
) -> tuple[sa.TextClause, tuple[str, ...]]:
    """Return a statement as SQLAlchemy takes it, made once, and the names that it binds."""
    sql = statement.text_for(dialect, as_known=as_known)
    lists = _LIST.findall(sql)
    clause = sa.text(_LIST.sub(r"IN :\1", sql))
    if lists:
        clause = clause.bindparams(*(sa.bindparam(name, expanding=True) for name in lists))
    return clause, tuple(clause.compile().params)
