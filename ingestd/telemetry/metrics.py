"""Counters and gauges for Prometheus; `docs/operate/metrics.md` says what each is good for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300)


_TOGETHER: dict[str, Callable[[Iterable[float]], float]] = {
    "files_waiting": sum,
    "files_failed": sum,
    "files_stranded": sum,
    "witness_behind": sum,
    "nodes_live": max,
    "clock_behind_seconds": max,
    "disk_full": max,
    "archive_away": max,
}
"""How what several ledgers say of themselves becomes one gauge."""


class _Share:
    """What one of several ledgers says, in place of a gauge."""

    def __init__(self) -> None:
        self.value = 0.0

    def set(self, value: float) -> None:
        self.value = float(value)


def _value_of(shares: Sequence[_Share], together: Callable[[Iterable[float]], float]) -> float:
    return together(share.value for share in shares)


class Metrics:
    """One daemon's metrics, in a registry of their own. Labels never hold names or addresses."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections_refused = Counter(
            "ingestd_connections_refused",
            "Connections closed before or during authentication, by reason.",
            ["reason"],
            registry=self.registry,
        )
        self.auth_failures = Counter(
            "ingestd_auth_failures", "Authentications that failed.", registry=self.registry
        )
        self.sessions_open = Gauge(
            "ingestd_sessions_open", "SFTP sessions open now.", registry=self.registry
        )
        self.uploads = Counter(
            "ingestd_uploads",
            "Uploads that ended, by outcome: received, interrupted, refused, misplaced.",
            ["outcome"],
            registry=self.registry,
        )
        self.upload_bytes = Counter(
            "ingestd_upload_bytes", "Bytes of whole uploads received.", registry=self.registry
        )
        self.files = Counter(
            "ingestd_files",
            "Files that got an outcome, by account and receipt status.",
            ["account", "status"],
            registry=self.registry,
        )
        self.rows = Counter(
            "ingestd_rows",
            "Rows that got a verdict, by account and verdict.",
            ["account", "outcome"],
            registry=self.registry,
        )
        self.file_seconds = Histogram(
            "ingestd_file_seconds",
            "Seconds from claim to committed outcome.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.files_waiting = Gauge(
            "ingestd_files_waiting", "Claimed files without an outcome yet.", registry=self.registry
        )
        self.files_failed = Gauge(
            "ingestd_files_failed",
            "Claimed files that failed too often and wait for an operator.",
            registry=self.registry,
        )
        self.files_stranded = Gauge(
            "ingestd_files_stranded",
            "Uploads without an outcome on nodes that do not serve; PostgreSQL only.",
            registry=self.registry,
        )
        self.nodes_live = Gauge(
            "ingestd_nodes_live",
            "Nodes that serve and were heard of a moment ago; PostgreSQL only.",
            registry=self.registry,
        )
        self.temporary_files = Gauge(
            "ingestd_temporary_files",
            "Files under temporary names, which wait to be renamed, by account.",
            ["account"],
            registry=self.registry,
        )
        self.clock_behind_seconds = Gauge(
            "ingestd_clock_behind_seconds",
            "How far the clock is behind the last batch, while files wait for it; else 0.",
            registry=self.registry,
        )
        self.witness_behind = Gauge(
            "ingestd_witness_behind",
            "Signed checkpoints that the witness has not got yet.",
            registry=self.registry,
        )
        self.worker_failures = Counter(
            "ingestd_worker_failures",
            "Files put back because the world failed.",
            registry=self.registry,
        )
        self.archive_away = Gauge(
            "ingestd_archive_away",
            "1 while the archive that nodes share cannot be reached or refuses, else 0.",
            registry=self.registry,
        )
        self.disk_full = Gauge(
            "ingestd_disk_full",
            "1 while files or receipts wait because a disk is full, else 0.",
            registry=self.registry,
        )
        self.disk_free_bytes = Gauge(
            "ingestd_disk_free_bytes",
            "Bytes free for ingestd on the disk of the data folder.",
            registry=self.registry,
        )
        self.watcher_restarts = Counter(
            "ingestd_watcher_restarts",
            "Times the file watcher was restarted.",
            registry=self.registry,
        )

        self.config_pending = Gauge(
            "ingestd_config_pending",
            "1 for a config file that was saved with a mistake: what was last good is in force.",
            ["file"],
            registry=self.registry,
        )

    def shared_by(self, ledgers: int) -> tuple[Metrics, ...]:
        """Return metrics for each of several ledgers, which count and gauge for all together.

        What each of them says of itself is added up, and of seconds, of what is 0 or 1, and of
        nodes, which may serve several, the highest counts.
        """
        if ledgers == 1:
            return (self,)
        parts = tuple(copy.copy(self) for _ in range(ledgers))
        for name, together in _TOGETHER.items():
            shares = [_Share() for _ in parts]
            whole: Gauge = getattr(self, name)
            whole.set_function(partial(_value_of, shares, together))
            for part, share in zip(parts, shares, strict=True):
                setattr(part, name, share)
        return parts

    def render(self) -> bytes:
        """Return every metric in the Prometheus text format."""
        return generate_latest(self.registry)
