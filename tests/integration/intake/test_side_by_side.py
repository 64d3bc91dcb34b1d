"""Districts side by side: on PostgreSQL one account's long transaction is nobody else's wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingestd.access.accounts import Access
from ingestd.access.allowlist import Allowlist
from ingestd.access.keeper import AccessKeeper
from ingestd.database.engine import Database
from ingestd.values.identifiers import AccountId
from tests.integration.database.conftest import MakeDatabase
from tests.integration.intake.conftest import Station, open_station
from tests.integration.ledger.conftest import (
    SPRINGFIELD,
    Books,
    charges,
    open_books,
    springfield,
)

HELD_SECONDS = 120.0  # however busy the machine is; nobody waits for it unless a test fails
SHELBYVILLE = AccountId("SHELBYVILLE")
LARGE = charges(*(f"LIABILITY,large-{row},S{1 + row % 5},MEAL,,1.00" for row in range(5_000)))
# Where the large file stands still: its charges are written, or all of it is but the commit.
POSTING, DONE = "INSERT INTO posting", "SET state = 'done'"


@dataclass(eq=False)
class Stop:
    """Where one account's transaction stands still, as long as it is told to."""

    account: AccountId
    statement: str
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def __call__(self, *event: Any) -> None:
        _, _, statement, values, *_ = event
        if self.statement in statement and values["account"] == self.account:
            self.reached.set()
            self.released.wait(HELD_SECONDS)


@contextmanager
def standing_still(database: Database, stop: Stop) -> Iterator[None]:
    """Let the account's transaction stop behind the statement, with every lock that it took."""
    sa.event.listen(database.engine, "after_cursor_execute", stop)
    try:
        yield
    finally:
        stop.released.set()
        sa.event.remove(database.engine, "after_cursor_execute", stop)


@pytest.fixture
def both_schools(
    make_database: MakeDatabase, tmp_path: Path, log: list[dict[str, Any]]
) -> tuple[Station, Books]:
    """A station on PostgreSQL that serves Springfield and, with books of its own, Shelbyville."""
    database = make_database("postgresql")
    station = open_station(database, tmp_path / "data", log).signed()
    other = replace(
        open_books(
            database,
            station.books.folder,
            account=replace(springfield(), account_id=SHELBYVILLE),
            signing=station.books.signing,
        ),
        # Upload ids are unique among all accounts, as real ones are.
        _numbers=station.books._numbers,
    )
    accounts = {SPRINGFIELD: station.books.account, SHELBYVILLE: other.account}
    nobody = Allowlist(everyone=(), deny=(), accounts={})
    keeper = AccessKeeper(Access(accounts=accounts, allowlist=nobody))
    return replace(station, keeper=keeper), other


@pytest.mark.parametrize("statement", [POSTING, DONE])
def test_while_a_large_file_is_posted_no_other_account_waits(
    both_schools: tuple[Station, Books], statement: str
) -> None:
    """A district's million rows at noon must not keep the others' lunches out of the books."""
    station, other = both_schools
    worker = station.worker()
    stop = Stop(SPRINGFIELD, statement)
    large = station.books.queue(LARGE)
    with ThreadPoolExecutor(2) as pool, standing_still(worker.works.database, stop):
        posting = pool.submit(worker.run_next)
        assert stop.reached.wait(HELD_SECONDS)
        # The account's first file and its next one; its own later file has its turn afterwards.
        small = [
            other.queue(charges(f"LIABILITY,small-{number},S1,MEAL,,2.00")) for number in range(2)
        ]
        later = station.books.queue(charges("LIABILITY,later,S1,MEAL,,3.00"))
        for _ in small:
            assert pool.submit(worker.run_next).result(HELD_SECONDS)
        assert not pool.submit(worker.run_next).result(HELD_SECONDS)
        assert worker.deliver_left_over() == 0
        receipts = other.receipts()
        assert [name.split(".")[1] for name in receipts] == small
        assert not posting.done()
        assert station.books.upload(large).state == "working"
        stop.released.set()
        assert posting.result(HELD_SECONDS)
    assert worker.run_next()
    assert [name.split(".")[1] for name in station.books.receipts()] == [large, later]
    assert {line["status"] for line in station.events("file_processed")} == {"processed"}
