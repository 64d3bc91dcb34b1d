"""The catalog as it is declared: every column of every table, and how each is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingestd.database.definitions import read_definitions
from ingestd.ledger.catalog.declared import CATALOG_TABLES, TABLES_OF, CatalogTable, told

SCHEMA = Path(__file__).parents[3] / "migrations" / "versions" / "0001_books.sql"
DEFINED = {each.name: each for each in read_definitions(SCHEMA) if each.kind == "TABLE"}
_COLUMN = re.compile(r"^  (\w+) (TEXT|BIGINT)( .*)?,?$", re.MULTILINE)


def test_every_table_of_the_catalog_is_declared() -> None:
    """What is not declared leaves no fact when it changes, and nobody compares it."""
    of_catalog = {name for name, each in DEFINED.items() if each.comment.startswith("Catalog:")}
    assert set(CATALOG_TABLES) == of_catalog


@pytest.mark.parametrize("table", CATALOG_TABLES.values(), ids=CATALOG_TABLES)
def test_every_column_is_declared(table: CatalogTable) -> None:
    """A column that a migration adds is part of the history from its first import on."""
    found = _COLUMN.findall(DEFINED[table.table].sql)
    columns = {
        name: ("text" if kind == "TEXT" else "whole") + "?" * ("NOT NULL" not in rest)
        for name, kind, rest in found
    }
    declared = {
        name: kind if kind.startswith("text") else "whole" + "?" * kind.endswith("?")
        for name, kind in table.columns.items()
    }
    assert declared == {name: kind for name, kind in columns.items() if name != "account"}
    assert tuple(table.columns)[: len(table.key)] == table.key
    assert f"PRIMARY KEY (account, {', '.join(table.key)})" in DEFINED[table.table].sql


def test_what_a_row_is_called_is_its_own() -> None:
    """Facts of a product and of its price never meet under one key."""
    kinds = [table.kind for tables in TABLES_OF.values() for table in tables]
    assert len(kinds) == len(set(kinds)) == len(CATALOG_TABLES)
    assert all(kind.value == tables[0].kind for kind, tables in TABLES_OF.items())


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("text", "Ann", "Ann"),
        ("text?", None, None),
        ("whole", 0, 0),
        ("amount?", 1850, "18.50"),
        ("day", 20260901, "2026-09-01"),
        ("day", 0, None),
        ("flag", 1, "yes"),
        ("flag", 0, "no"),
    ],
)
def test_values_are_told_as_files_write_them(
    kind: str, value: str | int | None, text: str | int | None
) -> None:
    """What is listed can be imported."""
    assert told(kind, value, decimals=2) == text
