"""The programs that districts upload with, run against a door with no question asked."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Any

import pytest

School = Any  # the fixture of conftest.py, which cannot be imported
Said = tuple[int, str]

ACCOUNT = "SPRINGFIELD"


def need(program: str) -> None:
    """Skip the test where a client is missing; on CI, where none may be, fail it."""
    if shutil.which(program) is None:
        reason = f"{program} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


async def sftp(school: School, *commands: str) -> Said:
    """Run commands with OpenSSH `sftp`; it ends with exit code 1 at the first that fails."""
    batch = "\n".join(commands) + "\n"
    said: Said = await school.openssh("sftp", "-b", "-", f"{ACCOUNT}@127.0.0.1", stdin=batch)
    return said


async def curl(school: School, path: str, *arguments: str) -> Said:
    """Run curl on a path of the door's."""
    _, version = await school.run("curl", "--version")
    if "sftp" not in version:
        pytest.skip("this curl was built without SFTP")
    said: Said = await school.run(
        *("curl", "-sS", "-k", "-u", f"{ACCOUNT}:", "--key", str(school.key_files[ACCOUNT])),
        *arguments,
        f"sftp://127.0.0.1:{school.port}{path}",
    )
    return said


async def lftp(school: School, *commands: str) -> Said:
    """Run commands with lftp; it ends with exit code 1 at the first that fails."""
    need("lftp")
    key = str(school.key_files[ACCOUNT])
    options = ("IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no")
    more = ("UserKnownHostsFile=/dev/null", "LogLevel=ERROR", f"IdentityFile={key}")
    flags = [part for option in (*options, *more) for part in ("-o", option)]
    connect = shlex.join(["ssh", "-F", "none", "-a", "-x", *flags])
    settings = ("set cmd:fail-exit yes", "set net:max-retries 1", "set net:timeout 10")
    url = f"sftp://{ACCOUNT}:@127.0.0.1:{school.port}"
    program = (*settings, f'set sftp:connect-program "{connect}"', f"open {url}", *commands)
    said: Said = await school.run("lftp", "--norc", "-c", "; ".join(program))
    return said


async def rclone(school: School, *arguments: str) -> Said:
    """Run rclone, to which the door is `:sftp:`."""
    need("rclone")
    said: Said = await school.run(
        *("rclone", "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1"),
        *("--sftp-host", "127.0.0.1", "--sftp-port", str(school.port), "--sftp-user", ACCOUNT),
        *("--sftp-key-file", str(school.key_files[ACCOUNT])),
        *arguments,
    )
    return said


async def psftp(school: School, *commands: str) -> Said:
    """Run commands with PuTTY's `psftp`, which believes the key that the door has."""
    need("psftp")
    key = school.key_files[ACCOUNT]
    ppk = key.with_suffix(".ppk")
    if not ppk.exists():
        code, output = await school.run("puttygen", str(key), "-o", str(ppk))
        assert code == 0, output
    public = school.folders.host_keys / "ssh_host_ed25519_key.pub"
    _, line = await school.run("ssh-keygen", "-l", "-f", str(public))
    said: Said = await school.run(
        *("psftp", "-batch", "-P", str(school.port), "-i", str(ppk)),
        *("-hostkey", line.split()[1], "-b", "/dev/stdin", f"{ACCOUNT}@127.0.0.1"),
        stdin="\n".join(commands) + "\n",
    )
    return said
