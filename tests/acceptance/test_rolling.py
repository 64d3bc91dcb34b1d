"""Two nodes behind a real balancer, restarted and upgraded one after the other while files come."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy.engine import make_url

from ingestd.database import schema
from tests.acceptance.daemon_log import PATIENCE_SECONDS, until
from tests.chaos import TIMES
from tests.integration.database.conftest import Server, server
from tests.integration.nodes.newer import newer_program
from tests.libraries import missing

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

__all__ = ["server"]

BALANCER = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
HOSTS = ("127.0.0.1", "127.0.0.2")
PACE_SECONDS = 2.5
LATER = "0098"


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Files that clients send through the balancer, each again at once if it was not taken."""

    door: School
    keys: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self, command: list[str], files: int, rows: int) -> None:
        """Send so many files in a session, over and over."""
        while not self._stop.wait(PACE_SECONDS):
            numbers = [next(self._numbers) for _ in range(files)]
            paths = [
                self.door.write_many(f"student_billing_{n}.csv", rows, prefix=f"K{n}")
                for n in numbers
            ]
            puts = "".join(f"put {path.name} /SPRINGFIELD/incoming/{path.name}\n" for path in paths)
            done = self.door.run_client(*command, stdin=puts)
            if done.returncode:
                self.again.append(done.stderr)
                done = self.door.run_client(*command, stdin=puts)
            if done.returncode:
                self.refused.append(done.stderr)
            self.keys += [f"K{n}-{row}" for n in numbers for row in range(rows)]

    def stop(self) -> None:
        self._stop.set()


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two nodes of one ledger, and what stands before them."""

    nodes: tuple[School, School]
    door: School
    url: str
    balancer_said: Path

    @contextlib.contextmanager
    def uploading(self) -> Iterator[Traffic]:
        """Let districts send files meanwhile: one by one, several in a session, and slowly."""
        traffic = Traffic(door=self.door)
        quick = self.door.openssh("sftp", "-b", "-", "SPRINGFIELD@127.0.0.1")
        slow = [*quick[:1], "-l", "50", *quick[1:]]
        threads = [
            threading.Thread(target=traffic.run, args=args)
            for args in ((quick, 1, 2), (quick, 3, 2), (slow, 1, 100))
        ]
        for thread in threads:
            thread.start()
        try:
            yield traffic
        finally:
            traffic.stop()
            for thread in threads:
                thread.join(PATIENCE_SECONDS)

    def restart(self, node: School) -> None:
        """Do as the page says: stop it, start it, and wait until it is sent somebody again."""
        assert node.stop() == 0
        node.start()
        until(lambda: node.log.events("upload_received"), "an upload")

    @contextlib.contextmanager
    def without_database(self, server: Server) -> Iterator[None]:
        """Let the database answer nobody, and the balancer have noticed."""
        name = make_url(self.url).database
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            server.run(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
            until(
                lambda: "'doors' has no server available" in self.balancer_said.read_text(),
                "the balancer to find no node ready",
            )
            yield
        finally:
            server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def revisions(self) -> list[str]:
        """Return for which schemas the programs were made that serve."""
        with psycopg.connect(self.url) as connection:
            rows = connection.execute("SELECT revision FROM node ORDER BY revision").fetchall()
        return [str(row[0]) for row in rows]

    def require_each_once(self, traffic: Traffic) -> None:
        """See that everything that was acknowledged is charged, and charged once."""
        assert traffic.refused == []
        with psycopg.connect(self.url, autocommit=True) as connection:

            def waiting() -> int:
                asked = "SELECT COUNT(*) FROM upload WHERE state <> 'done' OR delivered = 0"
                return int(connection.execute(asked).fetchall()[0][0])

            until(
                lambda: not any(map(_incoming, self.nodes)) and not waiting(),
                "all receipts",
                seconds=3 * PATIENCE_SECONDS,
            )
        assert sorted(self.nodes[0].items()) == sorted(traffic.keys)
        [balance] = self.nodes[0].ask("report", "balances")["rows"]
        assert balance["balance"] == f"-{5 * len(traffic.keys)}.00"
        assert self.nodes[0].ask("ledger", "verify")["holds"]


def _incoming(node: School) -> list[Path]:
    return list(node.incoming.glob("*.csv"))


def running(program: Path) -> dict[str, str]:
    """Return what lets `python -m ingestd` be another version, wherever it is started."""
    return {"PYTHONPATH": str(program), "PYTHONSAFEPATH": "1"}


@pytest.fixture
def pair(
    school: School, server: Server | None, free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Pair]:
    """Two nodes that serve, made as the operator's pages say, and HAProxy with the shipped file."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    balancer = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if balancer is None:
        missing("haproxy is not installed")
    with server.database("pattern_empty") as url:
        assert school.run("db", "copy", "--to", url).returncode == 0
        school.set(
            database_url=url,
            drain_seconds=1.0,
            shutdown_seconds=10.0,
            sftp__proxy_protocol_from=["127.0.0.1"],
        )
        other = replace(
            school,
            folder=tmp_path / "other",
            environment=dict(school.environment),
            daemons=[],
            logs=[],
        )
        other.set(
            sftp__listen=[f"{HOSTS[1]}:{school.sftp_port}"],
            http__listen=f"{HOSTS[1]}:{school.http_port}",
        )
        assert other.run("init", str(other.folder)).returncode == 0
        for name in ("config", "data/host_keys"):
            shutil.copytree(school.folder / name, other.folder / name, dirs_exist_ok=True)
        for name in ("ledger_key", "ledger_key.pub"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(school.folder / "data" / name, other.folder / "data" / name)
        front = free_port()
        try:
            school.start()
            other.start()
            config = tmp_path / "haproxy.cfg"
            with _balancing(balancer, school, front, config):
                yield Pair(
                    nodes=(school, other),
                    door=replace(school, sftp_port=front),
                    url=url,
                    balancer_said=config.with_suffix(".log"),
                )
        finally:
            other.kill()
            school.kill()


@contextlib.contextmanager
def _balancing(balancer: str, school: School, front: int, config: Path) -> Iterator[None]:
    """Run HAProxy with the file that is shipped, its addresses and times replaced."""
    text = BALANCER.read_text("utf-8")
    for old, new in (
        ("bind :2222", f"bind 127.0.0.1:{front}"),
        ("10.0.0.11:2222", f"{HOSTS[0]}:{school.sftp_port}"),
        ("10.0.0.12:2222", f"{HOSTS[1]}:{school.sftp_port}"),
        ("check port 8080 inter 1s", f"check port {school.http_port} inter 200ms"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    config.write_text(text, "utf-8")
    with config.with_suffix(".log").open("wb") as said:
        process = subprocess.Popen([balancer, "-db", "-f", str(config)], stderr=said, stdout=said)
    try:
        yield
        assert process.poll() is None, config.with_suffix(".log").read_text("utf-8")
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


@pytest.mark.chaos
@pytest.mark.long
def test_restarts_and_an_upgrade_lose_no_upload_and_fail_no_client_that_tries_again(
    pair: Pair, tmp_path: Path
) -> None:
    """A provider restarts its nodes at noon, and upgrades them; no district hears of it.

    What only adds is done while older nodes live, and both versions work side by side; what an
    older one cannot work with is refused until it is gone.
    """
    old, new = pair.nodes
    adding = newer_program(
        tmp_path / "adding",
        revision=LATER,
        oldest=schema.HEAD_REVISION,
        statement="ALTER TABLE charge ADD COLUMN colour TEXT DEFAULT 'red'",
    )
    taking = newer_program(
        tmp_path / "taking",
        base=adding,
        after=LATER,
        oldest=LATER,
        statement="ALTER TABLE charge DROP COLUMN colour",
    )
    with pair.uploading() as traffic:
        for _ in range(TIMES):
            for node in pair.nodes:
                pair.restart(node)
        assert _upgrade(adding, new).returncode == 0
        new.environment |= running(adding)
        pair.restart(new)
        assert pair.revisions() == [schema.HEAD_REVISION, LATER]
        for node in pair.nodes:
            _wait_until_it_processes(node)
        refused = _upgrade(taking, new)
        assert refused.returncode == 3
        assert f"made for {schema.HEAD_REVISION}" in refused.stderr
        assert old.stop() == 0
        done = _upgrade(taking, new)
        assert done.returncode == 0, done.stderr
        old.environment |= running(adding)
        old.start()
        for node in pair.nodes:
            _wait_until_it_processes(node)
    pair.require_each_once(traffic)
    assert [event for node in pair.nodes for event in node.log.events("program_outdated")] == []


@pytest.mark.long
def test_a_database_that_is_away_closes_no_door_behind_the_balancer(
    pair: Pair, server: Server
) -> None:
    """No node is ready then, and each takes files: a district notices by a late receipt alone."""
    path = pair.door.write_many("student_billing.csv", 2, prefix="K")
    with pair.without_database(server):
        pair.door.upload(path)
        assert not any(list(node.receipts.glob("student_billing.*")) for node in pair.nodes)
    until(
        lambda: any(list(node.receipts.glob("student_billing.*.json")) for node in pair.nodes),
        "the receipt",
        seconds=3 * PATIENCE_SECONDS,
    )
    assert sorted(pair.nodes[0].items()) == ["K-0", "K-1"]


def _wait_until_it_processes(node: School) -> None:
    """Wait until a node that has started has processed a file from now on."""
    log = node.log.from_now()
    until(lambda: log.events("file_processed"), "a file")


def _upgrade(program: Path, node: School) -> subprocess.CompletedProcess[str]:
    """Run `db upgrade` of a program on a node's machine."""
    return replace(node, environment=node.environment | running(program)).run("db", "upgrade")
