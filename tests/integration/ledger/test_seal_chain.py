"""Seals: whoever changes a stored cell is found out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.batches import VERSION, Batch
from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.ledger.evidence.seals import SEALED_COLUMNS, hash_batch
from ingestd.values.identifiers import UploadId
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges

ROWS = (
    "WALLET,T1,S1,MEAL,a note,1.00",
    "LIABILITY,T2,S2,MEAL,,2.00",
    "WALLET,T1,S1,MEAL,other,1.00",
    "WALLET,T3,S9,MEAL,,1.00",
)


FIRST_TABLES = ("file_outcome", "row_outcome", "finding", "party", "charge", "posting")
ADDED_IN = {
    ("row_outcome", "payment_no"): 2,
    ("finding", "row_key"): 3,
    ("finding", "party_code"): 3,
}
NUMBERED_BY = {"row_outcome": "row", "finding": "finding_no"}


@dataclass(frozen=True)
class Sealed:
    batch: Batch
    hash: str
    rows: int


def seals(connection: Connection) -> list[Sealed]:
    """Return every batch as it can be found again from the tables alone."""
    found = connection.execute(sa.text("SELECT * FROM seal ORDER BY batch_no")).all()
    return [
        Sealed(
            Batch(
                account=SPRINGFIELD,
                batch_no=row.batch_no,
                previous_hash=row.previous_hash,
                event=row.event,
                sealed_at=row.sealed_at,
                upload_id=UploadId(row.upload_id),
            ),
            row.hash,
            row.rows_sealed,
        )
        for row in found
    ]


def test_every_hash_can_be_computed_again_from_the_tables(books: Books) -> None:
    """An auditor needs nothing but the database to check that nothing was changed."""
    for _ in range(3):
        books.post(*ROWS)
    books.post_bytes(b"")
    with books.database.reading() as connection:
        chain = seals(connection)
        for sealed in chain:
            assert hash_batch(connection, sealed.batch) == (sealed.hash, sealed.rows)
        head = connection.execute(sa.text("SELECT batch_no, hash FROM seal_head")).one()
    assert [sealed.batch.batch_no for sealed in chain] == [1, 2, 3, 4]
    previous = [sealed.batch.previous_hash for sealed in chain]
    assert previous == [GENESIS_HASH, *(sealed.hash for sealed in chain[:-1])]
    assert tuple(head) == (4, chain[-1].hash)


def test_sealed_columns_are_all_the_columns_that_the_tables_have(books: Books) -> None:
    """A column that somebody adds and does not seal could be changed unseen."""
    with books.database.reading() as connection:
        inspector = sa.inspect(connection)
        for table, columns in SEALED_COLUMNS.items():
            assert {column["name"] for column in inspector.get_columns(table)} == set(columns)


NOTES = ('"', "\\", "/", "\t", "\x01\x1f", "\x7f\x85\u2028", "ünï😀", "', null", "")


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_the_hash_is_what_its_description_says(books: Books, version: int) -> None:
    """An auditor who reads only the description gets the same hash, whatever the notes hold."""
    rows = [f"WALLET,N{number},S1,MEAL,NOTE{number},1.00" for number in range(len(NOTES))]
    content = charges(*ROWS, *rows).decode()
    for number, note in enumerate(NOTES):
        content = content.replace(f"NOTE{number},", '"' + note.replace('"', '""') + '",')
    books.post_bytes(content.encode())
    with books.database.reading() as connection:
        batch = replace(seals(connection)[0].batch, version=version)
        tables = list(SEALED_COLUMNS) if version > 1 else FIRST_TABLES
        assert hash_batch(connection, batch)[0] == hash_by_hand(connection, batch, tables)


def hash_by_hand(connection: Connection, batch: Batch, tables: Sequence[str]) -> str:
    """Compute the hash of a ledger's only batch as `hash_batch` describes it, in plain Python."""
    heading = [batch.previous_hash, batch.batch_no, batch.event, batch.upload_id, batch.sealed_at]
    lines: list[object] = [heading]
    for table in tables:
        columns = [
            column
            for column in SEALED_COLUMNS[table]
            if batch.version >= ADDED_IN.get((table, column), 1)
        ]
        found = connection.execute(sa.text(f"SELECT {', '.join(columns)} FROM {table}")).all()
        number = columns.index(NUMBERED_BY.get(table, columns[1]))
        lines += [table, [list(row) for row in sorted(found, key=lambda row: int(row[number]))]]
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("table", SEALED_COLUMNS)
def test_a_flipped_cell_changes_the_hash(books: Books, table: str) -> None:
    """Whoever edits a row behind our back, whichever column it is, is found out."""
    books.post(*ROWS)
    with books.database.connection() as connection:
        batch = seals(connection)[0].batch
        connection.rollback()
        for column in SEALED_COLUMNS[table]:
            with connection.begin() as transaction:
                _drop_guards(connection)
                kinds = _kinds(connection, table)
                _fill(connection, table, kinds)
                sealed = hash_batch(connection, batch)[0]
                _flip(connection, table, column, is_text=kinds[column])
                assert hash_batch(connection, batch)[0] != sealed, column
                transaction.rollback()


def test_a_removed_row_changes_the_hash(books: Books) -> None:
    """A charge, a finding or a verdict cannot vanish unseen either."""
    books.post(*ROWS)
    with books.database.connection() as connection:
        batch = seals(connection)[0].batch
        connection.rollback()
        for table in SEALED_COLUMNS:
            with connection.begin() as transaction:
                _drop_guards(connection)
                _fill(connection, table, _kinds(connection, table))
                sealed = hash_batch(connection, batch)[0]
                connection.exec_driver_sql(f"DELETE FROM {table}")
                assert hash_batch(connection, batch)[0] != sealed, table
                transaction.rollback()


def _kinds(connection: Connection, table: str) -> dict[str, bool]:
    """Return for each column whether it holds text."""
    columns = sa.inspect(connection).get_columns(table)
    return {column["name"]: "TEXT" in str(column["type"]).upper() for column in columns}


def _fill(connection: Connection, table: str, kinds: dict[str, bool]) -> None:
    """Give a table that the batch has no row of one that belongs to it."""
    if connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() is not None:
        return
    values = {column: "x" if is_text else 1 for column, is_text in kinds.items()}
    values["account"] = SPRINGFIELD
    names = ", ".join(values)
    marks = ", ".join(f":{column}" for column in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def _drop_guards(connection: Connection) -> None:
    """Take away what keeps a row from being changed: somebody with the file can do so."""
    if connection.dialect.name == "sqlite":
        triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='trigger'")
        for (name,) in triggers.all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        return
    checks = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'c'"
        " AND connamespace = 'public'::regnamespace"
    )
    for table, name in checks.all():
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def _flip(connection: Connection, table: str, column: str, *, is_text: bool) -> None:
    change = f"COALESCE({column}, '') || 'x'" if is_text else f"COALESCE({column}, 0) + 1000"
    changed = connection.exec_driver_sql(f"UPDATE {table} SET {column} = {change}")
    assert changed.rowcount > 0
