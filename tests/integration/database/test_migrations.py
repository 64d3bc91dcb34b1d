"""The schema, up and down, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError as DriverError
from sqlalchemy.exc import IntegrityError

from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.values.errors import DatabaseError, SchemaError, SchemaNewerError
from ingestd.values.identifiers import LEDGER_ID_PATTERN
from tests.integration.database.conftest import Server

FACTS = (
    "party",
    "charge",
    "charge_key",
    "posting",
    "seal",
    "file_outcome",
    "row_outcome",
    "finding",
)


def tables_of(database: Database) -> dict[str, list[str]]:
    with database.reading() as connection:
        inspector = sa.inspect(connection)
        return {
            table: [column["name"] for column in inspector.get_columns(table)]
            for table in sorted(inspector.get_table_names())
        }


def test_up_down_and_up_again_leads_to_the_same_tables(empty_database: Database) -> None:
    """An operator who has to go back can also come forward again."""
    before, after = schema.upgrade(empty_database)
    assert (before, after) == (None, schema.current_revision(empty_database))
    first = tables_of(empty_database)
    assert set(FACTS) < set(first)
    schema.downgrade(empty_database, "base")
    assert list(tables_of(empty_database)) == ["alembic_version"]
    with pytest.raises(SchemaError, match="ingestd db upgrade"):
        schema.require_able(empty_database)
    schema.upgrade(empty_database)
    assert tables_of(empty_database) == first
    schema.require_able(empty_database)


def test_upgrading_twice_changes_nothing(empty_database: Database) -> None:
    """Every start of the daemon may try it."""
    schema.upgrade(empty_database)
    before, after = schema.upgrade(empty_database)
    assert before == after is not None


def test_a_newer_schema_is_refused(database: Database) -> None:
    """An old program must not write into tables that it does not know."""
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    # As long as what is new is only added, it may go on.
    schema.require_able(database)
    assert schema.upgrade(database) == ("9999", "9999")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE schema_floor SET oldest = '9999'")
    with pytest.raises(SchemaNewerError, match="newer"):
        schema.require_able(database)
    with pytest.raises(SchemaNewerError, match="newer"):
        schema.upgrade(database)


def test_both_databases_have_the_same_tables(both: tuple[Database, Database]) -> None:
    """What is read from one can be read from the other."""
    assert tables_of(both[0]) == tables_of(both[1])


def test_every_text_of_postgresql_sorts_by_bytes(both: tuple[Database, Database]) -> None:
    """Reports come in the same order whatever language the server was installed in."""
    with both[1].reading() as connection:
        others = connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = 'text'"
            " AND collation_name IS DISTINCT FROM 'C'"
        ).all()
    assert others == []


def test_every_ledger_has_one_id_of_its_own(both: tuple[Database, Database]) -> None:
    """A data folder that knows the id is never served by another district's database."""
    ids: list[str] = []
    for database in both:
        with database.reading() as connection:
            ids += connection.exec_driver_sql("SELECT ledger_id FROM ledger").scalars().all()
        with pytest.raises(DatabaseError), database.writing() as connection:
            connection.exec_driver_sql("INSERT INTO ledger VALUES (2, 'another', 0)")
    assert len(set(ids)) == 2
    assert all(LEDGER_ID_PATTERN.fullmatch(ledger_id) for ledger_id in ids)


def test_two_nodes_may_make_the_schema_at_one_time(server: Server | None) -> None:
    """Nodes that are set up by one playbook all find a ledger, and it is one."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    with server.database("pattern_empty") as url, ThreadPoolExecutor(4) as nodes:
        databases = [open_database(url) for _ in range(4)]
        for done in [nodes.submit(schema.upgrade, database) for database in databases]:
            done.result(timeout=60)
        with databases[0].reading() as connection:
            assert connection.exec_driver_sql("SELECT COUNT(*) FROM ledger").scalar() == 1
        for database in databases:
            database.close()


@pytest.mark.parametrize("table", FACTS)
def test_facts_of_the_embedded_database_refuse_change(
    both: tuple[Database, Database], table: str
) -> None:
    """Nothing posted is ever changed or deleted, not even by a mistaken hand."""
    database = both[0]
    with database.writing() as connection:
        _insert_anything(connection, table)
    for statement in (f"UPDATE {table} SET account = 'B'", f"DELETE FROM {table}"):
        with database.engine.connect() as connection:
            with pytest.raises(DriverError, match="append-only"):
                connection.exec_driver_sql(statement)
            connection.rollback()
    with database.engine.connect() as connection:
        names = ", ".join(tables_of(database)[table])
        with pytest.raises((IntegrityError, DriverError)):
            connection.exec_driver_sql(
                f"INSERT OR REPLACE INTO {table} ({names}) SELECT {names} FROM {table}"
            )


def test_the_embedded_database_checks_types(both: tuple[Database, Database]) -> None:
    """A text can never slip into an amount."""
    with both[0].engine.connect() as connection, pytest.raises(DriverError, match="cannot store"):
        connection.exec_driver_sql(
            "INSERT INTO product_price VALUES ('A', 'MEAL', '2026-01-01', 'much')"
        )


def _insert_anything(connection: sa.Connection, table: str) -> None:
    chosen = {
        "kind": "student",
        "receivable_account": 1110,
        "content_hash": bytes(16),
        "status": "rejected",
        "outcome": "rejected",
        "verdict": "row",
        "debit_account": 1,
    }
    columns = sa.inspect(connection).get_columns(table)
    values = {
        column["name"]: chosen.get(
            column["name"],
            "x" if "TEXT" in str(column["type"]) else 4 if column["name"] == "records" else 2,
        )
        for column in columns
    }
    if "records" in values:
        values |= {"applied": 1, "duplicate": 1, "conflict": 1, "rejected": 1}
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)
