"""The clients that upload: OpenSSH's `sftp` as a process, and asyncssh in this one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping

import asyncssh

from bench._servers import Target


def run_openssh_sftp(
    target: Target, *commands: str, options: Mapping[str, str] | None = None
) -> float:
    """Run a batch of commands in one `sftp` process; return the seconds from start to exit.

    Raises RuntimeError when any of them failed.
    """
    chosen = {
        "Port": target.port,
        "IdentityFile": target.key,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "BatchMode": "yes",
        # Each installation is new, and none is known; both servers are met in the same way.
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "LogLevel": "ERROR",
        **(options or {}),
    }
    flags = [part for name, value in chosen.items() for part in ("-o", f"{name}={value}")]
    started = time.monotonic()
    done = subprocess.run(
        ["sftp", "-F", "none", "-q", *flags, "-b", "-", f"{target.user}@127.0.0.1"],
        check=False,
        input="\n".join(commands) + "\n",
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - started
    if done.returncode:
        raise RuntimeError(f"sftp failed against {target.name}: {done.stderr}")
    return seconds


async def connect(target: Target, **options: object) -> asyncssh.SSHClientConnection:
    """Return an authenticated connection of asyncssh's client."""
    return await asyncssh.connect(
        "127.0.0.1",
        target.port,
        username=target.user,
        client_keys=[str(target.key)],
        known_hosts=None,
        config=None,
        agent_path=None,
        login_timeout=120,
        **options,
    )


async def put(sftp: asyncssh.SFTPClient, path: str, content: bytes) -> None:
    """Upload bytes as one file; afterwards the server has answered the CLOSE with OK."""
    async with sftp.open(path, "wb") as file:
        await file.write(content)
