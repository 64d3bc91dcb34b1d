"""A data folder remembers its ledger: nobody uses another one, and only the id decides."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.service.installation.bootstrap import open_installation
from ingestd.values.errors import EXIT_USAGE, IngestdError, OtherLedgerError, StorageError
from tests.integration.installation.conftest import Places, Site, id_of, opened

UPLOAD = "01K00000000000000000000000"


def refusal(site: Site, url: str | None) -> IngestdError:
    """Return why every way to the ledger refuses; none of them leaves a trace."""
    before = site.files()
    refusals = []
    for way in (site.use, site.serve, site.init):
        with pytest.raises(IngestdError) as refused:
            way(url)
        refusals.append(refused.value)
        assert site.files() == before
    return refusals[0]


def refused_as_another(site: Site, url: str | None) -> str:
    error = refusal(site, url)
    assert isinstance(error, OtherLedgerError)
    assert error.exit_code == EXIT_USAGE
    assert "ingestd init --adopt-ledger" in error.message
    return error.message


def write_books(url: str) -> None:
    """Leave what the first batch leaves in the head's table."""
    with opened(url) as database, database.writing() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO seal_head (account, hash, batch_no) VALUES ('A', '{GENESIS_HASH}', 1)"
        )


@pytest.mark.parametrize("is_used", [False, True])
def test_a_name_that_is_left_out_never_opens_another_ledger(
    site: Site, places: Places, *, is_used: bool
) -> None:
    """Whoever forgets the variable is told so, and finds no empty ledger to be misled by."""
    url = places.made()
    site.init(url)
    if is_used:
        site.process_something()
    message = refused_as_another(site, None)
    assert not site.folders.embedded_ledger.exists()
    assert site.known() in message
    assert ("PostgreSQL" if places.kind == "postgresql" else "0.db") in message
    assert site.use(url) == site.known()


@pytest.mark.parametrize("is_used", [False, True])
def test_the_file_that_init_once_made_is_not_taken_either(
    site: Site, places: Places, *, is_used: bool
) -> None:
    """Set up on a file first, moved to a server then: the empty file stays, and misleads nobody."""
    site.init(None)
    first = site.known()
    url = places.made()
    site.serve(url)
    assert site.known() == site.use(url) != first
    if is_used:
        site.process_something()
    assert first in refused_as_another(site, None)


def test_a_ledger_that_is_put_into_a_new_folder_is_taken(
    site: Site, open_site: Callable[[str], Site]
) -> None:
    """A restore on another machine begins with init, and then puts the ledger in its place."""
    old = open_site("old")
    old.init(None)
    write_books(f"sqlite:///{old.folders.embedded_ledger}")
    site.init(None)
    shutil.copy(old.folders.embedded_ledger, site.folders.embedded_ledger)
    site.serve(None)
    assert site.known() == old.known()


def test_a_folder_that_has_processed_nothing_is_bound_anew(site: Site, places: Places) -> None:
    """Trying one database before the other needs no ceremony."""
    first, second = places.made(), places.made()
    site.init(first)
    assert site.use(second) == site.known() != site.use(first) == site.known()


def test_a_folder_that_has_processed_something_is_not(site: Site, places: Places) -> None:
    """The files here and the books there belong together, and stay so unless somebody says so."""
    first, second = places.made(), places.made()
    site.init(first)
    site.process_something()
    refused_as_another(site, second)
    site.adopt(second)
    assert site.use(second) == site.known()
    refused_as_another(site, first)


def test_a_running_daemon_keeps_the_folder_to_its_ledger(site: Site, places: Places) -> None:
    """Before the first file, too: what a command writes is what the daemon reads."""
    first, second = places.made(), places.made()
    site.init(first)
    with site.folders.daemon_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OtherLedgerError):
            site.use(second)
        with pytest.raises(StorageError, match="Another ingestd serves"):
            site.adopt(second)
    assert site.use(first) == site.known()


def test_books_that_were_written_by_hand_are_not_left_behind(site: Site, places: Places) -> None:
    """Payments that the office typed in count as much as files do."""
    site.init(None)
    write_books(f"sqlite:///{site.folders.embedded_ledger}")
    refused_as_another(site, places.made())


def test_the_same_ledger_elsewhere_is_the_same(site: Site, places: Places) -> None:
    """A failover, or a restore on another server, needs nothing but the new address."""
    url = places.made()
    site.init(url)
    site.process_something()
    moved = places.copy(url)
    assert site.use(moved) == site.known()
    site.serve(moved)
    # The next message names the place where it is now.
    assert moved.rpartition("/")[2].partition("?")[0] in site.folders.ledger_id.read_text()


