"""At the desk: what a command or a file needs of the books is looked up, however large they are."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import ingestd.ledger
from ingestd.database import schema
from ingestd.database.bulk import Temporary, create_temporary, driver_of
from ingestd.database.engine import open_database
from ingestd.database.statements import Statement, read_statements

LEDGER = Path(str(ingestd.ledger.__file__)).parent
FILES = (
    *(path for wing in ("money", "outgoing", "paying") for path in (LEDGER / wing).glob("*.sql")),
    LEDGER / "taking" / "refunds.sql",
)
# They ask about the catalog, about the first row that there is, or about all the cash.
WIDE = {"stage_sorts", "stage_resorted", "stage_moved", "find_terms", "find_waiting_credit"}
WIDE_STEPS = re.compile(r"ix_batch_total_cash \(account=\?\)$")
# All rows of an account, or all allocations that undo none.
WALK = re.compile(r"\(account=\?\)|^SEARCH [ab] USING .*\breverses_allocation_no=\?")
STATEMENTS = [
    pytest.param(statement, id=f"{path.stem}-{statement.name}")
    for path in sorted(FILES)
    for statement in read_statements(path)
    if statement.name not in WIDE
]


def stages() -> list[Temporary]:
    """Return every temporary table of the ledger."""
    modules = pkgutil.walk_packages(ingestd.ledger.__path__, "ingestd.ledger.")
    found = (
        value for each in modules for value in vars(importlib.import_module(each.name)).values()
    )
    return list({each.name: each for each in found if isinstance(each, Temporary)}.values())


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    database = open_database(f"sqlite:///{path}")
    schema.upgrade(database)
    database.close()
    return path


@pytest.mark.parametrize("statement", STATEMENTS)
def test_nothing_walks_the_books(ledger: Path, statement: Statement) -> None:
    """A refund of today does not wait for all those of the years before."""
    database = open_database(f"sqlite:///{ledger}")
    sql = re.sub(r"IN \(:(\w+)\)", r"IN (:\1, 2)", statement.text_for("sqlite"))
    values = dict.fromkeys(re.findall(r":([a-z]\w*)", sql), 1)
    with database.connection() as connection:
        create_temporary(connection, *stages())
        rows = driver_of(connection).execute(f"EXPLAIN QUERY PLAN {sql}", values)
        plan = [row[3] for row in rows]
    database.close()
    walks = [step for step in plan if WALK.search(step) and not WIDE_STEPS.search(step)]
    assert not walks, plan
