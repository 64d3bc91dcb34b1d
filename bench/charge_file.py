"""A charge file from claimed to receipted, against the database's own loader of the same file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench._charge_files import fill_ledger, write_charge_file, write_grown_file
from bench._floors import copy_file, fill_floor, import_file, import_more
from bench._journey import open_ledger
from bench._launch import scratch_folder
from bench._postgresql import fresh_databases
from bench._processes import peak_mib_until_end
from bench._results import Cell, interleaved, publish

# Smaller for a quick look: INGESTD_BENCH_ROWS=100000 takes a minute.
ROWS = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
LARGE_ROWS = 5 * ROWS
SMALL_ROWS = ROWS // 10
LEDGER_CHARGES = 10 * ROWS

NEW_ROWS_SHARE = 0.01
MEMORY_GOAL_MIB = 300

_FLOORS = {"sqlite": "sqlite .import", "postgresql": "postgresql COPY"}
_GOALS = {
    "sqlite first": 1.25,
    "sqlite again": 0.9,
    "sqlite 1 % new": 0.9,
    "postgresql first": 1.8,
    "postgresql again": 1.2,
    "postgresql 1 % new": 1.2,
}
_LOCK_GOALS = {"sqlite": 0.8, "postgresql": 1.2}
_Leg = Callable[[int], float]


@dataclass(slots=True)
class _Locks:
    """How long each leg held the account's lock, round by round; the first warms up."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def of(self, name: str, leg: Callable[[], dict[str, Any]]) -> _Leg:
        """Return a leg that takes a file, and keeps how long the lock was held."""

        def timed(number: int) -> float:
            taken = leg()
            if number:
                self.seconds.setdefault(name, []).append(float(taken["locked_seconds"]))
            return float(taken["seconds"])

        return timed


def run() -> None:
    """Measure both databases, memory, and a small file over a large ledger."""
    locks = _Locks()
    with scratch_folder() as folder:
        file = write_charge_file(folder / "charges.csv", ROWS, seed=1)
        grown = write_grown_file(file, folder / "grown.csv", share=NEW_ROWS_SHARE, seed=3)
        legs: dict[str, _Leg] = {
            "sqlite .import": lambda _: import_file(folder / "import.db", file)
        }
        legs |= _legs("sqlite", folder / "sqlite", lambda: _sqlite(folder / "sqlite"), locks)(
            file, grown
        )
        with fresh_databases(folder) as fresh:
            if fresh is not None:
                legs["postgresql COPY"] = lambda _: copy_file(fresh(), file)
                legs |= _legs("postgresql", folder / "postgresql", fresh, locks)(file, grown)
            seconds = interleaved(legs, rounds=ROUNDS)
        rows = _compared(seconds, locks)
        rows += _memory(folder, file)
        rows += _over_a_large_ledger(folder)
    publish(
        "charge_file",
        f"{ROWS:,} rows, from claimed to posted, sealed and receipted; median of {ROUNDS} rounds",
        rows,
        seconds=seconds,
        locked_seconds=locks.seconds,
    )


def _legs(
    kind: str, folder: Path, fresh: Callable[[], str], locks: _Locks
) -> Callable[[Path, Path], dict[str, _Leg]]:
    """Return a maker of the legs of one database: a file, the same again, and with new rows."""
    urls: list[str] = []

    def first(file: Path) -> dict[str, Any]:
        urls.append(fresh())
        return _first(folder, urls[-1], file)

    return lambda file, grown: {
        f"{kind} first": locks.of(f"{kind} first", lambda: first(file)),
        f"{kind} again": locks.of(f"{kind} again", lambda: _journey(folder, urls[-1], file)),
        f"{kind} 1 % new": locks.of(f"{kind} 1 % new", lambda: _journey(folder, urls[-1], grown)),
    }


def _compared(seconds: dict[str, list[float]], locks: _Locks) -> list[dict[str, Cell]]:
    rows = []
    for name, goal in _GOALS.items():
        if name not in seconds:
            continue
        kind = name.partition(" ")[0]
        floor = _FLOORS[kind]
        rows.append(_row(name, seconds[name], floor, seconds[floor], goal))
        locked = locks.seconds[name]
        rows.append(_row(f"{name}: lock held", locked, floor, seconds[floor], _LOCK_GOALS[kind]))
    return rows


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
        "rounds": " ".join(f"{one:.2f}" for one in ours),
    }


def _memory(folder: Path, file: Path) -> list[dict[str, Cell]]:
    """Measure the peak of all processes together, for the file and for one five times as large.

    It is what they hold beyond the process that waits for a file, as an idle daemon does.
    """
    large = write_charge_file(folder / "large.csv", LARGE_ROWS, seed=2)
    rows: list[dict[str, Cell]] = []
    peaks: list[float] = []
    home = folder / "memory"
    for source, number in ((file, ROWS), (large, LARGE_ROWS)):
        shutil.rmtree(home, ignore_errors=True)
        with _started(home, _sqlite(home), source) as process:
            peak = peak_mib_until_end(process)
            peaks.append(peak - float(_taken(process)["idle_mib"]))
        rows.append(
            {
                "what": f"memory, {number:,} rows",
                "value": peaks[-1],
                "unit": "MiB",
                "against": f"{ROWS:,} rows",
                "its value": peaks[0],
                "ratio": peaks[-1] / peaks[0],
                "goal": MEMORY_GOAL_MIB,
                "rounds": "",
            }
        )
    large.unlink()
    shutil.rmtree(home)
    return rows


def _over_a_large_ledger(folder: Path) -> list[dict[str, Cell]]:
    """Measure a small file into a ledger that holds many charges, and by the floor into as many."""
    home, floor = folder / "filled", folder / "filled.db"
    database, _ = open_ledger(home, _sqlite(home))
    fill_ledger(database, LEDGER_CHARGES)
    database.close()
    fill_floor(floor, LEDGER_CHARGES)
    rows = []
    for place, order in enumerate(("ascending", "random")):
        files = [
            write_charge_file(
                folder / f"{order}_{number}.csv",
                SMALL_ROWS,
                seed=10 + place * (ROUNDS + 1) + number,
                ascending=order == "ascending",
            )
            for number in range(ROUNDS + 1)
        ]
        seconds = interleaved(
            {
                "floor": lambda number, files=files: import_more(floor, files[number]),  # type: ignore[misc]
                "filled": lambda number, files=files: _take(home, _sqlite(home), files[number]),  # type: ignore[misc]
            },
            rounds=ROUNDS,
        )
        what = f"{SMALL_ROWS:,} {order} keys over {LEDGER_CHARGES:,}"
        rows.append(_row(what, seconds["filled"], ".import over as many", seconds["floor"], 1.5))
    return rows


def _first(folder: Path, url: str, file: Path) -> dict[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    return _journey(folder, url, file)


def _take(folder: Path, url: str, file: Path) -> float:
    return float(_journey(folder, url, file)["seconds"])


def _journey(folder: Path, url: str, file: Path) -> dict[str, Any]:
    with _started(folder, url, file) as process:
        return _taken(process)


def _started(folder: Path, url: str, file: Path) -> subprocess.Popen[str]:
    """Start a file's journey in a process of its own."""
    os.sync()
    command = [sys.executable, "-m", "bench._journey", str(folder), url, str(file)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _taken(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a journey said at its end."""
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the journey ended with {process.returncode}")
    taken: dict[str, Any] = json.loads(said)
    return taken


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'ledger.db'}"
