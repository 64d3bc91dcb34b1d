"""The demo: a throw-away school, a real daemon, a real SFTP client, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import asyncssh

from ingestd.config.editing.new_account import NewAccount, add_account
from ingestd.service.installation.initialise import CONFIG_FILE, initialise
from ingestd.shipped import shipped_path
from ingestd.values.errors import IngestdError

ACCOUNT = "SPRINGFIELD"
FILES = ("student_billing_destiny.csv", "student_billing_library.csv")
CATALOG = ("products", "parents", "students")
_WAIT_SECONDS = 30.0
_POLL_SECONDS = 0.05

Say = Callable[[str], None]


class DemoError(IngestdError):
    """The demo did not come to its end; the message says at which step."""

    code = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class _School:
    folder: Path
    config: Path
    key: Path
    sftp_port: int
    http_port: int


def run_demo(*, say: Say, complain: Say, keep: bool) -> None:
    """Show the whole journey on this machine; `keep` leaves the daemon and its folder there.

    Raises DemoError when any step does not do what it shows.
    """
    # Settings of a real installation must not reach the demo: least of all its database.
    for name in [name for name in os.environ if name.startswith("INGESTD_")]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="ingestd-demo-"))
    kept = False
    try:
        school = _make_school(folder)
        say(f"A throw-away school lives in {folder}: account {ACCOUNT}, one key, this machine's")
        say("own address on its allowlist, and a catalog of products, families and students.\n")
        for kind in CATALOG:
            table = shipped_path("demo") / f"{kind}.csv"
            say(_ingestd(school, "catalog", "import", kind, str(table), "--account", ACCOUNT))
        with _daemon(school, keep=keep) as daemon:
            for filename in FILES:
                _show_upload(school, filename, say)
            say("== What the ledger says now\n")
            say("$ ingestd report items --account " + ACCOUNT)
            say(_ingestd(school, "report", "items", "--account", ACCOUNT))
            say("$ ingestd report balances --account " + ACCOUNT)
            say(_ingestd(school, "report", "balances", "--account", ACCOUNT))
            if keep:
                kept = True
                _say_how_to_connect(school, daemon.pid, say)
        if not kept:
            say("The daemon was stopped and had nothing left to do. That was the whole journey.")
    except DemoError as error:
        complain(f"The demo failed. {error.message}")
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _make_school(folder: Path) -> _School:
    initialise(folder)
    school = _School(
        folder=folder,
        config=folder / "config" / CONFIG_FILE,
        key=folder / "district_key",
        sftp_port=_free_port(),
        http_port=_free_port(),
    )
    key = asyncssh.generate_private_key("ssh-ed25519", comment="it@springfield")
    school.key.write_bytes(key.export_private_key())
    school.key.chmod(0o600)
    school.config.write_text(
        'data_dir = "../data"\n'
        f'[sftp]\nlisten = ["127.0.0.1:{school.sftp_port}"]\n'
        f'[http]\nlisten = "127.0.0.1:{school.http_port}"\n',
        encoding="utf-8",
    )
    add_account(
        school.config.parent,
        NewAccount(
            account_id=ACCOUNT,
            name="Springfield School District",
            timezone="America/Chicago",
            currency="USD",
            authorized_keys=(key.export_public_key().decode().strip(),),
            networks=("127.0.0.1",),
        ),
    )
    return school


@contextlib.contextmanager
def _daemon(school: _School, *, keep: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Run `ingestd serve` until the block ends, or on after it."""
    log_path = school.folder / "daemon.log"
    with log_path.open("wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "ingestd", "serve", "--config", str(school.config)],
            stderr=log,
            # Kept, it would hold a pipe open whose other end waits for the demo to be over.
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=keep,
        )
    is_stopped = False
    try:
        _wait_until_ready(school, daemon, log_path)
        yield daemon
        if not keep:
            is_stopped = True
            _stop(daemon)
    except BaseException:
        keep = False
        raise
    finally:
        if not keep and not is_stopped:
            daemon.kill()
            daemon.wait()


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.send_signal(signal.SIGTERM)
    try:
        exit_code = daemon.wait(_WAIT_SECONDS)
    except subprocess.TimeoutExpired as error:
        daemon.kill()
        raise DemoError("The daemon did not stop.") from error
    if exit_code != 0:
        raise DemoError(f"The daemon stopped with exit code {exit_code}.")


