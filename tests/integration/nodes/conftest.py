"""Several nodes on one PostgreSQL, and a real PgBouncer between them and it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from tests.integration.database.conftest import Server
from tests.integration.intake.conftest import log, station
from tests.integration.ledger.conftest import both, database, make_database, server, sqlite_pattern

__all__ = ["both", "database", "log", "make_database", "server", "sqlite_pattern", "station"]

PATIENCE_SECONDS = 30.0
_ports = itertools.count(32_000 + os.getpid() * 37 % 500)

MakePooler = Callable[..., str]


@pytest.fixture
def make_pooler(server: Server | None) -> Iterator[MakePooler]:
    """Start a PgBouncer in front of a database; return the URL that leads through it."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    if shutil.which("pgbouncer") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("pgbouncer is not installed")
        pytest.skip("pgbouncer is not installed")
    with ExitStack() as stack:
        yield lambda url, **settings: stack.enter_context(pooler(url, **settings))


@contextlib.contextmanager
def pooler(url: str, *, mode: str, connections: int) -> Iterator[str]:
    """Run a PgBouncer with as many connections to the server, shared as `mode` says."""
    behind = make_url(url)
    folder = Path(tempfile.mkdtemp(prefix="ingestd-pool-"))
    folder.chmod(0o755)
    port = _free_port()
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"[databases]\nbooks = host={behind.query['host']} port={behind.port or 5432}"
        f" dbname={behind.database} user={behind.username}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = {mode}\ndefault_pool_size = {connections}\n"
        "max_client_conn = 200\nquery_wait_timeout = 20\n",
        "ascii",
    )
    # It refuses to serve as root, and has to reach the server's socket.
    user = [f"--user={Path(str(behind.query['host'])).owner()}"] if os.geteuid() == 0 else []
    with (folder / "log").open("wb") as said:
        process = subprocess.Popen(
            ["pgbouncer", *user, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        _wait_until_open(port, process, folder / "log")
        yield f"postgresql://{behind.username}@127.0.0.1:{port}/books"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
        shutil.rmtree(folder)


def _wait_until_open(port: int, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, said.read_text("utf-8")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise AssertionError("the pooler never listened")


def _free_port() -> int:
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the count has no end")
