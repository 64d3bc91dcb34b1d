"""The servers that are measured, each a real process in a folder of its own on a loopback port."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench._launch import free_port, listens, make_key, running, wait_until
from ingestd.service.installation.initialise import complete

ACCOUNT = "SPRINGFIELD"
_SSHD_PLACES = "/usr/sbin:/usr/local/sbin:/usr/lib/ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a client uploads to: `folder` as the client names it, `on_disk` as it really is."""

    name: str
    pid: int
    port: int
    user: str
    key: Path
    folder: str
    on_disk: Path

    def remove_uploads(self, pattern: str) -> None:
        """Remove what earlier rounds left, and let the disk come to rest: nobody is timed here."""
        for path in self.on_disk.glob(pattern):
            path.unlink()
        os.sync()


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running `ingestd serve`."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path
    keys: Mapping[str, Path]

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What it wrote to stderr."""
        return self.folder / "daemon.log"

    def target(self, account: str = ACCOUNT) -> Target:
        """Return the door as one account sees it."""
        return Target(
            name="ingestd",
            pid=self.process.pid,
            port=self.port,
            user=account,
            key=self.keys[account],
            folder=f"/{account}/incoming",
            on_disk=self.data / "spool" / account / "incoming",
        )

    def receipts(self, account: str) -> list[Path]:
        """Return an account's receipts."""
        return list((self.data / "spool" / account / "receipts").glob("[!.]*.json"))

    def count_events(self, *names: str) -> int:
        """Return how many lines of the log tell one of these events."""
        marks = [json.dumps(name) for name in names]
        with self.log.open(encoding="utf-8") as lines:
            return sum(any(mark in line for mark in marks) for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An `ingestd` that was not started yet."""

    folder: Path
    port: int
    keys: dict[str, Path] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """Its main config file."""
        return self.folder / "config" / "ingestd.toml"


def prepare_ingestd(
    folder: Path, accounts: Sequence[str] = (ACCOUNT,), settings: Mapping[str, object] | None = None
) -> Installation:
    """Write the three config files: accounts with a key each, listed for this machine alone."""
    port = free_port()
    (folder / "config").mkdir(parents=True)
    installation = Installation(folder=folder, port=port)
    entries: list[str] = []
    listed: list[str] = ["[accounts]"]
    for account in accounts:
        installation.keys[account], public = make_key(folder / "keys" / account)
        entries.append(
            f'[{account}]\nname = "{account} District"\ntimezone = "America/Chicago"\n'
            f'authorized_keys = ["{public}"]\n[{account}.policy]\nstudents = "register"\n'
        )
        listed.append(f'{account} = ["127.0.0.1"]')
    (folder / "config" / "accounts.toml").write_text("\n".join(entries), encoding="utf-8")
    (folder / "config" / "allowlist.toml").write_text("\n".join(listed) + "\n", encoding="utf-8")
    # Dotted keys, before any section: only what a benchmark needs to differ from the defaults.
    chosen: dict[str, object] = {
        "sftp.listen": [f"127.0.0.1:{port}"],
        "sftp.max_connections": 1000,
        "sftp.max_connections_per_address": 1000,
        "sftp.max_files_waiting": 100_000,
        "http.listen": f"127.0.0.1:{free_port()}",
        **(settings or {}),
    }
    lines = ['data_dir = "../data"'] + [f"{key} = {json.dumps(v)}" for key, v in chosen.items()]
    installation.config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    complete(installation.config)
    return installation


@contextlib.contextmanager
def running_ingestd(installation: Installation) -> Iterator[Daemon]:
    """Run `ingestd serve` until the block ends."""
    inherited = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
    log = installation.folder / "daemon.log"
    command = [sys.executable, "-m", "ingestd", "serve", "--config", str(installation.config)]
    with running(command, log, environment=inherited) as process:
        daemon = Daemon(
            process=process,
            port=installation.port,
            folder=installation.folder,
            keys=installation.keys,
        )
        wait_until(
            lambda: daemon.count_events("daemon_started") or process.poll() is not None,
            "the daemon's start",
        )
        if process.poll() is not None:
            raise RuntimeError(log.read_text(encoding="utf-8"))
        yield daemon


@contextlib.contextmanager
def running_openssh(folder: Path) -> Iterator[Target]:
    """Run OpenSSH's sshd with its internal SFTP server until the block ends."""
    program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:{_SSHD_PLACES}")
    if program is None:
        raise RuntimeError("sshd is not installed; on Debian: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks itself in as root
    uploads = folder / "uploads"
    uploads.mkdir(parents=True)
    host_key, _ = make_key(folder / "host_key")
    key, public = make_key(folder / "key")
    (folder / "authorized_keys").write_text(public + "\n", encoding="utf-8")
    port = free_port()
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {host_key}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized_keys'}\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        "MaxStartups 1000\nSubsystem sftp internal-sftp\n",
        encoding="utf-8",
    )
    command = [program, "-D", "-e", "-f", str(folder / "sshd_config")]
    with running(command, folder / "sshd.log", environment=dict(os.environ)) as process:
        wait_until(lambda: listens(port), "sshd's start")
        yield Target(
            name="OpenSSH",
            pid=process.pid,
            port=port,
            user=getpass.getuser(),
            key=key,
            folder=str(uploads),
            on_disk=uploads,
        )
