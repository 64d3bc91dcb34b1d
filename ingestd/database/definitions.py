"""Definitions: tables, indexes and views, as one file of SQL that makes them in both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Connection

from ingestd.database.dialects import for_sqlite

_DEFINED = re.compile(
    r"((?:^-- [^\n]*\n)*)^(CREATE (?:UNIQUE )?(TABLE|INDEX|VIEW) (\w+)\b.*?);$",
    re.MULTILINE | re.DOTALL,
)
_TEXT = re.compile(r"\bTEXT\b(?! COLLATE)")
_SQLITE_TYPES = {"BIGINT": "INTEGER", "BYTEA": "BLOB"}
_APPEND_ONLY = "append-only"
_INTRODUCTION = """\
Every table of the books and of the queue, and every view, as they are made in both databases.
This page is made from `migrations/versions/`. What the tables mean together stands in
[ARCHITECTURE.md](../ARCHITECTURE.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A table, an index or a view: its comment, and its SQL as PostgreSQL reads it."""

    kind: str
    name: str
    comment: str
    sql: str

    @property
    def is_append_only(self) -> bool:
        """Whether its comment says that rows are only ever added."""
        return _APPEND_ONLY in self.comment

    def statements_for(self, dialect: str) -> Iterator[str]:
        """Yield the statements that make it in `sqlite` or `postgresql`."""
        if dialect != "sqlite":
            # "C" compares bytes, as SQLite does: both databases sort alike, whatever their locale.
            yield _TEXT.sub('TEXT COLLATE "C"', self.sql) if self.kind == "TABLE" else self.sql
            return
        sql = for_sqlite(self.sql, keeps_join_order=False)
        if self.kind != "TABLE":
            yield sql
            return
        for theirs, ours in _SQLITE_TYPES.items():
            sql = re.sub(rf"\b{theirs}\b", ours, sql)
        # Types are checked, and rows lie in the order of their key.
        yield f"{sql} STRICT, WITHOUT ROWID"
        if self.is_append_only:
            for change in ("UPDATE", "DELETE"):
                yield (
                    f"CREATE TRIGGER {self.name}_refuses_{change.lower()}"
                    f" BEFORE {change} ON {self.name}"
                    f" BEGIN SELECT RAISE(ABORT, '{self.name} is append-only'); END"
                )


def read_definitions(path: Path) -> list[Definition]:
    """Return what a file defines, in its order."""
    return [
        Definition(kind=kind, name=name, comment=_joined(comment), sql=sql)
        for comment, sql, kind, name in _DEFINED.findall(path.read_text(encoding="utf-8"))
    ]


def create(connection: Connection, path: Path) -> None:
    """Make all that a file defines."""
    for definition in read_definitions(path):
        for statement in definition.statements_for(connection.dialect.name):
            connection.exec_driver_sql(statement)


def drop(connection: Connection, path: Path) -> None:
    """Remove all that a file defines, with all that was stored."""
    for definition in reversed(read_definitions(path)):
        if definition.kind != "INDEX":  # it goes with its table
            connection.exec_driver_sql(f"DROP {definition.kind} {definition.name}")


def render_page(definitions: list[Definition]) -> str:
    """Return the page that shows every table and view with its comment, in Markdown."""
    parts = ["# The schema", _INTRODUCTION]
    for definition in definitions:
        if definition.kind == "INDEX":
            parts[-1] = parts[-1].removesuffix("\n```") + f"\n{definition.sql};\n```"
            continue
        parts += [f"## {definition.name}", definition.comment, f"```sql\n{definition.sql};\n```"]
    return "\n\n".join(parts) + "\n"


def _joined(comment: str) -> str:
    return " ".join(line.removeprefix("-- ") for line in comment.splitlines())
