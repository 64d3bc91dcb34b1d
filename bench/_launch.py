"""Starting what is measured: processes, ports, keys, folders, and waiting for each."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import asyncssh

PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.02


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Lend a folder that is gone afterwards; all servers of one run share its file system."""
    with tempfile.TemporaryDirectory(prefix="ingestd-bench-") as folder:
        yield Path(folder)


def make_key(path: Path) -> tuple[Path, str]:
    """Write a new private key; return where, and the line of its public half."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment="bench")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    return path, key.export_public_key().decode().strip()


def wait_until(look: Callable[[], object], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return as soon as `look` finds something. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def running(
    command: Sequence[str], log: Path, *, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; what it says goes into `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


_ports = itertools.count(12_000 + os.getpid() * 103 % 18_000)


def free_port() -> int:
    """Return a port below those that the system gives to clients: nobody takes it meanwhile."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the count has no end")


def listens(port: int) -> bool:
    """Tell whether a server accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
