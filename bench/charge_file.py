"""A charge file from claimed to receipted, against the database's own loader of the same file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from bench._charge_files import COLUMNS, fill_ledger, write_charge_file
from bench._journey import open_ledger
from bench._launch import scratch_folder
from bench._postgresql import fresh_databases
from bench._results import Cell, interleaved, publish

# Smaller for a quick look: INGESTD_BENCH_ROWS=100000 takes a minute.
ROWS = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
LARGE_ROWS = 5 * ROWS
SMALL_ROWS = ROWS // 10
LEDGER_CHARGES = 10 * ROWS

_TABLE = (
    "CREATE TABLE charge_file (account_type text, charge_tracking_id text PRIMARY KEY,"
    " student_id text, billing_code text, note text, amount text, transaction_occurred_time text)"
)


def run() -> None:
    """Measure both databases, memory, and a small file over a large ledger."""
    with scratch_folder() as folder:
        file = write_charge_file(folder / "charges.csv", ROWS, seed=1)
        legs: dict[str, Callable[[int], float]] = {
            "sqlite .import": lambda _: _import(folder, file),
            "sqlite first": lambda _: _first(folder / "sqlite", _sqlite(folder / "sqlite"), file),
            "sqlite again": lambda _: _take(folder / "sqlite", _sqlite(folder / "sqlite"), file),
        }
        with fresh_databases(folder) as fresh:
            if fresh is not None:
                legs |= _legs_of_postgresql(folder, fresh, file)
            seconds = interleaved(legs, rounds=ROUNDS)
        rows = _compared(seconds)
        rows += _memory(folder, file)
        rows += _over_a_large_ledger(folder)
    publish(
        "charge_file",
        f"{ROWS:,} rows, from claimed to posted, sealed and receipted; median of {ROUNDS}",
        rows,
        seconds=seconds,
    )


def _compared(seconds: dict[str, list[float]]) -> list[dict[str, Cell]]:
    pairs = [
        ("sqlite first", "sqlite .import", 1.25),
        ("sqlite again", "sqlite first", 0.6),
        ("postgresql first", "postgresql COPY", 1.5),
        ("postgresql again", "postgresql first", 0.6),
    ]
    return [
        _row(ours, seconds[ours], theirs, seconds[theirs], goal)
        for ours, theirs, goal in pairs
        if ours in seconds
    ]


def _row(
    what: str, ours: list[float], than: str, theirs: list[float], goal: float
) -> dict[str, Cell]:
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {
        "what": what,
        "value": median(ours),
        "unit": "s",
        "against": than,
        "its value": median(theirs),
        "ratio": median(ratios),
        "goal": goal,
    }


def _legs_of_postgresql(
    folder: Path, fresh: Callable[[], str], file: Path
) -> dict[str, Callable[[int], float]]:
    urls: list[str] = []

    def first(_: int) -> float:
        urls.append(fresh())
        return _first(folder / "postgresql", urls[-1], file)

    return {
        "postgresql COPY": lambda _: _copy(fresh(), file),
        "postgresql first": first,
        "postgresql again": lambda _: _take(folder / "postgresql", urls[-1], file),
    }


def _memory(folder: Path, file: Path) -> list[dict[str, Cell]]:
    """Measure the peak of both processes together, for the file and for one five times as large."""
    large = write_charge_file(folder / "large.csv", LARGE_ROWS, seed=2)
    rows: list[dict[str, Cell]] = []
    peaks: list[float] = []
    for source, number in ((file, ROWS), (large, LARGE_ROWS)):
        shutil.rmtree(folder / "memory", ignore_errors=True)
        taken = _journey(folder / "memory", _sqlite(folder / "memory"), source)
        peaks.append(taken["peak_mib"])
        rows.append(
            {
                "what": f"peak memory, {number:,} rows",
                "value": peaks[-1],
                "unit": "MiB",
                "against": f"{ROWS:,} rows",
                "its value": peaks[0],
                "ratio": peaks[-1] / peaks[0],
                "goal": 400,
            }
        )
    large.unlink()
    shutil.rmtree(folder / "memory")
    return rows


def _over_a_large_ledger(folder: Path) -> list[dict[str, Cell]]:
    """Measure a small file into an empty ledger, and into one that holds many charges."""
    empty, filled = folder / "empty", folder / "filled"
    database, _ = open_ledger(filled, _sqlite(filled))
    fill_ledger(database, LEDGER_CHARGES)
    database.close()
    files = [
        write_charge_file(folder / f"small_{number}.csv", SMALL_ROWS, seed=10 + number)
        for number in range(ROUNDS + 1)
    ]
    seconds = interleaved(
        {
            "empty": lambda number: _first(empty, _sqlite(empty), files[number]),
            "filled": lambda number: _take(filled, _sqlite(filled), files[number]),
        },
        rounds=ROUNDS,
    )
    what = f"{SMALL_ROWS:,} rows over {LEDGER_CHARGES:,}"
    return [_row(what, seconds["filled"], "empty ledger", seconds["empty"], 1.3)]


def _first(folder: Path, url: str, file: Path) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    return _take(folder, url, file)


def _take(folder: Path, url: str, file: Path) -> float:
    return float(_journey(folder, url, file)["seconds"])


def _journey(folder: Path, url: str, file: Path) -> dict[str, Any]:
    os.sync()
    done = subprocess.run(
        [sys.executable, "-m", "bench._journey", folder, url, file],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    taken: dict[str, Any] = json.loads(done.stdout)
    return taken


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"


def _import(folder: Path, file: Path) -> float:
    """Load the file with SQLite's own shell, at its defaults, into a table with a key."""
    target = folder / "import.db"
    target.unlink(missing_ok=True)
    os.sync()
    started = time.monotonic()
    subprocess.run(
        ["sqlite3", target, _TABLE, ".mode csv", f".import --skip 1 {file} charge_file"], check=True
    )
    return time.monotonic() - started


def _copy(url: str, file: Path) -> float:
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
