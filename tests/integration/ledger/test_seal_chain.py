"""Seals: whoever changes a stored cell is found out."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.ledger.evidence.chunks import Chunk, read_chunks
from ingestd.ledger.evidence.layouts import SEALED_COLUMNS, SEALED_TABLES
from ingestd.ledger.evidence.seals import heading_of
from ingestd.ledger.proof.digest import CHUNK_ROWS, ColumnKind
from ingestd.ledger.proof.seal_hash import hash_seal
from ingestd.values.identifiers import UploadId
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges

ROWS = (
    "WALLET,T1,S1,MEAL,a note,1.00",
    "LIABILITY,T2,S2,MEAL,,2.00",
    "WALLET,T1,S1,MEAL,other,1.00",
    "WALLET,T3,S9,MEAL,,1.00",
)


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


def of_files(connection: Connection) -> list[Sealed]:
    """Return the batches of files: before them are those of the catalog's imports."""
    return [sealed for sealed in seals(connection) if sealed.batch.event != "catalog"]


def chunks_of(connection: Connection, batch: Batch) -> list[Chunk]:
    """Return what a batch's stored rows come to."""
    return [
        chunk for table in SEALED_TABLES for chunk in read_chunks(connection, batch, table, rows=1)
    ]


def test_every_hash_can_be_computed_again_from_the_tables(books: Books) -> None:
    """An auditor needs nothing but the database to check that nothing was changed."""
    for _ in range(3):
        books.post(*ROWS)
    books.post_bytes(b"")
    with books.database.reading() as connection:
        chain = seals(connection)
        for sealed in chain:
            chunks = chunks_of(connection, sealed.batch)
            seal_hash = hash_seal(heading_of(sealed.batch), (chunk.sealed for chunk in chunks))
            assert (seal_hash, sum(chunk.rows for chunk in chunks)) == (sealed.hash, sealed.rows)
        head = connection.execute(sa.text("SELECT batch_no, hash FROM seal_head")).one()
        assert len(of_files(connection)) == 4
    assert [sealed.batch.batch_no for sealed in chain] == list(range(1, len(chain) + 1))
    previous = [sealed.batch.previous_hash for sealed in chain]
    assert previous == [GENESIS_HASH, *(sealed.hash for sealed in chain[:-1])]
    assert tuple(head) == (len(chain), chain[-1].hash)


def test_rows_beyond_a_chunk_are_in_the_next_one(books: Books) -> None:
    """A change in a file of a million rows is found in eight thousand of them."""
    rows = [f"WALLET,T{number},S1,MEAL,,1.00" for number in range(2 * CHUNK_ROWS + 1)]
    books.post(*rows)
    with books.database.reading() as connection:
        [sealed] = of_files(connection)
        found = list(read_chunks(connection, sealed.batch, "charge", rows=len(rows)))
        stored = connection.execute(
            sa.text(
                "SELECT first_row, row_count, digest FROM chunk WHERE table_name = 'charge'"
                " ORDER BY first_row"
            )
        ).all()
    assert [(chunk.first_row, chunk.rows, chunk.digest) for chunk in found] == [
        tuple(row) for row in stored
    ]
    assert [tuple(row)[:2] for row in stored] == [
        (1, CHUNK_ROWS),
        (CHUNK_ROWS + 1, CHUNK_ROWS),
        (2 * CHUNK_ROWS + 1, 1),
    ]


def test_sealed_columns_are_all_the_columns_that_the_tables_have(books: Books) -> None:
    """A column that somebody adds and does not seal could be changed unseen."""
    with books.database.reading() as connection:
        inspector = sa.inspect(connection)
        for table, sealed in SEALED_TABLES.items():
            stored = {column["name"] for column in inspector.get_columns(table)}
            layout = sealed.layouts[-1]
            assert stored == layout.keys()
            for column, kind in layout.items():
                assert kind == _kinds(connection, table)[column], (table, column)
            assert set(sealed.order) <= layout.keys()


NOTES = ('"', "\\", "/", "\t", "\x01\x1f", "\x7f\x85\u2028", "ünï😀", "', null", "")


def test_the_hash_is_what_its_description_says(books: Books) -> None:
    """An auditor who reads only the description gets the same hash, whatever the notes hold."""
    rows = [f"WALLET,N{number},S1,MEAL,NOTE{number},1.00" for number in range(len(NOTES))]
    content = charges(*ROWS, *rows).decode()
    for number, note in enumerate(NOTES):
        content = content.replace(f"NOTE{number},", '"' + note.replace('"', '""') + '",')
    books.post_bytes(content.encode())
    with books.database.reading() as connection:
        [sealed] = of_files(connection)
        assert hash_by_hand(connection, sealed.batch) == sealed.hash


