"""A whole installation in a folder of its own, run as a process, and the clients that use it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paramiko  # type: ignore[import-untyped]
import pytest

from ingestd.telemetry.events import Event
from tests.acceptance.daemon_log import PATIENCE_SECONDS, Log, until
from tests.libraries import missing
from tests.warm_process import warm_process

Done = subprocess.CompletedProcess[str]

_INGESTD = (sys.executable, "-m", "ingestd")
_HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,transaction_occurred_time"
)
_CATALOG = {
    "products": "billing_code,name,price,valid_from\n"
    "LOST_BOOK,Lost book,18.50,2020-01-01\nLATE_FEE,Late fee,5.00,2020-01-01\n",
    "parents": "parent_code,name,email\nP-77,Margery Okonkwo,margery@example.org\n",
    "students": "student_id,name,parent_code,status\n"
    "00042,Lisa Marchetti,P-77,enrolled\n00043,Bartholomew Ochoa,P-77,enrolled\n",
}


@dataclass(slots=True, kw_only=True)
class School:
    """One district's installation. `outbox` is where its own job keeps its files and its key."""

    folder: Path
    sftp_port: int
    http_port: int
    account: str = "SPRINGFIELD"
    environment: dict[str, str] = field(default_factory=dict)
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)
    logs: list[Log] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def outbox(self) -> Path:
        return self.folder / "outbox"

    @property
    def key(self) -> Path:
        return self.outbox / "key"

    @property
    def incoming(self) -> Path:
        return self.folder / "data" / "spool" / self.account / "incoming"

    @property
    def receipts(self) -> Path:
        return self.folder / "data" / "spool" / self.account / "receipts"

    def run(self, *arguments: str, stdin: str = "", seconds: float = PATIENCE_SECONDS) -> Done:
        """Run one `ingestd` command to its end."""
        if any(name.startswith("PYTHON") for name in self.environment):
            # What Python reads when it starts counts for a process of its own alone.
            return _finish([*_INGESTD, *arguments], stdin, seconds, env=self._environment())
        return warm_process().run(arguments, stdin=stdin, env=self._environment(), seconds=seconds)

    def ask(self, *arguments: str) -> Any:
        """Run a command that must succeed with `--output json`; return what stdout held."""
        done = self.run(*arguments, "--account", self.account, "--output", "json")
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    def set(self, **settings: object) -> None:
        """Override settings from the next command or start on, such as `intake__workers=1`."""
        for name, value in settings.items():
            text = value if isinstance(value, str) else json.dumps(value)
            self.environment[f"INGESTD_{name.upper()}"] = text

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        """The daemon that was started last."""
        return self.daemons[-1]

    @property
    def log(self) -> Log:
        """The log of the daemon that was started last."""
        return self.logs[-1]

    def spawn(self, *options: str, around: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start the daemon, and wait for nothing; `around` is a command that is to run it."""
        path = self.folder / f"daemon-{len(self.logs) + 1}.log"
        with path.open("wb") as stderr:
            daemon = subprocess.Popen(
                [*around, *_INGESTD, "serve", *options],
                stdin=subprocess.DEVNULL,
                stderr=stderr,
                env=self._environment(),
                start_new_session=True,
            )
        self.logs.append(Log(path))
        self.daemons.append(daemon)
        return daemon

    def start(self) -> None:
        """Start the daemon, and return once it is there and has looked into the folders."""
        daemon = self.spawn()
        until(
            lambda: (
                (self.log.events("daemon_started") and self.incoming.is_dir())
                or daemon.poll() is not None
            ),
            "the start",
        )
        assert daemon.poll() is None, self.log.path.read_text(encoding="utf-8")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell the daemon to stop, and return its exit code."""
        self.daemon.send_signal(number)
        return self.daemon.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """End the daemon as a power cut would."""
        for daemon in self.daemons:
            daemon.kill()
            daemon.wait(PATIENCE_SECONDS)

    def write(self, filename: str, *rows: str) -> Path:
        """Write a charge file into the outbox: the header, then these rows."""
        path = self.outbox / filename
        path.write_text("\n".join((_HEADER, *rows)) + "\n", encoding="utf-8")
        return path

    def write_many(self, filename: str, count: int, *, prefix: str, note: str = "") -> Path:
        """Write a charge file of many good rows of 5.00 each, keyed PREFIX-0 and so on."""
        rows = (f"LIABILITY,{prefix}-{n},00042,LATE_FEE,{note},5.00," for n in range(count))
        return self.write(filename, *rows)

    def wait_until_receipts(self, filename: str, count: int) -> list[dict[str, Any]]:
        """Return a name's receipts, oldest upload first, once there are that many."""

        def look() -> list[Path]:
            found = sorted(self.receipts.glob(f"{filename.rsplit('.', 1)[0]}.*.json"))
            return found if len(found) >= count else []

        found = until(look, f"{count} receipt(s) for {filename}")
        assert len(found) == count
        return [json.loads(path.read_bytes()) for path in found]

    def wait_until_receipt(self, filename: str) -> dict[str, Any]:
        """Return the only receipt of a file name, as soon as it is there."""
        return self.wait_until_receipts(filename, 1)[0]

    def items(self, prefix: str = "") -> dict[str, str]:
        """Return the amount of every charge whose key starts so, by its key."""
        rows = self.ask("report", "items")["rows"]
        amounts = {row["tracking_id"]: row["amount"] for row in rows}
        assert len(amounts) == len(rows)
        return {key: amount for key, amount in amounts.items() if key.startswith(prefix)}

    def openssh(
        self, program: str, *arguments: str, key: Path | None = None, source: str = "127.0.0.1"
    ) -> list[str]:
        """Return the command line of an OpenSSH client for this door, with no question asked."""
        need(program)
        options = {
            "Port": self.sftp_port,
            "IdentityFile": key or self.key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
            "BindAddress": source,
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": self._known_hosts(),
        }
        flags = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
        return [program, "-F", "none", *flags, *arguments]

    def sftp_batch(
        self,
        *commands: str,
        account: str | None = None,
        key: Path | None = None,
        source: str = "127.0.0.1",
    ) -> Done:
        """Run commands with OpenSSH `sftp`, in the outbox; it exits 1 at the first that fails."""
        target = f"{account or self.account}@127.0.0.1"
        return self.run_client(
            *self.openssh("sftp", "-b", "-", target, key=key, source=source),
            stdin="\n".join(commands) + "\n",
        )

    def run_client(self, *command: str, stdin: str = "") -> Done:
        """Run a client program in the outbox."""
        need(command[0])
        return _finish(command, stdin, PATIENCE_SECONDS, cwd=self.outbox)

    def upload(self, path: Path) -> None:
        """Put a file as the district's job does; afterwards the door has answered OK."""
        done = self.sftp_batch(f"put {path} /{self.account}/incoming/{path.name}")
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def paramiko(self, **proof: Any) -> Iterator[paramiko.SFTPClient]:
        """Lend an SFTP session of paramiko; `proof` replaces the key."""
        client = paramiko.SSHClient()
        client.load_host_keys(str(self._known_hosts()))
        proof = proof or {"key_filename": str(self.key)}
        with client:
            client.connect(
                "127.0.0.1",
                self.sftp_port,
                self.account,
                allow_agent=False,
                look_for_keys=False,
                **proof,
            )
            with client.open_sftp() as sftp:
                yield sftp

    def _known_hosts(self) -> Path:
        """Write what a district learns of the server's keys beforehand."""
        path = self.outbox / "known_hosts"
        keys = sorted((self.folder / "data" / "host_keys").glob("*.pub"))
        path.write_text(
            "".join(f"[127.0.0.1]:{self.sftp_port} {key.read_text().strip()}\n" for key in keys)
        )
        return path

    def _environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
        return inherited | {"INGESTD_CONFIG": str(self.config / "ingestd.toml")} | self.environment


def _finish(command: Sequence[str], stdin: str, seconds: float, **where: Any) -> Done:
    return subprocess.run(
        command,
        check=False,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=seconds,
        **where,
    )


def need(program: str) -> None:
    """Skip the test where a client is missing; on CI, where none may be, fail it."""
    if shutil.which(program) is None:
        missing(f"{program} is not installed")


_ports = itertools.count(10_000 + os.getpid() * 101 % 20_000)


def _free_port() -> int:
    """Return a port below those that the system gives to clients: nobody takes it meanwhile."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the count has no end")


@dataclass(frozen=True, slots=True)
class Template:
    """An installation that was never started, and what each command that made it said."""

    folder: Path
    done: list[Done]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Make an installation as an operator does, once: each test works on a copy of its own."""
    need("ssh-keygen")
    school = School(folder=tmp_path_factory.mktemp("template"), sftp_port=0, http_port=0)
    school.outbox.mkdir()
    for name in ("key", "other_key"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", school.outbox / name],
            check=True,
        )
    district = ("--name", "Springfield School District", "--timezone", "America/Chicago")
    key = ("--key", str(school.key.with_suffix(".pub")))
    done = [
        school.run("init", str(school.folder)),
        school.run("account", "add", school.account, *district, *key, "--allow", "127.0.0.1"),
    ]
    for kind, content in _CATALOG.items():
        path = school.outbox / f"{kind}.csv"
        path.write_text(content, encoding="utf-8")
        done.append(school.run("catalog", "import", kind, str(path), "--account", school.account))
    return Template(school.folder, done)


@contextlib.contextmanager
def _opened(template: Template, folder: Path) -> Iterator[School]:
    shutil.copytree(template.folder, folder)
    school = School(folder=folder, sftp_port=_free_port(), http_port=_free_port())
    school.set(
        sftp__listen=[f"127.0.0.1:{school.sftp_port}"],
        http__listen=f"127.0.0.1:{school.http_port}",
        intake__settle_seconds=0.1,
        intake__rescan_seconds=1.0,
        intake__disk_reserve_bytes=0,
    )
    try:
        yield school
    finally:
        school.kill()
    for log in school.logs:
        # Whatever a test is about: no trace of an error and no warning ever reaches the log.
        assert "Traceback" not in log.path.read_text(encoding="utf-8")
        assert not [e for e in log.events() if "exception" in e]
        # From its start on the daemon writes nothing but events of ours, and reports no defect.
        lines = log.lines
        started = [n for n, line in enumerate(lines) if '"event": "daemon_started"' in line]
        names = {json.loads(line)["event"] for line in lines[started[0] :]} if started else set()
        assert names <= {event.value for event in Event} - {"library_reported", "error_escaped"}


@pytest.fixture
def school(template: Template, tmp_path: Path) -> Iterator[School]:
    """An installation with account, catalog and key. Not started, so that a test may change it."""
    with _opened(template, tmp_path / "school") as opened:
        yield opened


@pytest.fixture(scope="session")
def billed_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The same, in which one family owes two fees, and made one payment that is pending."""
    with _opened(template, tmp_path_factory.mktemp("billed") / "school") as school:
        for day, student, code in ((1, "00042", "LOST_BOOK"), (2, "00043", "LATE_FEE")):
            sale = ("--party", student, "--billing-code", code, "--tracking-id", f"T{day}")
            school.ask("sales", "add", *sale, "--on", f"2026-03-0{day}")
        payment = ("--payer", "P-77", "--amount", "10.00", "--method", "echeck", "--id", "E1")
        school.ask("payments", "add", *payment)
        return Template(school.folder, template.done)


@pytest.fixture
def billed(billed_template: Template, tmp_path: Path) -> Iterator[School]:
    """A copy of it, with nothing running."""
    with _opened(billed_template, tmp_path / "school") as opened:
        yield opened


@pytest.fixture
def open_school(school: School) -> School:
    """The same, with its daemon running."""
    school.start()
    return school


@pytest.fixture(scope="module")
def shared_school(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    """One running installation for all tests of a module, which only look at it."""
    with _opened(template, tmp_path_factory.mktemp("shared") / "school") as opened:
        opened.start()
        yield opened


@pytest.fixture(scope="session")
def standing_school(
    template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[School]:
    """One running installation for a whole test process: each test brings names of its own."""
    with _opened(template, tmp_path_factory.mktemp("standing") / "school") as opened:
        opened.start()
        yield opened


@pytest.fixture(scope="session", name="free_port")
def free_port_fixture() -> Callable[[], int]:
    """Lend ports that nobody has."""
    return _free_port


@pytest.fixture(scope="session", name="until")
def until_fixture() -> Callable[..., Any]:
    """Lend `until` to the tests, which cannot import it."""
    return until
