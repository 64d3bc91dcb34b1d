"""What a running process holds, as Linux tells it: memory, descriptors, threads, CPU time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

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


def own_cpu_seconds() -> float:
    """Return what this process, and the clients that it ran, have used so far."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _kib(text: str) -> int:
    return int(text.split(maxsplit=1)[0])
