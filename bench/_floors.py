"""The floors of charge files: what each database's own loader takes, and a PostgreSQL server."""

from __future__ import annotations

import os
import subprocess
import time
from itertools import count
from pathlib import Path

import psycopg

from bench._charge_files import COLUMNS

_TABLE = (
    "CREATE TABLE charge_file (account_type text, charge_tracking_id text PRIMARY KEY,"
    " student_id text, billing_code text, note text, amount text, transaction_occurred_time text)"
)
# Whose keys lie among those of random files, and before those of ascending ones.
_FILL_FLOOR = """
INSERT INTO charge_file
WITH RECURSIVE n (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM n WHERE no < {rows})
SELECT 'LIABILITY', lower(hex(randomblob(18))), 'S000001', 'CODE1', 'note number 1', '1.00',
  '2026-01-01T00:00:00Z' FROM n ORDER BY 2
"""
_numbers = count()


def import_file(target: Path, file: Path) -> float:
    """Load the file with SQLite's own shell, at its defaults, into a new table with a key."""
    target.unlink(missing_ok=True)
    return _shell(target, _TABLE, *_load(file))


def import_more(target: Path, file: Path) -> float:
    """Load the file into the table that is there."""
    return _shell(target, *_load(file))


def _load(file: Path) -> tuple[str, str]:
    return ".mode csv", f".import --skip 1 {file} charge_file"


def _shell(target: Path, *commands: str) -> float:
    """Have SQLite's shell run commands; return the seconds."""
    os.sync()
    started = time.monotonic()
    subprocess.run(["sqlite3", target, *commands], check=True)
    return time.monotonic() - started


def copy_file(url: str, file: Path) -> float:
    """Load the file with COPY into a table with a key, and commit."""
    os.sync()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(_TABLE)
        connection.commit()
        started = time.monotonic()
        statement = f"COPY charge_file ({', '.join(COLUMNS)}) FROM STDIN (FORMAT csv, HEADER)"
        with connection.cursor().copy(statement.encode()) as copy, file.open("rb") as blocks:
            while block := blocks.read(1 << 20):
                copy.write(block)
        connection.commit()
        return time.monotonic() - started


def fill_floor(target: Path, rows: int) -> None:
    """Give SQLite's shell a table of many rows, to load more into."""
    _shell(target, _TABLE, _FILL_FLOOR.format(rows=rows))
