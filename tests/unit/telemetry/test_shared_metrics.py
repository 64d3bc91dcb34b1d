"""What several ledgers say of themselves is one gauge."""

from __future__ import annotations

import re

from ingestd.telemetry.metrics import Metrics


def shown(metrics: Metrics, name: str) -> float:
    [value] = re.findall(rf"^ingestd_{name} (\S+)$", metrics.render().decode(), re.MULTILINE)
    return float(value)


def test_files_are_added_up_and_of_troubles_the_worst_counts() -> None:
    metrics = Metrics()
    north, south = metrics.shared_by(2)
    for part, value in ((north, 2), (south, 3)):
        part.files_waiting.set(value)
        part.clock_behind_seconds.set(value)
        part.nodes_live.set(value)
    south.disk_full.set(1)
    south.sessions_open.inc()
    said = {
        name: shown(metrics, name)
        for name in ("files_waiting", "clock_behind_seconds", "nodes_live", "disk_full")
    }
    assert said == {
        "files_waiting": 5,
        "clock_behind_seconds": 3,
        "nodes_live": 3,
        "disk_full": 1,
    }
    assert shown(metrics, "sessions_open") == 1
    north.files_waiting.set(0)
    assert shown(metrics, "files_waiting") == 3


def test_one_ledger_has_the_gauges_to_itself() -> None:
    metrics = Metrics()
    assert metrics.shared_by(1) == (metrics,)