def test_a_second_node_belongs_to_the_ledger_that_its_database_has(
    open_site: Callable[[str], Site], places: Places
) -> None:
    """Nodes on one server find each other's ledger, whatever the first has processed."""
    url = places.empty()
    first, second = open_site("first"), open_site("second")
    first.init(url)
    first.process_something()
    write_books(url)
    second.init(url)
    assert first.known() == second.known() == second.use(url)
    assert first.folders.node_id.exists()
    assert first.folders.node_id.read_bytes() != second.folders.node_id.read_bytes()


@pytest.mark.parametrize("knows", [True, False])
def test_a_folder_without_an_id_adopts_the_ledger_that_knows_its_uploads(
    site: Site, places: Places, *, knows: bool
) -> None:
    """A restored one binds by itself, but not to the wrong ledger: that locks the right one out."""
    url = places.made()
    site.init(url)
    site.process_something(UPLOAD)
    site.folders.ledger_id.unlink()
    if knows:
        with opened(url) as database, database.writing() as connection:
            connection.exec_driver_sql(
                "INSERT INTO upload (account, upload_id, filename, source, size_bytes,"
                " received_at, node, state)"
                f" VALUES ('SPRINGFIELD', '{UPLOAD}', 'x.csv', 'sftp', 1, 0, 'n', 'done')"
            )
    if not knows:
        assert "does not know" in refused_as_another(site, url)
        return
    assert site.use(url) == site.known()
    # Once: from now on it is held to it.
    refused_as_another(site, places.made())


def test_a_crash_between_ledger_and_folder_heals(site: Site, places: Places) -> None:
    """Whichever of the two was made first, the next start binds them."""
    url = places.made()
    site.init(url)
    ledger_id = site.known()
    site.folders.ledger_id.unlink()
    site.serve(url)
    assert site.known() == ledger_id
    # And before the folder was done: `init` is safe to run twice.
    site.folders.ledger_id.unlink()
    site.folders.node_id.unlink()
    site.init(url)
    assert site.known() == ledger_id


def test_many_who_start_at_one_time_find_one_ledger(site: Site, places: Places) -> None:
    """Two that are set up by one playbook neither make two ledgers nor disturb each other."""
    site.init(None)
    url = places.empty()
    site.name(url)

    def make() -> str:
        with closing(open_installation(site.config)) as installation:
            return installation.ledger.make().ledger_id

    with ThreadPoolExecutor(4) as starters:
        made = [starters.submit(make) for _ in range(4)]
    assert {done.result(timeout=120) for done in made} == {site.known()} == {site.use(url)}


def test_the_file_is_the_groups_at_most(site: Site) -> None:
    """A monitoring user of the group may run reports; nobody else learns where the ledger is."""
    site.init(None)
    assert stat.S_IMODE(site.folders.ledger_id.stat().st_mode) == 0o640


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Go on as a user who owns nothing here."""
    mine = os.geteuid()
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_may_only_read_the_folder_may_read_the_ledger(
    open_site: Callable[[str], Site],
) -> None:
    """A monitoring user runs reports, before the folder knows its ledger and after."""
    with TemporaryDirectory() as folder:
        site = open_site(f"{folder}/site")
        url = f"sqlite:///{folder}/ledger.db"
        site.init(url)
        ledger_id = site.use(url)  # and all that is imported late is there
        for path in (Path(folder), site.folder, *site.folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        # SQLite asks its readers to be able to write, too.
        Path(folder).chmod(0o777)
        (Path(folder) / "ledger.db").chmod(0o666)
        for is_known in (True, False):
            if not is_known:
                site.folders.ledger_id.unlink()
            with as_somebody_else():
                assert site.use(url) == ledger_id
            assert site.folders.ledger_id.exists() is is_known
        assert site.use(url) == site.known() == ledger_id


def test_a_damaged_file_says_what_to_do(site: Site) -> None:
    """Half a backup is not taken for a folder that knows nothing."""
    site.init(None)
    site.folders.ledger_id.write_text("")
    error = refusal(site, None)
    assert str(site.folders.ledger_id) in error.message
    site.adopt(None)
    assert site.use(None) == site.known()


def test_adopting_makes_a_ledger_where_there_is_none(site: Site, places: Places) -> None:
    """Starting anew on purpose is one command."""
    url = places.made()
    site.init(url)
    site.process_something()
    places.lose(url)
    site.adopt(url)
    with opened(url) as database:
        assert id_of(database) == site.known()
