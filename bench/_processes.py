"""What a running process holds, as Linux tells it: memory, descriptors, threads, CPU time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.02
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one process held at one moment. Memory in KiB.

    `cpu_seconds` are since its start, with those of its children that ended.
    """

    rss_kib: int
    rss_peak_kib: int
    descriptors: int
    threads: int
    cpu_seconds: float


def look_at(pid: int) -> Holding:
    """Return what a process holds now. Raises FileNotFoundError when it is gone."""
    process = Path("/proc") / str(pid)
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text(encoding="utf-8").splitlines()
    )
    # After the name, which is in parentheses and may hold anything: fields 3 and on.
    fields = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return Holding(
        rss_kib=_kib(status["VmRSS"]),
        rss_peak_kib=_kib(status["VmHWM"]),
        descriptors=len(os.listdir(process / "fd")),
        threads=int(status["Threads"]),
        cpu_seconds=sum(map(int, fields[11:15])) / _TICKS_PER_SECOND,
    )


def tree_mib(pid: int) -> float:
    """Return what a process and all that it started hold now, in MiB.

    Memory that several of them share counts once: each has its part of it.
    """
    return sum(map(_own_kib, _tree(pid))) / 1024


def peak_mib_until_end(process: subprocess.Popen[str]) -> float:
    """Wait until a process ends; return the most that it and all that it started held at once."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, tree_mib(process.pid))
        time.sleep(_SAMPLE_SECONDS)
    return peak


def own_cpu_seconds() -> float:
    """Return what this process, and the clients that it ran, have used so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _kib(text: str) -> int:
    return int(text.split(maxsplit=1)[0])


def _tree(pid: int) -> Iterator[int]:
    """Yield a process and its descendants, as far as they still are there."""
    yield pid
    try:
        threads = list((Path("/proc") / str(pid) / "task").iterdir())
        children = [
            child
            for thread in threads
            for child in (thread / "children").read_text(encoding="ascii").split()
        ]
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _own_kib(pid: int) -> int:
    try:
        rollup = (Path("/proc") / str(pid) / "smaps_rollup").read_text(encoding="ascii")
    except OSError:  # it has ended
        return 0
    return next((_kib(line[4:]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
