"""Many small files: how many a second, and a crowd of schools against one file of as many rows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from bench._launch import scratch_folder
from bench._postgresql import fresh_databases
from bench._results import Cell, interleaved, publish

# Smaller for a quick look: INGESTD_BENCH_ROWS=50000 takes a minute or two.
ROWS = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
ACCOUNTS, SMALL_ROWS = 50, 20
FILES = max(2, ROWS // 100_000)  # of each account
WORKERS = (1, 2, 4)
SCHOOLS = 200
CROWD_WORKERS = 2  # the daemon's default
CROWD_GOAL = 2.0

MakeUrl = Callable[[Path], str]


def run() -> None:
    """Measure both databases, each leg into a ledger of its own and in a process of its own."""
    with scratch_folder() as folder, ExitStack() as stack:
        kinds: dict[str, MakeUrl] = {"sqlite": lambda home: f"sqlite:///{home / 'ledger.db'}"}
        fresh = stack.enter_context(fresh_databases(folder))
        if fresh is not None:
            kinds["postgresql"] = lambda _: fresh()
        legs: dict[str, Callable[[int], float]] = {}
        for kind, make_url in kinds.items():
            for workers in WORKERS:
                sizes = (ACCOUNTS, FILES, SMALL_ROWS)
                legs[_small(kind, workers)] = partial(
                    take_crowd_apart, folder, make_url, sizes, workers
                )
            crowd = (SCHOOLS, 1, ROWS // SCHOOLS)
            legs[f"{kind} crowd"] = partial(
                take_crowd_apart, folder, make_url, crowd, CROWD_WORKERS
            )
            legs[f"{kind} one file"] = partial(
                take_crowd_apart, folder, make_url, (1, 1, ROWS), CROWD_WORKERS
            )
        seconds = interleaved(legs, rounds=ROUNDS)
    publish(
        "small_files",
        f"{ACCOUNTS} accounts send {FILES} files of {SMALL_ROWS} rows each, and {SCHOOLS} schools "
        f"one of {ROWS // SCHOOLS:,}; from claimed to receipted, median of {ROUNDS}",
        [row for kind in kinds for row in _rows_of(kind, seconds)],
        seconds=seconds,
    )


def _small(kind: str, workers: int) -> str:
    return f"{kind} {workers} worker{'' if workers == 1 else 's'}"


def _rows_of(kind: str, seconds: dict[str, list[float]]) -> list[dict[str, Cell]]:
    """Return a kind's lines: files a second beside those of one worker, the crowd beside a file."""
    alone = seconds[_small(kind, 1)]
    rows = [
        _row(
            _small(kind, workers),
            [ACCOUNTS * FILES / taken for taken in seconds[_small(kind, workers)]],
            "files/s",
            "1 worker",
            [ACCOUNTS * FILES / taken for taken in alone],
        )
        for workers in WORKERS
    ]
    crowd, one = seconds[f"{kind} crowd"], seconds[f"{kind} one file"]
    what = f"{kind} {SCHOOLS} × {ROWS // SCHOOLS:,} rows"
    return [*rows, _row(what, crowd, "s", f"1 × {ROWS:,} rows", one, goal=CROWD_GOAL)]


def _row(
    what: str, ours: list[float], unit: str, than: str, theirs: list[float], goal: Cell = ""
) -> dict[str, Cell]:
    return {
        "what": what,
        "value": median(ours),
        "unit": unit,
        "against": than,
        "its value": median(theirs),
        "ratio": median(mine / other for mine, other in zip(ours, theirs, strict=True)),
        "goal": goal,
    }


def take_crowd_apart(
    folder: Path, make_url: MakeUrl, sizes: tuple[int, int, int], workers: int, _round: int
) -> float:
    """Let workers take a crowd of files into a fresh ledger; return the seconds."""
    home = folder / "crowd"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    numbers = [str(number) for number in (*sizes, workers)]
    with (home / "log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-m", "bench._intake", home, make_url(home), *numbers],
            check=True,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    return float(json.loads(done.stdout)["seconds"])
