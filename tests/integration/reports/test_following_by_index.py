"""Following one thing: what is asked about it is looked up, however large the books are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ingestd.reports.families.passbook
import ingestd.reports.trails.explain
import ingestd.reports.trails.trace
from ingestd.database import schema
from ingestd.database.engine import open_database
from ingestd.database.statements import Statement, read_statements

STATEMENTS = [
    pytest.param(statement, id=statement.name)
    for module in (
        ingestd.reports.families.passbook,
        ingestd.reports.trails.explain,
        ingestd.reports.trails.trace,
    )
    for statement in read_statements(Path(str(module.__file__)).with_suffix(".sql"))
]
# All rows of an account, or of every account; but `found` and `money` are what was found by index.
WALK = re.compile(r"^SCAN (?!\w+ LEFT-JOIN$|found$|money$)|\(account=\?\)")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_nothing_walks_the_books(tmp_path: Path, statement: Statement) -> None:
    """A question at the counter is answered while the family waits."""
    database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    schema.upgrade(database)
    sql = re.sub(r"IN \(:(\w+)\)", r"IN (:\1, 2)", statement.text_for("sqlite"))
    values = dict.fromkeys(re.findall(r":([a-z]\w*)", sql), 1)
    with database.connection() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    database.close()
    assert not [step for step in plan if WALK.search(step)], plan
