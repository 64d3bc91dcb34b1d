"""Every statement that stands in a file: named, told of, parsed, used, and about one account."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from ingestd.database.dialects import for_sqlite
from ingestd.database.statements import Statement, Statements, read_statements
from ingestd.ledger.catalog import making
from ingestd.ledger.catalog.declared import CATALOG_TABLES

ROOT = Path(__file__).parents[3] / "ingestd"
FILES = sorted(ROOT.rglob("*.sql"))
STATEMENTS = [
    pytest.param(path, statement, id=f"{path.relative_to(ROOT).with_suffix('')}:{statement.name}")
    for path in FILES
    for statement in read_statements(path)
]
MADE = [
    pytest.param(statement, id=statement.name)
    for table in CATALOG_TABLES.values()
    for statement in (
        *(making.added_or_changed(table), making.removed(table), making.filled_as_known(table)),
        *(making.listed(table), making.compared(table)),
    )
]
# What is said of a statement that is about all accounts together.
OF_ALL_ACCOUNTS = "of all accounts"
# What no sentence for people has in it, and every statement or piece of one.
SQL = re.compile(
    r"\bSELECT\b.*\bFROM\b|\bINSERT INTO\b|\bUPDATE\s+\S+\s+SET\b|\bDELETE FROM\b"
    r"|\bCREATE (TEMPORARY )?(TABLE|INDEX|VIEW|TRIGGER)\b|\bFROM\s+\S+\s+\w\b|\bJOIN\s|\bWHERE\s"
    r"|\b(ORDER|GROUP) BY\b|\bUNION ALL\b|\bCOALESCE\(|\bCASE\b|\w = :\w",
    re.DOTALL,
)
# Tables that a caller describes, and the triggers of tables that are append-only: SQL by its nature
# made from names.
MADE_FROM_NAMES = {
    "database/bulk.py",
    "database/tables.py",
    "database/definitions.py",
    # The one place that lists the columns of the catalog's tables is what is declared of them.
    "ledger/catalog/making.py",
    # The layout of a sealed table is the one place that lists its columns.
    "ledger/audit/columns.py",
    "ledger/audit/confirming.py",
    "ledger/audit/spans.py",
    "ledger/evidence/chunks.py",
    "ledger/evidence/layouts.py",
}


def parsed(statement: Statement) -> exp.Expr:
    [tree] = sqlglot.parse(statement.sql, dialect="postgres")
    assert tree is not None
    return tree


@pytest.mark.parametrize(("path", "statement"), STATEMENTS)
def test_statement_says_what_it_decides_and_binds(path: Path, statement: Statement) -> None:
    """A statement is understood before it is read."""
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", statement.name)
    assert statement.purpose
    bound = set(re.findall(r"(?<!:):([a-z]\w*)", statement.sql))
    told = set(re.findall(r":([a-z]\w*)", statement.purpose))
    assert bound == told
    assert path.with_suffix(".py").exists()


@pytest.mark.parametrize(("path", "statement"), STATEMENTS)
def test_statement_is_used_once_and_under_its_name(path: Path, statement: Statement) -> None:
    """Nobody keeps a statement that no code runs."""
    assert f'"{statement.name}"' in path.with_suffix(".py").read_text("utf-8")
    names = [other.name for other in read_statements(path)]
    assert names.count(statement.name) == 1


@pytest.mark.parametrize(("path", "statement"), STATEMENTS)
def test_statement_lists_its_columns(path: Path, statement: Statement) -> None:
    """A column that is added later changes no statement that does not name it."""
    tree = parsed(statement)
    assert not [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    for insert in tree.find_all(exp.Insert):
        assert isinstance(insert.this, exp.Schema), "an INSERT names its columns"


@pytest.mark.parametrize(("path", "statement"), STATEMENTS)
def test_statement_names_its_account(path: Path, statement: Statement) -> None:
    """No account's rows can ever be mixed with another's by a forgotten condition."""
    if OF_ALL_ACCOUNTS in statement.purpose:
        return
    tables = {table.name for table in parsed(statement).find_all(exp.Table)}
    expressions = {name.alias for name in parsed(statement).find_all(exp.CTE)}
    if all(name.startswith(("stage_", "console_")) for name in tables - expressions):
        return  # what is staged is of one file, and people are of the whole installation
    assert ":account" in statement.sql


@pytest.mark.parametrize("statement", MADE)
def test_statement_that_is_made_from_names_reads_like_those_in_files(statement: Statement) -> None:
    """What follows from a declaration is held to the same rules as what somebody wrote."""
    tree = parsed(statement)
    assert not list(tree.find_all(exp.Star))
    assert all(isinstance(insert.this, exp.Schema) for insert in tree.find_all(exp.Insert))
    bound = set(re.findall(r"(?<!:):([a-z]\w*)", statement.sql))
    assert bound == set(re.findall(r":([a-z]\w*)", statement.purpose))
    assert "account" in bound


def test_a_table_as_it_was_known_takes_the_place_of_the_present_one() -> None:
    """One statement answers for every time, and is complete as it stands."""
    statement = Statement(
        name="a", purpose="", sql="SELECT p.a FROM parent /* as known */ p JOIN party y ON TRUE"
    )
    assert statement.text_for("postgresql") == statement.sql
    assert statement.text_for("sqlite", as_known=True) == (
        "SELECT p.a FROM known_parent p JOIN party y ON TRUE"
    )


def texts(module: Path) -> Iterator[str]:
    """Yield every text of a module that is no docstring; what an f-string fills in is a `?`."""
    tree = ast.parse(module.read_text("utf-8"))
    passed = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed |= {id(part) for part in node.values}
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values
            )
        elif isinstance(node, ast.Constant) and id(node) not in passed:
            yield str(node.value)


def test_no_module_holds_sql() -> None:
    """Pieces of SQL in Python are read by no editor, parsed by no test, and glued by mistake."""
    holding = {
        str(module.relative_to(ROOT))
        for module in ROOT.rglob("*.py")
        if any(SQL.search(text) for text in texts(module))
    }
    assert holding == MADE_FROM_NAMES


@pytest.mark.parametrize(
    ("source", "is_sql"),
    [
        ("""Q = "SELECT a FROM t WHERE b = :b\"""", True),
        ("""Q = f"SELECT {columns}\\nFROM t\"""", True),
        ("""Q = "INSERT INTO t (a)" " VALUES (1)\"""", True),
        ("""Q = f"{stage} s JOIN charge c ON c.a = s.a\"""", True),
        ("""def f():\n    \"\"\"Explain a SELECT a FROM t.\"\"\"""", False),
        ("""Q = "Select a student from the list; delete from it what is wrong.\"""", False),
    ],
)
def test_sql_in_a_module_is_found(tmp_path: Path, source: str, *, is_sql: bool) -> None:
    """Whole statements and pieces, glued or not; never what is said to people."""
    module = tmp_path / "module.py"
    module.write_text(source, "utf-8")
    assert any(SQL.search(text) for text in texts(module)) == is_sql


