"""Installations of which only the ledger matters: on a file beside them, or on a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.service.installation.bootstrap import open_installation, prepared_installation
from ingestd.service.installation.initialise import CONFIG_FILE, complete, initialise
from ingestd.spool.folders import Folders
from tests.integration.database.conftest import KINDS, Server, server, sqlite_pattern

__all__ = ["server", "sqlite_pattern"]

URL = "INGESTD_DATABASE_URL"


@dataclass
class Site:
    """One installation, and whichever database its next command is told to use."""

    folder: Path
    environment: pytest.MonkeyPatch

    @property
    def config(self) -> Path:
        return self.folder / "config" / CONFIG_FILE

    @property
    def folders(self) -> Folders:
        return Folders(self.folder / "data")

    def name(self, url: str | None) -> None:
        """Name the database for all that follows; None leaves the name out."""
        if url is None:
            self.environment.delenv(URL, raising=False)
        else:
            self.environment.setenv(URL, url)

    def init(self, url: str | None, *, adopt: bool = False) -> None:
        self.name(url)
        initialise(self.folder, adopt=adopt)

    def adopt(self, url: str | None) -> None:
        self.name(url)
        complete(self.config, adopt=True)

    def use(self, url: str | None) -> str:
        """Do as every command does that asks the ledger; return the ledger's id."""
        self.name(url)
        with prepared_installation(self.config) as installation:
            return id_of(installation.database)

    def serve(self, url: str | None) -> None:
        """Do as the daemon does before it opens its door."""
        self.name(url)
        with closing(open_installation(self.config)) as installation:
            installation.ledger.require()
            installation.ledger.use(as_daemon=True)

    def known(self) -> str:
        """Return the id that the folder knows."""
        return self.folders.ledger_id.read_text().splitlines()[0]

    def process_something(self, upload_id: str = "01K00000000000000000000000") -> None:
        """Leave what a processed upload leaves."""
        home = self.folders.data_dir / "archive" / "SPRINGFIELD" / "2026-11" / upload_id
        home.mkdir(parents=True)
        (home / "student_billing.csv").write_bytes(b"x")

    def files(self) -> dict[Path, bytes]:
        """Return every file of the data folder; the embedded ledger's helpers left out."""
        return {
            path: path.read_bytes()
            for path in self.folders.data_dir.rglob("*")
            if path.is_file() and not path.name.endswith(("-wal", "-shm"))
        }


def id_of(database: Database) -> str:
    with database.reading() as connection:
        return str(connection.exec_driver_sql("SELECT ledger_id FROM ledger").scalar())


@dataclass
class Places:
    """Where databases of one kind can be, and what happens to them behind our back."""

    kind: str
    folder: Path
    server: Server | None
    stack: ExitStack

    def empty(self) -> str:
        """Return the URL of a database that holds nothing; an SQLite file is not there yet."""
        if self.kind == "sqlite":
            self.folder.mkdir(exist_ok=True)
            return f"sqlite:///{self.folder}/{len(list(self.folder.iterdir()))}.db"
        assert self.server is not None
        return self.stack.enter_context(self.server.database("pattern_empty"))

    def made(self) -> str:
        """Return the URL of a database that holds a ledger of its own, without books."""
        url = self.empty()
        with opened(url) as database:
            schema.upgrade(database)
        return url

    def copy(self, url: str) -> str:
        """Return the URL of the same ledger elsewhere, as a failover or a restore leaves it."""
        if self.kind == "sqlite":
            target = self.empty()
            shutil.copy(_path(url), _path(target))
            return target
        assert self.server is not None
        return self.stack.enter_context(self.server.database(str(make_url(url).database)))

    def lose(self, url: str) -> None:
        """Leave nothing of a ledger where it was."""
        if self.kind == "sqlite":
            _path(url).unlink()
            return
        with opened(url) as database, database.writing() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")


@contextmanager
def opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    yield database
    database.close()


def _path(url: str) -> Path:
    return Path(str(make_url(url).database))


@pytest.fixture(params=KINDS)
def places(
    request: pytest.FixtureRequest, tmp_path: Path, server: Server | None
) -> Iterator[Places]:
    """Where the named databases are: files elsewhere, or a server."""
    if request.param == "postgresql" and server is None:
        pytest.skip("no PostgreSQL server here")
    with ExitStack() as stack:
        yield Places(request.param, tmp_path / "elsewhere", server, stack)


@pytest.fixture
def open_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Site]:
    """Return installations that were not made yet, by the names of their folders."""
    monkeypatch.delenv(URL, raising=False)
    return lambda name: Site(tmp_path / name, monkeypatch)


@pytest.fixture
def site(open_site: Callable[[str], Site]) -> Site:
    """An installation that was not made yet."""
    return open_site("site")
