"""Each guard of "exactly once" earns its place: taken out, it is missed.

None stands alone. What is refused by one would mostly be refused by the next one, too, though
later, as a fault, or at somebody else's cost; each test says by which, and what it costs.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingestd.database.engine import Database, open_database
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.books import head
from ingestd.ledger.taking.charge_files import charges as charge_taking
from ingestd.spool import queue
from ingestd.spool.queue import LEASE_SECONDS, Given, QueuedUpload
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import DatabaseFaultError, LeaseLostError
from tests.integration.database.conftest import KINDS, MakeDatabase
from tests.integration.faults.guards import drop_key, held_at, take_out
from tests.integration.ledger.conftest import SPRINGFIELD, Books, charges, open_books

PATIENCE_SECONDS = 60.0
ROW = "WALLET,{},S1,MEAL,,1.00"
CLAIMED = " AND claim_token = :claim_token"
WORKED_ON = "\n  AND state = 'working'"
SEALS = "INSERT INTO seal ("
NUMBERED = ("seal", "chunk", "leaf", "charge", "posting", "batch_total", "open_charge")
FENCED = ("renew_lease", "mark_done", "put_back", "wait_for_world", "hand_back")


def taken_over(books: Books, key: str) -> tuple[QueuedUpload, QueuedUpload]:
    """Return one upload as two workers have it: the first one slept through its lease."""
    books.queue(charges(ROW.format(key)), f"student_billing_{key}.csv")
    first = leased(books)
    later = to_microseconds(books.clock.now()) + 2 * LEASE_SECONDS * 1_000_000
    with books.database.writing() as connection:
        second = queue.lease_next(connection, node=books.node, owner="second", now=later)
    assert second is not None
    assert first.upload_id == second.upload_id
    return first, second


def charged(books: Books) -> list[str]:
    return [str(row[2]) for row in books.dump("charge")["charge"]]


def holds(books: Books) -> bool:
    with books.database.reading() as connection:
        return verify_ledger(connection, SPRINGFIELD, decimals=2).holds


def fail(books: Books, upload: QueuedUpload) -> Given:
    with books.database.writing() as connection:
        return queue.put_back(connection, upload, error="its disk", now=0)


def test_without_the_claim_token_whoever_slept_takes_the_file_from_who_works_on_it(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that wakes up with a broken disk is no reason to call anybody for a good file."""
    first, second = taken_over(books, "T1")
    with pytest.raises(LeaseLostError):
        books.process(first)
    assert fail(books, first) is Given.NOT_OURS
    books.process(second)
    upload = books.upload(second.upload_id)
    assert (upload.status, upload.attempts) == ("processed", 0)

    take_out(monkeypatch, queue, FENCED, CLAIMED, "")
    first, second = taken_over(books, "T2")
    assert fail(books, first) is Given.TO_BE_TRIED
    with pytest.raises(LeaseLostError):  # who holds the claim, and did nothing wrong
        books.process(second)
    assert books.upload(second.upload_id).attempts == 1