def test_files_hold_nothing_but_statements() -> None:
    """A typing slip in a heading would hide a statement in the one before it."""
    for path in FILES:
        text = path.read_text("utf-8")
        assert len(re.findall(r"name:", text)) == len(read_statements(path)), path
        assert all(line.rstrip() == line and len(line) <= 100 for line in text.splitlines())


def test_sql_without_a_name_is_refused(tmp_path: Path) -> None:
    """It would never be run."""
    (tmp_path / "slip.sql").write_text("SELECT 1\n-- name: other\n-- Nothing.\nSELECT 2\n")
    with pytest.raises(ValueError, match="no name"):
        Statements(str(tmp_path / "slip.py"))


@pytest.mark.parametrize(
    ("postgresql", "sqlite"),
    [
        ("SELECT GREATEST(a, b) FROM t", "SELECT MAX(a, b) FROM t"),
        (
            "FROM t /* sqlite: INDEXED BY ix */ JOIN u ON 1",
            "FROM t INDEXED BY ix CROSS JOIN u ON 1",
        ),
        ("FROM t LEFT JOIN u ON 1", "FROM t LEFT JOIN u ON 1"),
        (
            "TO_CHAR(TO_TIMESTAMP(a / 9) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            "STRFTIME('%Y-%m-%dT%H:%M:%SZ', a / 9, 'unixepoch')",
        ),
        ("SELECT STRING_AGG(CAST(t.a AS TEXT), ',')", "SELECT GROUP_CONCAT(t.a)"),
        ("SELECT STRING_AGG(a, '')", "SELECT GROUP_CONCAT(a, '')"),
        ("SELECT OCTET_LENGTH(t.a)", "SELECT LENGTH(CAST(t.a AS BLOB))"),
        ("SELECT ENCODE(a, 'hex')", "SELECT HEX(a)"),
        ("SELECT CAST(TO_JSON(t.a) AS TEXT)", "SELECT JSON_QUOTE(t.a)"),
        ("SELECT CAST(t.a AS JSON) ->> 'b'", "SELECT t.a ->> 'b'"),
        ("SELECT a FROM t WHERE b = 1 FOR UPDATE", "SELECT a FROM t WHERE b = 1"),
        ("SELECT a FROM t FOR UPDATE SKIP LOCKED LIMIT 1", "SELECT a FROM t LIMIT 1"),
    ],
)
def test_what_sqlite_wants_otherwise(postgresql: str, sqlite: str) -> None:
    """One text for both databases, with the differences in one place."""
    assert for_sqlite(postgresql, keeps_join_order=True) == sqlite
