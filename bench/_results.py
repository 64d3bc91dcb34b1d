"""What a benchmark found: one table for people, and one JSON file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"

Cell = str | int | float


def describe_machine() -> dict[str, Cell]:
    """Return what a reader must know of the machine, and how busy it was with other things."""
    openssh = subprocess.run(["ssh", "-V"], check=False, capture_output=True, text=True)
    return {
        "cpus": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "asyncssh": version("asyncssh"),
        "openssh": openssh.stderr.split(",")[0].strip(),
    }


def interleaved(
    legs: Mapping[str, Callable[[int], float]], *, rounds: int, warm_up: bool = True
) -> dict[str, list[float]]:
    """Run the legs in turn, A B A B, and return the seconds of each, round by round.

    Each leg gets the number of the round. Round 0 warms up and does not count; `warm_up` tells
    whether there is one.
    """
    seconds: dict[str, list[float]] = {name: [] for name in legs}
    for number in range(0 if warm_up else 1, rounds + 1):
        for name, leg in legs.items():
            taken = leg(number)
            if number:
                seconds[name].append(taken)
    return seconds


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how many times faster we are: the median over the pairs of each round."""
    return median(theirs_one / ours_one for ours_one, theirs_one in zip(ours, theirs, strict=True))


def publish(name: str, title: str, rows: Sequence[Mapping[str, Cell]], **facts: object) -> None:
    """Print the rows as a table, and write them with `facts` to `bench/results/NAME.json`."""
    print(f"\n{title}\n")
    print("\n".join(_table(rows)))
    machine = describe_machine()
    print(f"\n{machine['cpus']} CPUs; load average at the end {machine['load']}")
    content = {
        "benchmark": name,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "rows": list(rows),
        **facts,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value that `part` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def _table(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    columns = list(rows[0])
    cells = [columns] + [[_shown(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    lines = [
        " | ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return [f"| {line} |" if set(line) - set("-|") else f"|-{line}-|" for line in lines]


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}" if abs(cell) < 100 else f"{cell:,.0f}"
    return f"{cell:,}" if isinstance(cell, int) else cell
