"""A ledger that goes to another database: nothing is lost, and never are there two in force."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.engine import Database
from ingestd.database.tables import StoredTable, has_rows, list_tables
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.service.installation.bootstrap import lock_data_folder, open_installation
from ingestd.service.installation.moving import Moved, move_ledger
from ingestd.spool.nodes import Instance, join_ledger, say_goodbye
from ingestd.values.errors import (
    CopyRefusedError,
    NotInForceError,
    OtherLedgerError,
    StorageError,
    UsageError,
)
from ingestd.values.identifiers import UploadId
from tests.integration.database.conftest import Server
from tests.integration.installation.conftest import Places, Site, opened
from tests.integration.ledger.conftest import SPRINGFIELD, Books, open_books, rows_of
from tests.integration.ledger.test_seal_chain import ROWS
from tests.integration.ledger.test_verify import fill_books, keys_of
from tests.integration.office.machine import REPORTS

# What no program decides about, and what says which of two ledgers is in force.
OF_THE_DATABASE = {"alembic_version", "schema_floor"}
STRANGE = "\\N\t\r\n\\.é🎒"
# Where a table takes less than any value.
TAKEN: Mapping[str, Mapping[str, object]] = {
    "clock_acceptance": {"clock_at": 0},
    "console_audit": {"via": "command"},
    "console_config_change": {"file": "accounts.toml"},
    "console_role": {"role": "reader"},
}


OPENS = "INSERT INTO schema_floor"
STOPS = (("CREATE TABLE upload", 1), (OPENS, 1), ("SELECT COUNT(*) FROM charge", 1), (OPENS, 2))


class PowerCutError(BaseException):
    """The process ended here."""


def put_rows(connection: Connection, table: StoredTable) -> None:
    """Put two rows into a table that no book is kept in: one of all values, one of the fewest."""
    for number in (1, 2):
        row: dict[str, object] = {}
        for name, kind in table.columns.items():
            is_given = number == 1 or name in table.key or kind in ("text", "whole", "octets?")
            values = {"whole": number, "text": f"{STRANGE}{number}"}
            octets = bytes(range(256)) * number
            row[name] = values.get(kind.rstrip("?"), octets) if is_given else None
            row[name] = 0 if name.startswith("is_") else row[name]
        row |= TAKEN.get(table.name, {})
        if table.columns.get("token_hash"):
            row["token_hash"] = bytes([0, 255, number])
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        connection.execute(sa.text(f"INSERT INTO {table.name} ({names}) VALUES ({marks})"), row)


def dump(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    with database.reading() as connection:
        names = [table.name for table in list_tables(connection)]
        return {name: rows_of(connection, name) for name in names if name not in OF_THE_DATABASE}


def answers(books: Books) -> dict[str, object]:
    """Return what every report says, and how verifying ends."""
    with books.database.reading() as connection:
        verified = verify_ledger(connection, SPRINGFIELD, decimals=2, keys_of=keys_of)
    assert verified.differences == ()
    return {"verified": verified} | {ask.__name__: books.report(ask) for ask in REPORTS}


def move(site: Site, source: str | None, target: str, *, leaving_off_at: str = "") -> Moved:
    """Do as `ingestd db copy` does, with the config naming the source."""

    def tell(table: str, _: int) -> None:
        if table == leaving_off_at:
            raise PowerCutError

    site.name(source)
    with closing(open_installation(site.config)) as installation:
        return move_ledger(installation, target, tell)


def usable(site: Site, *urls: str | None) -> list[str | None]:
    """Return where a command or daemon would work; elsewhere it is a mistake of the config."""
    found: list[str | None] = []
    for url in urls:
        try:
            site.use(url)
        except (NotInForceError, OtherLedgerError):
            continue
        found.append(url)
    return found


def own(site: Site) -> str:
    return f"sqlite:///{site.folders.embedded_ledger}"


@pytest.fixture
def at_home(site: Site) -> Site:
    """An installation whose ledger is the file in its folder, with a few books."""
    site.init(None)
    accounts = site.config.parent / "accounts.toml"
    accounts.write_text(
        '[SPRINGFIELD]\nname = "S"\ntimezone = "America/Chicago"\ncurrency = "USD"\n'
    )
    return site


def put_books(database: Database) -> None:
    """Leave what the first batch leaves in the head's table."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            f"INSERT INTO seal_head (account, hash, batch_no) VALUES ('A', '{GENESIS_HASH}', 1)"
        )


@contextmanager
def kept(site: Site, url: str) -> Iterator[Books]:
    """Lend the books in a database."""
    with opened(url) as database:
        yield open_books(database, site.folders.data_dir)


