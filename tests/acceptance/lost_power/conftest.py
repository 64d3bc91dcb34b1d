"""An installation on a disk that forgets, its two clients, and the check after each cut."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import psycopg
import pytest

from tests.acceptance.conftest import School, Template
from tests.acceptance.daemon_log import Log, until
from tests.acceptance.lost_power.daemons import Daemon, Daemons
from tests.acceptance.lost_power.disk import Mode
from tests.acceptance.lost_power.power import LossyDisk
from tests.integration.database.conftest import Server, server

__all__ = ["server"]

CONNECTIONS, UPLOADS_OF_EACH = 2, 3
ROWS_MAX = 40
# Six uploads change the disk so often, from the first byte until the last is archived, and a start
# that finds something to do so often. In the first seventh happens what the other end is told of.
CHANGES, CHANGES_OF_START = 700, 140
CHANGES_BESIDE_A_SERVER, CHANGES_OF_ITS_START = 240, 40  # where the ledger is not on the disk
_FIRST = 7
AGAIN = 0.25  # so often is the power lost once more while the daemon starts
_IDLE_SECONDS = 30
_CLIENT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send, under a name that others may have as well; its bytes are its own."""

    name: str
    content: bytes
    rows: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True, kw_only=True)
class Lossy:
    """A school whose whole installation lies on a disk that forgets; `left_out` is a site's name.

    `acknowledged` are the uploads whose CLOSE was answered. With a `url` the ledger is on a server
    elsewhere, which forgets nothing.
    """

    school: School
    disk: LossyDisk
    daemons: Daemons
    chance: random.Random
    left_out: str | None = None
    url: str | None = None
    daemon: Daemon = field(default_factory=Daemon)
    acknowledged: list[Upload] = field(default_factory=list)
    cuts: int = 0
    starts: int = 0

    def lose_power(self, mode: Mode) -> str | None:
        """Upload until the power goes, start again, and check; return what is not as promised."""
        self.cuts += 1
        if self.daemon.has_ended:
            self._start()
        self._arm(CHANGES if self.url is None else CHANGES_BESIDE_A_SERVER, mode)
        asyncio.run(self._upload())
        until(self._is_cut_or_done, "the cut, or all receipts")
        self._cut()
        if self.chance.random() < AGAIN:
            self._arm(CHANGES_OF_START if self.url is None else CHANGES_OF_ITS_START, mode)
            self._spawn()
            until(self._is_cut_or_done, "the second cut, or all receipts")
            self._cut()
        try:
            self._start()
            with contextlib.suppress(AssertionError):
                # What waits for ever is told of by the check.
                until(lambda: self._errors() or self._is_idle(), "an end", seconds=_IDLE_SECONDS)
            self._check()
        except AssertionError as error:
            return f"after cut {self.cuts} ({mode.value}): {error}"
        self.disk.sync()
        return None

    def _arm(self, changes: int, mode: Mode) -> None:
        within = self.chance.choice((changes // _FIRST, changes))
        self.disk.arm(self.chance.randrange(within), mode, self.chance.randrange(1 << 32))

    def _cut(self) -> None:
        self.disk.cut()
        self.daemon.kill()
        self.disk.remount()

    def _spawn(self) -> None:
        # Its log lies beside the disk. Of a daemon whose disk failed it tells just that.
        log = self.school.folder / f"daemon-{self.starts}.log"
        log.touch()
        self.starts += 1
        self.daemon = self.daemons.start(self.school._environment(), log, self.left_out)
        self.school.logs[:] = [Log(log)]

    def _start(self) -> None:
        self._spawn()
        log = self.school.log
        until(lambda: log.events("daemon_started") or self.daemon.has_ended, "the start")
        assert not self.daemon.has_ended, log.path.read_text(encoding="utf-8")

    async def _upload(self) -> None:
        await asyncio.gather(*(self._send(number) for number in range(CONNECTIONS)))

    async def _send(self, number: int) -> None:
        """Send file after file, half of them under one name, until one is not acknowledged."""
        key = str(self.school.key)
        with contextlib.suppress(OSError, asyncssh.Error):
            async with (
                asyncio.timeout(_CLIENT_SECONDS),
                asyncssh.connect(
                    "127.0.0.1",
                    self.school.sftp_port,
                    username=self.school.account,
                    client_keys=[key],
                    known_hosts=None,
                ) as connection,
                connection.start_sftp_client() as sftp,
            ):
                for turn in range(UPLOADS_OF_EACH):
                    upload = self._make(f"{self.cuts}-{number}-{turn}", f"{turn % 2}{number}")
                    path = f"/{self.school.account}/incoming/{upload.name}"
                    async with sftp.open(path, "wb") as file:
                        await file.write(upload.content)
                    self.acknowledged.append(upload)

    def _make(self, prefix: str, name: str) -> Upload:
        rows = self.chance.randrange(1, ROWS_MAX)
        path = self.school.write_many(f"student_billing_{name}.csv", rows, prefix=f"L{prefix}")
        return Upload(path.name, path.read_bytes(), rows)

    def _is_cut_or_done(self) -> bool:
        if self.disk.changes is None or self.daemon.has_ended:
            return True
        # Either may find the disk without power.
        with contextlib.suppress(OSError, sqlite3.Error):
            return self._is_idle()
        return False

    def _is_idle(self) -> bool:
        """Tell whether nothing waits, neither in the folders nor in the queue."""
        return not self._waiting() and not self._ask(
            "SELECT upload_id FROM upload WHERE state != 'done' OR delivered = 0"
        )

    def _errors(self) -> list[str]:
        """Return what the daemon logs that a person must do something about."""
        return [str(event) for event in self.school.log.events(level="error")]

    def _waiting(self) -> list[str]:
        """Return the files that lie where none is when nothing waits."""
        data, account = self.school.folder / "data", self.school.account
        work = data / "work" / account
        folders = (self.school.incoming, work / "staging", work / "claimed")
        broken_off = (data / "spool" / account / "arrivals").glob("*.0.json")
        return [str(path) for path in (*broken_off, *(p for f in folders for p in f.iterdir()))]

    def _notes(self) -> list[str]:
        """Return what the notes say that nobody took: the hash of a file that was never published.

        It is forgotten after some minutes. A note that is being written is hidden.
        """
        arrivals = self.school.folder / "data" / "spool" / self.school.account / "arrivals"
        return [json.loads(path.read_bytes())["sha256"] for path in arrivals.glob("[!.]*.json")]

    def _ask(self, statement: str) -> list[tuple[object, ...]]:
        if self.url is not None:
            with psycopg.connect(self.url) as connection:
                return connection.execute(statement.encode()).fetchall()
        path = self.school.folder / "data" / "ledger.db"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as ledger:
            return ledger.execute(statement).fetchall()

    def _check(self) -> None:
        """Fail unless each acknowledged upload was processed once, and nothing is left over."""
        school = self.school
        data = school.folder / "data"
        assert not self._errors()
        uploads = self._ask("SELECT sha256, upload_id, source, key_fingerprint, status FROM upload")
        whole = [upload for upload in uploads if upload[4] != "interrupted"]
        count = Counter(sha256 for sha256, *_ in whole)
        lost = [upload.name for upload in self.acknowledged if not count[upload.sha256]]
        assert not lost, "lost"
        assert max(count.values(), default=1) == 1, f"done twice: {count}"
        assert [each for each in whole if each[2] != "sftp" or not each[3]] == [], "no note"
        assert {each[4] for each in whole} <= {"processed"}
        receipts = [json.loads(path.read_bytes()) for path in school.receipts.glob("*.json")]
        assert sorted(r["upload_id"] for r in receipts) == sorted(str(u[1]) for u in uploads)
        applied = {r["sha256"]: r["rows"] and r["rows"]["applied"] for r in receipts}
        for upload in self.acknowledged:
            assert applied[upload.sha256] == upload.rows
        assert self._is_idle(), f"still waiting: {self._waiting()}"
        if not self.disk.is_split:
            # Else nothing would be wrong with the daemon: another file's sync may keep just one
            # half of a rename, so that a note lies where it was, or a file is in no archive.
            assert not {each.sha256 for each in self.acknowledged} & set(self._notes()), "a note"
            archive = (data / "archive").glob("*/*/*/student_billing_*.csv")
            hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in archive]
            assert Counter(hashes) == count, "archived"
        if self.url is None:
            assert self._ask("PRAGMA quick_check") == [("ok",)]
        verified = school.run("ledger", "verify", "--account", school.account)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert not self._errors()


Lend = Callable[..., AbstractContextManager[Lossy]]


@pytest.fixture(scope="session")
def daemons() -> Iterator[Daemons]:
    """The process that starts this test run's daemons."""
    with Daemons() as started:
        yield started


@pytest.fixture
def lossy(
    template: Template,
    tmp_path: Path,
    free_port: Callable[[], int],
    daemons: Daemons,
    request: pytest.FixtureRequest,
) -> Lend:
    """Lend an installation on a disk that forgets, ready for its first cut."""

    @contextlib.contextmanager
    def lend(
        seed: int, *, left_out: str | None = None, split: bool = False, on_server: bool = False
    ) -> Iterator[Lossy]:
        school = School(folder=tmp_path / "school", sftp_port=free_port(), http_port=free_port())
        school.folder.mkdir()
        shutil.copytree(template.folder / "outbox", school.outbox)
        school.set(
            sftp__listen=[f"127.0.0.1:{school.sftp_port}"],
            http__listen=f"127.0.0.1:{school.http_port}",
            intake__settle_seconds=0.1,
            intake__rescan_seconds=0.2,
            intake__disk_reserve_bytes=0,
        )
        with (
            LossyDisk(tmp_path / "disk", split=split) as disk,
            _database(request) if on_server else contextlib.nullcontext() as url,
        ):
            # What the test writes, and the daemons' logs, lie on the disk of this machine.
            for name in ("config", "data"):
                shutil.copytree(template.folder / name, tmp_path / "disk" / name)
                (school.folder / name).symlink_to(tmp_path / "disk" / name)
            if url is not None:
                assert school.run("db", "copy", "--to", url).returncode == 0
                school.set(database_url=url)
            disk.sync()
            lent = Lossy(
                school=school,
                disk=disk,
                daemons=daemons,
                chance=random.Random(seed),
                left_out=left_out,
                url=url,
            )
            try:
                yield lent
            finally:
                lent.daemon.kill()

    return lend


def _database(request: pytest.FixtureRequest) -> AbstractContextManager[str]:
    """Lend an empty database of the server, which is started for who asks for it."""
    started: Server | None = request.getfixturevalue("server")
    return (
        pytest.skip("no PostgreSQL server here")
        if started is None
        else started.database("pattern_empty")
    )