def test_without_the_claim_token_whoever_slept_finishes_what_another_is_about_to(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that has done everything right is not told that it has failed."""
    take_out(monkeypatch, queue, FENCED, CLAIMED, "")
    first, second = taken_over(books, "T1")
    books.process(first)
    with pytest.raises(LeaseLostError):
        books.process(second)
    # What is done is not done again all the same: that it is still worked on is asked, too.
    assert charged(books) == ["T1"]


@pytest.mark.parametrize("kind", KINDS)
def test_behind_the_fence_an_upload_has_one_outcome(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """With nothing left of the fence, the key of outcomes refuses a second one, as a fault."""
    take_out(monkeypatch, queue, FENCED, WORKED_ON + CLAIMED, "")
    books = open_books(make_database(kind), tmp_path / "keyed")
    first, second = taken_over(books, "T1")
    books.process(second)
    with pytest.raises(DatabaseFaultError):
        books.process(first)
    assert len(books.dump("file_outcome")["file_outcome"]) == 1

    keyless = make_database(kind)
    drop_key(keyless, "file_outcome")
    books = open_books(keyless, tmp_path / "keyless")
    first, second = taken_over(books, "T1")
    books.process(second)
    books.process(first)
    assert len(books.dump("file_outcome")["file_outcome"]) == 2
    assert charged(books) == ["T1"]  # its key is one charge's for ever


@pytest.mark.parametrize("kind", KINDS)
def test_a_charge_is_posted_twice_only_without_its_key_and_without_the_look_for_it(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The look makes duplicates of what is sent again; behind it stands the key, which decides."""
    keyed = open_books(make_database(kind), tmp_path / "keyed")
    keyless_database = make_database(kind)
    drop_key(keyless_database, "charge_key")
    keyless = open_books(keyless_database, tmp_path / "keyless")
    for books in (keyed, keyless):
        books.post(ROW.format("T1"))
        repeated = books.post(ROW.format("T1"))
        assert repeated.rows is not None
        assert (repeated.rows.applied, repeated.rows.duplicate) == (0, 1)
        assert charged(books) == ["T1"]

    blind = "ON e.account = :account AND e.tracking_id = k.row_key"
    take_out(monkeypatch, charge_taking, ("find_known_keys",), blind, f"{blind} AND 1 = 0")
    with pytest.raises(DatabaseFaultError):
        keyed.post(ROW.format("T1"))
    assert charged(keyed) == ["T1"]
    assert holds(keyed)
    keyless.post(ROW.format("T1"))
    assert charged(keyless) == ["T1", "T1"]
    assert keyless.balances() == {("S1", "WALLET"): "-2.00"}
    assert not holds(keyless)


@contextlib.contextmanager
def two_nodes(database: Database, folder: Path) -> Iterator[tuple[Books, Books]]:
    """Lend two nodes with one account's books, each on connections of its own."""
    url = database.engine.url.render_as_string(hide_password=False)
    open_books(database, folder / "catalog")
    with contextlib.ExitStack() as stack:
        yield tuple(  # type: ignore[misc]
            Books(
                database=stack.enter_context(contextlib.closing(open_database(url))),
                folder=folder / name,
                node=name,
                _numbers=itertools.count(first),
            )
            for name, first in (("here", 100), ("there", 200))
        )


def process_both_at_once(nodes: tuple[Books, Books]) -> list[BaseException | None]:
    """Let a node come to its seal, let the other one begin, and both end; return what failed."""
    first_upload, second_upload = map(leased, nodes)
    with ThreadPoolExecutor(2) as threads, held_at(nodes[0].database, SEALS, 60) as held:
        first = threads.submit(nodes[0].process, first_upload)
        assert held.reached.wait(PATIENCE_SECONDS)
        second = threads.submit(nodes[1].process, second_upload)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not second.done() and not somebody_waits(nodes[0].database):
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        held.released.set()
        return [done.exception(PATIENCE_SECONDS) for done in (first, second)]


def leased(books: Books) -> QueuedUpload:
    upload = books.lease()
    assert upload is not None
    return upload


def somebody_waits(database: Database) -> bool:
    with database.reading() as connection:
        asked = (
            "SELECT COUNT(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(connection.exec_driver_sql(asked).scalar_one())


def queue_both(nodes: tuple[Books, Books], *keys: str) -> None:
    for node, key in zip(nodes, keys, strict=True):
        node.queue(charges(ROW.format(key)), f"student_billing_{key}.csv")


def test_without_the_heads_lock_the_second_of_two_writers_fails_for_nothing(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two nodes with files of one district take turns; without the lock it is the files' fault."""
    with two_nodes(make_database("postgresql"), tmp_path) as nodes:
        queue_both(nodes, "T1", "T1")
        assert process_both_at_once(nodes) == [None, None]
        take_out(monkeypatch, head, ("lock_head",), "FOR UPDATE", "")
        queue_both(nodes, "T2", "T2")
        [first, second] = process_both_at_once(nodes)
        assert first is None
        assert isinstance(second, DatabaseFaultError)  # by the charges' numbers, which are taken
        assert charged(nodes[0]) == ["T1", "T2"]
        assert holds(nodes[0])


def test_without_it_and_without_the_numbers_keys_the_books_fork(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were a batch's number not its own, two batches would follow the same one."""
    database = make_database("postgresql")
    drop_key(database, *NUMBERED)
    take_out(monkeypatch, head, ("lock_head",), "FOR UPDATE", "")
    with two_nodes(database, tmp_path) as nodes:
        nodes[0].post(ROW.format("T1"))
        queue_both(nodes, "T2", "T3")
        [first, second] = process_both_at_once(nodes)
        assert first is None
        assert isinstance(second, AssertionError)  # the seal counts what it finds stored
        # Files that bring nothing new have nothing else that could be counted.
        with nodes[1].database.writing() as connection:
            queue.release_leases(connection, node="there")
        nodes[1].process(leased(nodes[1]))
        queue_both(nodes, "T1", "T1")
        assert process_both_at_once(nodes) == [None, None]
        numbers = [int(str(row[1])) for row in nodes[0].dump("seal")["seal"] if row[2] == "upload"]
        assert sorted(numbers) == [3, 4, 5, 6, 6]
        assert not holds(nodes[0])
