"""asyncssh's own SFTP server, as little as it takes: the floor under a server written with it."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncssh

from bench._launch import free_port, listens, make_key, running, wait_until
from bench._servers import Target


@contextlib.contextmanager
def running_bare_asyncssh(folder: Path) -> Iterator[Target]:
    """Run it until the block ends: no allowlist, no limits, no log, no hash, no fsync."""
    uploads = folder / "uploads"
    uploads.mkdir(parents=True)
    host_key, _ = make_key(folder / "host_key")
    key, public = make_key(folder / "key")
    authorized_keys = folder / "authorized_keys"
    authorized_keys.write_text(public + "\n", encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", __name__, str(port), str(host_key), str(authorized_keys)]
    with running(command, folder / "asyncssh.log", environment=dict(os.environ)) as process:
        wait_until(lambda: listens(port), "asyncssh's start")
        yield Target(
            name="asyncssh, bare",
            pid=process.pid,
            port=port,
            user=getpass.getuser(),
            key=key,
            folder=str(uploads),
            on_disk=uploads,
        )


async def _serve(port: int, host_key: str, authorized_keys: str) -> None:
    await asyncssh.listen(
        "127.0.0.1",
        port,
        config=None,
        server_host_keys=[host_key],
        authorized_client_keys=authorized_keys,
        sftp_factory=True,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