def _wait_until_ready(school: _School, daemon: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline and daemon.poll() is None:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", school.http_port, timeout=1)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(_POLL_SECONDS)
    raise DemoError("The daemon did not start:\n" + log_path.read_text(encoding="utf-8"))


def _show_upload(school: _School, filename: str, say: Say) -> None:
    path = shipped_path("demo") / filename
    say(f"== {filename}, as the district's job uploads it\n")
    say(path.read_text(encoding="utf-8"))
    receipts = asyncio.run(_upload(school, path))
    for name, content in sorted(receipts.items(), reverse=True):
        say(f"== The receipt, as the client fetched it: receipts/{name}\n")
        say(content)


async def _upload(school: _School, path: Path) -> dict[str, str]:
    """Put one file and fetch its receipts, over real SFTP."""
    receipts: dict[str, str] = {}
    async with (
        asyncssh.connect(
            "127.0.0.1",
            school.sftp_port,
            username=ACCOUNT,
            client_keys=[str(school.key)],
            known_hosts=_host_keys(school),
            config=None,
        ) as connection,
        connection.start_sftp_client() as sftp,
    ):
        folder = f"/{ACCOUNT}/receipts"
        before = set(await sftp.listdir(folder))
        await sftp.put(str(path), f"/{ACCOUNT}/incoming/{path.name}")
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline:
            new = {str(name) for name in await sftp.listdir(folder) if name not in before} - {
                ".",
                "..",
            }
            if any(name.endswith(".json") for name in new):
                for name in new:
                    async with sftp.open(f"{folder}/{name}", "r") as file:
                        receipts[name] = str(await file.read())
                return receipts
            await asyncio.sleep(_POLL_SECONDS)
    raise DemoError(f"No receipt came for {path.name}.")


def _host_keys(school: _School) -> bytes:
    """Return known_hosts lines: the demo checks whom it talks to, as a district should."""
    folder = school.folder / "data" / "host_keys"
    lines = [
        f"[127.0.0.1]:{school.sftp_port} {path.read_text(encoding='utf-8').strip()}"
        for path in sorted(folder.glob("*.pub"))
    ]
    return "\n".join(lines).encode()


def _ingestd(school: _School, *arguments: str) -> str:
    """Run one command as an operator would, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "ingestd", *arguments, "--config", str(school.config)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "160"},
    )
    if done.returncode != 0:
        raise DemoError(f"ingestd {' '.join(arguments)} said: {done.stderr or done.stdout}")
    return done.stdout


def _say_how_to_connect(school: _School, pid: int, say: Say) -> None:
    known_hosts = school.folder / "known_hosts"
    known_hosts.write_bytes(_host_keys(school) + b"\n")
    known_hosts.chmod(0o600)
    say("The daemon goes on. To connect as the district's job does:\n")
    say(
        f"  sftp -P {school.sftp_port} -i {school.key} "
        f"-o UserKnownHostsFile={known_hosts} {ACCOUNT}@127.0.0.1\n"
    )
    name, password = _let_somebody_in(school)
    say(f"Its console:   http://127.0.0.1:{school.http_port}/ - name {name}, password {password}")
    say(f"Its log:       {school.folder / 'daemon.log'}")
    say(f"Its health:    http://127.0.0.1:{school.http_port}/readyz")
    say(f"Its reports:   ingestd report items --account {ACCOUNT} --config {school.config}")
    say(f"To stop it:    kill {pid}")


def _let_somebody_in(school: _School) -> tuple[str, str]:
    """Let a visitor in who may do all that there is to do; return name and password."""
    name, password = "demo", secrets.token_urlsafe(9)
    roles = ("office", "contacts", "operator", "admin")
    words = [word for role in roles for word in ("--role", role)]
    told = _ingestd(school, "user", "add", name, *words, "--account", ACCOUNT, "--output", "json")
    [user] = json.loads(told)
    connection = http.client.HTTPConnection("127.0.0.1", school.http_port, timeout=_WAIT_SECONDS)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            urlsplit(user["link"]).path,
            body=urlencode({"password": password, "again": password}),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://127.0.0.1:{school.http_port}",
            },
        )
        if connection.getresponse().status != http.client.SEE_OTHER:
            raise DemoError("The console did not take the password that its link asks for.")
    return name, password


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
