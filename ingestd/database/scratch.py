"""Scratch: rows for temporary tables, kept outside the database until a transaction wants them.

What is judged before a transaction begins holds no lock and no connection meanwhile. A few rows
stay in memory; those of a large file go to files of their own, which another process may write:
an SQLite file, which becomes a part of the transaction's database, or rows as PostgreSQL's COPY
takes them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from sqlalchemy.engine import Connection

from ingestd.database.bulk import (
    ANALYSED_ROWS_MIN,
    Temporary,
    analyse,
    append_from,
    binary_copy,
    create_statements,
    create_temporary,
    driver_of,
    drop_temporary,
    stage,
    stage_rows,
)
from ingestd.database.copying import Columns, packed_order

_SQLITE_NAME = "rows.db"
_BLOCK_BYTES = 1 << 20


class Scratch(Protocol):
    """Takes rows, table by table; without a folder where there are few of them."""

    @property
    def folder(self) -> Path | None:
        """Where what belongs to the rows may be left, too."""
        ...

    def append(self, table: Temporary, columns: Columns) -> None:
        """Keep rows of a table, given column by column."""
        ...


class HeldRows:
    """Rows that are kept in memory."""

    folder = None

    def __init__(self) -> None:
        self.rows: dict[str, list[Columns]] = {}

    def append(self, table: Temporary, columns: Columns) -> None:
        """Keep rows of a table."""
        if columns and len(columns[0]):
            self.rows.setdefault(table.name, []).append(columns)


class SqliteFile:
    """Rows in the tables of an SQLite file, which is lost with the process that writes it."""

    def __init__(self, folder: Path, tables: Sequence[Temporary]) -> None:
        self.folder = folder
        self._driver = sqlite3.connect(folder / _SQLITE_NAME, isolation_level=None)
        # Nobody ever sees what is half written.
        for pragma in ("page_size=8192", "journal_mode=OFF", "synchronous=OFF"):
            self._driver.execute(f"PRAGMA {pragma}")
        self._driver.execute("BEGIN")
        for statement in create_statements(tables, is_sqlite=True, temporary=False):
            self._driver.execute(statement)

    def append(self, table: Temporary, columns: Columns) -> None:
        """Keep rows of a table."""
        if columns and len(columns[0]):
            stage_rows(self._driver, table, zip(*columns, strict=True))

    def close(self) -> None:
        """Say that all rows are there."""
        self._driver.execute("COMMIT")
        self._driver.close()


class CopyFiles:
    """Rows as COPY takes them, a file for each table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, BinaryIO] = {}

    def append(self, table: Temporary, columns: Columns) -> None:
        """Keep rows of a table."""
        # Loaded only now: a daemon at rest does without arrays.
        from ingestd.database.packing import pack_rows  # noqa: PLC0415

        packed = pack_rows(table.columns, columns)
        if packed:
            if table.name not in self._files:
                self._files[table.name] = (self.folder / table.name).open("xb")
            self._files[table.name].write(packed)

    def close(self) -> None:
        """Say that all rows are there."""
        for file in self._files.values():
            file.close()


def open_scratch(
    folder: Path, tables: Sequence[Temporary], *, is_sqlite: bool
) -> SqliteFile | CopyFiles:
    """Make the files of one writer in an empty folder of its own."""
    return SqliteFile(folder, tables) if is_sqlite else CopyFiles(folder)


@contextmanager
def attached(
    connection: Connection, tables: Sequence[Temporary], folders: Sequence[Path]
) -> Iterator[None]:
    """Lend a connection that is in no transaction the tables that were written to folders.

    Inside, a transaction calls `bring` once. On SQLite the first folder's tables are the stage's
    own, so that nothing of them is copied.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = driver_of(connection)
    with ExitStack() as stack:
        for number, folder in enumerate(folders):
            driver.execute(f"ATTACH DATABASE ? AS scratch_{number}", (str(folder / _SQLITE_NAME),))
            stack.callback(_detach, connection, number)
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16384"):
                driver.execute(f"PRAGMA scratch_{number}.{pragma}")
        try:
            yield
        finally:
            if not folders and not connection.closed and not connection.invalidated:
                with connection.begin():
                    drop_temporary(connection, *tables)


def bring(
    connection: Connection,
    tables: Sequence[Temporary],
    folders: Sequence[Path],
    held: HeldRows,
) -> None:
    """Make a stage's tables in this transaction, and fill them; the transaction's end takes them.

    The rows of several folders, and those that are held in memory, follow one another.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    if not is_sqlite or not folders:
        create_temporary(connection, *tables, is_first=True)
    large: dict[str, Temporary] = {}
    for table in tables:
        if is_sqlite:
            for number in range(1, len(folders)):
                append_from(connection, f"scratch_{number}", table)
        else:
            files = [folder / table.name for folder in folders if (folder / table.name).exists()]
            if files:
                _copy_files(connection, table, files)
                large[table.name] = table
        for columns_held in held.rows.get(table.name, ()):
            stage(connection, table, zip(*columns_held, strict=True))
            if len(columns_held[0]) >= ANALYSED_ROWS_MIN:
                large[table.name] = table
    if large:
        analyse(connection, *large.values())


def _copy_files(connection: Connection, table: Temporary, files: Sequence[Path]) -> None:
    with binary_copy(connection, table.name, packed_order(table.columns)) as copy:
        for path in files:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    copy.write(block)


def _detach(connection: Connection, number: int) -> None:
    if connection.closed or connection.invalidated:
        return
    driver = driver_of(connection)
    try:
        if driver.in_transaction:
            driver.rollback()
        driver.execute(f"DETACH DATABASE scratch_{number}")
    except sqlite3.Error:
        connection.invalidate()  # its next user shall not meet this file