def hash_by_hand(connection: Connection, batch: Batch) -> str:
    """Compute the hash of a ledger's only, small batch of a file as its description says."""
    heading = ["ingestd-seal/v3", batch.previous_hash, batch.batch_no, batch.event]
    lines: list[list[object]] = [[*heading, batch.upload_id, batch.sealed_at]]
    for table, sealed in SEALED_TABLES.items():
        layout = sealed.layouts[-1]
        found = connection.execute(
            sa.text(
                f"SELECT {', '.join(layout)} FROM {table}"
                f" {f'WHERE batch_no = {batch.batch_no}' if 'batch_no' in layout else ''}"
                f" ORDER BY {', '.join(sealed.order)}"
            )
        ).all()
        if not found:
            continue
        digest = hashlib.sha256(struct.pack("<I", len(sealed.layouts)))
        for place, kind in enumerate(layout.values()):
            column = [row[place] for row in found]
            digest.update(hashlib.sha256(column_by_hand(kind, column)).digest())
        first = found[0][list(layout).index(sealed.order[0])] if sealed.is_numbered else 1
        lines.append([table, first, digest.hexdigest()])
    text = "".join(
        json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines
    )
    return hashlib.sha256(text.encode()).hexdigest()


def column_by_hand(kind: ColumnKind, values: Sequence[object]) -> bytes:
    if kind is ColumnKind.NUMBER:
        bits = sum(1 << place for place, value in enumerate(values) if value is not None)
        numbers = struct.pack(f"<{len(values)}q", *(value or 0 for value in values))
        return bits.to_bytes((len(values) + 7) // 8, "little") + numbers
    texts = [
        value if value is None or isinstance(value, bytes) else str(value).encode()
        for value in values
    ]
    return b"".join(
        b"\0" if text is None else b"\1" + struct.pack("<I", len(text)) + text for text in texts
    )


@pytest.mark.parametrize("table", SEALED_COLUMNS)
def test_a_flipped_cell_changes_the_hash(books: Books, table: str) -> None:
    """Whoever edits a row behind our back, whichever column it is, is found out."""
    books.post(*ROWS)
    with books.database.connection() as connection:
        batch = of_files(connection)[0].batch
        connection.rollback()
        for column in SEALED_COLUMNS[table]:
            with connection.begin() as transaction:
                _drop_guards(connection)
                kinds = _kinds(connection, table)
                _fill(connection, table, kinds, batch)
                sealed = chunks_of(connection, batch)
                _flip(connection, table, column, kinds[column])
                assert chunks_of(connection, batch) != sealed, column
                transaction.rollback()


def test_a_removed_row_changes_the_hash(books: Books) -> None:
    """A charge, a finding or a verdict cannot vanish unseen either."""
    books.post(*ROWS)
    with books.database.connection() as connection:
        batch = of_files(connection)[0].batch
        connection.rollback()
        for table in SEALED_COLUMNS:
            with connection.begin() as transaction:
                _drop_guards(connection)
                _fill(connection, table, _kinds(connection, table), batch)
                sealed = chunks_of(connection, batch)
                connection.exec_driver_sql(f"DELETE FROM {table}")
                assert chunks_of(connection, batch) != sealed, table
                transaction.rollback()


def _kinds(connection: Connection, table: str) -> dict[str, str]:
    """Return for each column whether it holds text, octets or a number."""
    kinds = {"TEXT": "text", "BLOB": "octets", "BYTEA": "octets"}
    columns = sa.inspect(connection).get_columns(table)
    return {
        column["name"]: next(
            (kind for name, kind in kinds.items() if name in str(column["type"]).upper()), "number"
        )
        for column in columns
    }


def _changed(connection: Connection, column: str, kind: str) -> str:
    """Return SQL for another value of a column than the one that it has."""
    if kind == "octets" and connection.dialect.name == "sqlite":
        return f"CAST(COALESCE({column}, x'') || x'00' AS BLOB)"
    return {
        "text": f"COALESCE({column}, '') || 'x'",
        "octets": f"COALESCE({column}, ''::bytea) || '\\x00'::bytea",
        "number": f"COALESCE({column}, 0) + 1000",
    }[kind]


def _fill(connection: Connection, table: str, kinds: dict[str, str], batch: Batch) -> None:
    """Give a table that the batch has no row of one that belongs to it."""
    of_batch = f"WHERE batch_no = {batch.batch_no}" if "batch_no" in kinds else ""
    found = connection.exec_driver_sql(f"SELECT 1 FROM {table} {of_batch} LIMIT 1").first()
    if found is not None:
        return
    anything: dict[str, object] = {"text": "x", "octets": b"x", "number": 1}
    values = {column: anything[kind] for column, kind in kinds.items()}
    values["account"] = SPRINGFIELD
    if "batch_no" in values:
        values["batch_no"] = batch.batch_no
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


def _flip(connection: Connection, table: str, column: str, kind: str) -> None:
    change = _changed(connection, column, kind)
    changed = connection.exec_driver_sql(f"UPDATE {table} SET {column} = {change}")
    assert changed.rowcount > 0