def test_books_go_to_a_server_and_come_back_as_they_were(
    at_home: Site, server: Server | None
) -> None:
    """A school outgrows its file: not one row, number or answer is another afterwards."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    site = at_home
    with opened(own(site)) as database:
        books = fill_books(open_books(database, site.folders.data_dir).signed(for_witness=True))
        books.load(CatalogKind.GL_ACCOUNTS, [{"gl_account": "4-80", "requires_donor": 1}])
        books.load(CatalogKind.MERCHANTS, [{"merchant_id": "M1"}])
        books.load(CatalogKind.DONORS, [{"donor_number": "4", "pledges": "7;12", "appeals": "L"}])
        waiting = books.queue(b"still waiting")
        with database.writing() as connection:
            tables = [table for table in list_tables(connection) if not has_rows(connection, table)]
            for table in tables:
                put_rows(connection, table)
        before, said = dump(database), answers(books)
    assert [name for name, rows in before.items() if not rows] == []
    back = f"sqlite:///{site.folder}/back.db"
    with server.database("pattern_empty") as there:
        ledger_id = site.known()
        moved = move(site, None, there)
        assert usable(site, None, there) == [there]
        assert move(site, None, there) == moved  # whoever is not sure that it was done asks again
        assert site.known() == ledger_id
        with opened(there) as database:
            assert dump(database) == before
            assert answers(replace(books, database=database)) == said
        assert move(site, there, back).heads == moved.heads
        assert usable(site, None, there, back) == [back]
        with opened(back) as database:
            assert dump(database) == before
            books = replace(books, database=database)
            assert answers(books) == said
            _goes_on(books, waiting)


def _goes_on(books: Books, waiting: UploadId) -> None:
    """See that the queue, the keys and the numbers are where they were."""
    upload = books.lease()
    assert upload is not None
    assert upload.upload_id == waiting
    books.process(upload)
    charges = len(books.dump("charge")["charge"])
    books.post(*ROWS)
    assert len(books.dump("charge")["charge"]) == charges
    books.post("WALLET,NEW,S1,MEAL,,1.00")
    assert (SPRINGFIELD, charges + 1, "NEW") in {row[:3] for row in books.dump("charge")["charge"]}


@contextmanager
def ending_at(words: str, count: int) -> Iterator[None]:
    """End as a kill does, before one statement of those that begin so is sent to any database."""
    seen = itertools.count(1)

    def before(*event: object) -> None:
        if str(event[2]).startswith(words) and next(seen) == count:
            raise PowerCutError

    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", before)


def test_whoever_is_interrupted_asks_again(at_home: Site, places: Places) -> None:
    """However often it ends in the middle, what was posted meanwhile comes along.

    And at each moment one ledger at most is in force.
    """
    site = at_home
    there = places.empty()
    with kept(site, own(site)) as books:
        for number, stop in enumerate(STOPS):
            with ending_at(*stop), pytest.raises(PowerCutError):
                move(site, None, there)
            assert usable(site, None, there) == [None]
            books.post(f"WALLET,T{number},S1,MEAL,,1.00")
        with pytest.raises(PowerCutError):
            move(site, None, there, leaving_off_at="charge")
        assert usable(site, None, there) == [None]
        before = dump(books.database)
    with ending_at(OPENS, 3), pytest.raises(PowerCutError):
        move(site, None, there)
    assert usable(site, None, there) == []
    with pytest.raises(NotInForceError, match="was moved to"):
        move(site, None, places.empty())
    move(site, None, there)
    assert usable(site, None, there) == [there]
    with opened(there) as database:
        assert dump(database) == before


def test_what_somebody_has_is_not_written_over(at_home: Site, places: Places) -> None:
    """A mistyped name costs nothing: neither the other books nor this ledger's place."""
    site = at_home
    with kept(site, own(site)) as books:
        books.post(*ROWS)
    theirs, used, made = places.made(), places.made(), places.made()
    with opened(theirs) as database:
        put_books(database)
        said_there = dump(database)
    with opened(used) as database, database.writing() as connection:
        [table] = [one for one in list_tables(connection) if one.name == "node"]
        put_rows(connection, table)
    for url, why in (
        (theirs, r"another ledger, \w{32}: there is something in .*seal_head"),
        (used, "there is something in node"),
        (own(site), "is in SQLite ledger.db already"),
    ):
        with pytest.raises(CopyRefusedError, match=why):
            move(site, None, url)
    with pytest.raises(UsageError, match="--to: "):
        move(site, None, "mysql://somewhere/books")
    lock = lock_data_folder(site.folders)
    with pytest.raises(StorageError, match="Another ingestd serves"):
        move(site, None, made)
    os.close(lock)
    assert usable(site, None, theirs, made) == [None]
    with opened(theirs) as database:
        assert dump(database) == said_there
    move(site, None, made)  # without rows a ledger is nobody's
    with pytest.raises(CopyRefusedError, match="as it was when it was moved to"):
        move(site, made, own(site))


def test_a_ledger_is_not_copied_under_nodes_that_work(at_home: Site, server: Server | None) -> None:
    """Of several machines one is easily forgotten."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    site = at_home
    with server.database("pattern_empty") as there:
        move(site, None, there)
        other = Instance(
            node="n", instance="i", program="1", revision="0001", host="door-2", host_keys=""
        )
        back = f"sqlite:///{site.folder}/back.db"
        with opened(there) as database:
            database.write(lambda connection: join_ledger(connection, instance=other, seen=None))
            with pytest.raises(CopyRefusedError, match="n on door-2"):
                move(site, there, back)
            database.write(lambda connection: say_goodbye(connection, other))
            # A program that began before writes nothing after.
            books = open_books(database, site.folders.data_dir)
            move(site, there, back)
            with pytest.raises(NotInForceError, match="was moved to SQLite"):
                books.post(*ROWS)
