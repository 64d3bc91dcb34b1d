"""Threads that write into one SQLite file take turns, and lose no time over it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import pytest
import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.database.turns import turn_of, turn_to_write
from tests.integration.database.conftest import MakeDatabase

PATIENCE_SECONDS = 15.0
LONG_ENOUGH_SECONDS = 0.3


def in_a_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_thread_does_not_ask_sqlite_while_another_writes(make_database: MakeDatabase) -> None:
    """SQLite would let it sleep: a small file waited for a tenth of a second and more."""
    database = make_database("sqlite")
    asked = threading.Event()

    def write() -> None:
        with database.writing():
            pass

    with database.writing():
        # It would say BEGIN, and sleep there.
        sa.event.listen(database.engine, "before_cursor_execute", lambda *_: asked.set())
        second = in_a_thread(write)
        assert not asked.wait(LONG_ENOUGH_SECONDS)
    second.join(PATIENCE_SECONDS)
    assert asked.is_set()
    assert not second.is_alive()


def test_whoever_waited_long_enough_is_let_through(make_database: MakeDatabase) -> None:
    """SQLite has the last word, and whoever has the turn keeps it."""
    engine = make_database("sqlite").engine
    begun = time.monotonic()
    with turn_to_write(engine, seconds_max=1):
        inside: list[float] = []

        def enter() -> None:
            with turn_to_write(engine, seconds_max=LONG_ENOUGH_SECONDS):
                inside.append(time.monotonic() - begun)

        for _ in range(2):
            in_a_thread(enter).join(PATIENCE_SECONDS)
        assert len(inside) == 2
        assert inside[0] >= LONG_ENOUGH_SECONDS
        assert inside[1] >= 2 * LONG_ENOUGH_SECONDS


def test_who_has_written_comes_after_those_who_wait(make_database: MakeDatabase) -> None:
    """On a busy machine a worker wrote file after file, and what had settled was not claimed."""
    database = make_database("sqlite")
    turn = turn_of(database.engine)
    order: list[int] = []

    def note(number: int, _: object) -> None:
        order.append(number)

    writers: list[threading.Thread] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    with database.writing():
        for number in range(3):
            write = partial(database.write, partial(note, number))
            writers.append(in_a_thread(write))
            while turn.waiting <= number:
                assert time.monotonic() < deadline
                time.sleep(0.001)
    database.write(partial(note, 3))
    for writer in writers:
        writer.join(PATIENCE_SECONDS)
    assert order == [0, 1, 2, 3]


def test_the_turn_is_given_back_where_a_transaction_fails(make_database: MakeDatabase) -> None:
    """One file that fails holds up nobody."""
    database = make_database("sqlite")
    with pytest.raises(KeyError), database.writing():
        raise KeyError
    done = threading.Event()
    in_a_thread(lambda: database.write(lambda _: done.set())).join(PATIENCE_SECONDS)
    assert done.is_set()


def test_on_postgresql_nobody_waits(make_database: MakeDatabase) -> None:
    """There are many writers, and each account's row says who may write its books."""
    database: Database = make_database("postgresql")
    done = threading.Event()
    with database.writing():
        second = in_a_thread(lambda: database.write(lambda _: done.set()))
        assert done.wait(PATIENCE_SECONDS)
    second.join(PATIENCE_SECONDS)
