"""Through a real PgBouncer: what one transaction leaves in a session, another's would find."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Allowlist
from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database, open_database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.intake.work.worker import Worker
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.reports.figures.items import report_items
from ingestd.values.identifiers import AccountId
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station
from tests.integration.ledger.conftest import PRODUCTS, STUDENTS, Books, charges, springfield
from tests.integration.nodes.conftest import MakePooler

DISTRICTS = [AccountId(f"DISTRICT-{letter}") for letter in "ABCD"]
NODES = ("n1", "n2")
# Small ones; and one that comes by COPY, is analysed, and is streamed when it is sealed.
FILES = (20, 20, 20, 1_200)


def opened(url: str, folder: Path, log: list[dict[str, Any]], node: str) -> list[Station]:
    """Return a node's station for each district, on a database of its own."""
    database = open_database(url)
    accounts = {each: replace(springfield(), account_id=each) for each in DISTRICTS}
    empty = Allowlist(everyone=(), deny=(), accounts={})
    keeper = AccessKeeper(Access(accounts=accounts, allowlist=empty))
    return [
        Station(
            books=Books(
                database=database,
                folder=folder / node,
                account=account,
                node=node,
                _numbers=itertools.count(1000 * int(node[1:])),
            ),
            log=log,
            keeper=keeper,
        ).signed()
        for account in accounts.values()
    ]


def fill(station: Station, node: str) -> None:
    """Queue a node's files of one district; each key tells whose it is."""
    books = station.books
    for number, rows in enumerate(FILES):
        key = f"{books.account.account_id}/{node}/{number}"
        content = charges(*(f"LIABILITY,{key}/{row},S1,MEAL,lunch,3.25" for row in range(rows)))
        books.queue(content, f"student_billing_{number}.csv")


def work_until_done(worker: Worker) -> None:
    """Take files until there are none; one that another works on is waited for."""
    while worker.run_next() or _waiting(worker):
        threading.Event().wait(0.01)


def _waiting(worker: Worker) -> bool:
    with worker.works.database.reading() as connection:
        asked = "SELECT COUNT(*) FROM upload WHERE state IN ('waiting', 'working')"
        return bool(connection.exec_driver_sql(asked).scalar_one())


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_every_district_is_charged_its_own_through_a_pooler(
    make_database: MakeDatabase,
    make_pooler: MakePooler,
    tmp_path: Path,
    log: list[dict[str, Any]],
    mode: str,
) -> None:
    """Two nodes share a few sessions, and no district pays for another's pupils."""
    direct = make_database("postgresql")
    url = direct.engine.url.render_as_string(hide_password=False)
    # A session is a thread's until it goes; a transaction's is anybody's a moment later.
    through = make_pooler(url, mode=mode, connections=3 if mode == "transaction" else 12)
    post_all(direct, through, tmp_path, log)


def test_a_server_that_isolates_more_than_we_ask_for_loses_nothing(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """Whatever a server's default is: who loses to another transaction is tried again."""
    direct = make_database("postgresql")
    direct.at_once(
        lambda connection: connection.exec_driver_sql(
            f"ALTER DATABASE {direct.engine.url.database}"
            " SET default_transaction_isolation = 'serializable'"
        )
    )
    post_all(direct, direct.engine.url.render_as_string(hide_password=False), tmp_path, log)


def post_all(direct: Database, through: str, tmp_path: Path, log: list[dict[str, Any]]) -> None:
    """Let two nodes post the files of all districts, and hold the books to what was sent."""
    nodes = {node: opened(through, tmp_path, log, node) for node in NODES}
    for station in nodes["n1"]:
        station.folders.create_for(station.books.account.account_id)
        station.books.load(CatalogKind.PRODUCTS, PRODUCTS)
        station.books.load(CatalogKind.STUDENTS, STUDENTS)
    for node, stations in nodes.items():
        for station in stations:
            fill(station, node)
    workers = [stations[0].worker() for stations in nodes.values()]
    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(work_until_done, workers[n % 2]) for n in range(6)]:
            done.result(timeout=300)
    for stations in nodes.values():
        stations[0].books.database.close()
    for district in DISTRICTS:
        require_exact(direct, district, tmp_path)
    assert not [line for line in log if line["event"] == "worker_failed"]


def require_exact(database: Database, district: AccountId, folder: Path) -> None:
    account = replace(springfield(), account_id=district)
    books = Books(database=database, folder=folder, account=account)
    keys = [row["tracking_id"] for row in books.report_alone(report_items)["rows"]]  # type: ignore[attr-defined]
    assert {str(key).split("/")[0] for key in keys} == {district}
    assert len(keys) == len(set(keys)) == len(NODES) * sum(FILES)
    require_verified(database, district)


# Whatever a session may keep: settings, statements, cursors, tables, locks, channels.
LEFT = """
SELECT 'setting ' || name FROM pg_settings WHERE source = 'session'
UNION ALL SELECT 'statement ' || statement FROM pg_prepared_statements
UNION ALL SELECT 'cursor ' || name FROM pg_cursors WHERE name <> ''
UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'
UNION ALL SELECT 'lock' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
UNION ALL SELECT 'channel ' || name FROM pg_listening_channels() AS name
"""


def test_a_session_is_left_as_it_was_found(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]]
) -> None:
    """What one transaction leaves behind, the next one trips over that is lent the session."""
    direct = make_database("postgresql")
    url = direct.engine.url.render_as_string(hide_password=False)
    [station, *_] = opened(url, tmp_path, log, "n1")
    database = station.books.database
    station.books.load(CatalogKind.PRODUCTS, PRODUCTS)
    station.books.load(CatalogKind.STUDENTS, STUDENTS)
    fill(station, "n1")
    work_until_done(station.worker())
    station.worker().deliver_left_over()
    require_verified(database, station.books.account.account_id)
    # All of it went through one session, which is lent again.
    assert "Connections in pool: 1 " in database.engine.pool.status()
    left = database.at_once(lambda connection: connection.exec_driver_sql(LEFT).scalars().all())
    assert left == []
    database.close()


def require_verified(database: Database, district: AccountId) -> None:
    with database.reading() as connection:
        assert verify_ledger(connection, district, decimals=2).holds
