"""The schema in one file, and the page that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.database.definitions import Definition, read_definitions, render_page

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "migrations" / "versions" / "0001_books.sql"
DEFINITIONS = read_definitions(SCHEMA)


def test_the_page_is_what_the_schema_says() -> None:
    """Whoever opens the database finds every table described as it is.

    To mend: write the answer of `render_page` to docs/schema.md.
    """
    assert (ROOT / "docs" / "schema.md").read_text("utf-8") == render_page(DEFINITIONS)


def test_nothing_in_the_file_is_overlooked() -> None:
    """A table that the reader of definitions misses would be missing in every database."""
    assert SCHEMA.read_text("utf-8").count("\nCREATE ") == len(DEFINITIONS)


@pytest.mark.parametrize(
    "definition",
    [definition for definition in DEFINITIONS if definition.kind != "INDEX"],
    ids=lambda definition: definition.name,
)
def test_tables_and_views_say_what_they_hold(definition: Definition) -> None:
    """Nobody has to guess what a table is for, and every rule of it has a name to refer to."""
    assert definition.comment.endswith(".")
    rules = [rule for rule in ("PRIMARY KEY (", "CHECK (", "UNIQUE (") if rule in definition.sql]
    named = definition.sql.count("CONSTRAINT ")
    assert named == sum(definition.sql.count(rule) for rule in rules)
    assert definition.kind == "VIEW" or named
