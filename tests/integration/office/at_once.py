"""Two commands at the same moment: the second is typed while the first has its books open."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from ingestd.database.engine import Database, open_database
from ingestd.service.office.bookkeeper import Answer
from ingestd.values.errors import IngestdError, LedgerRefusal
from tests.integration.ledger.conftest import FakeClock
from tests.integration.office.conftest import TODAY
from tests.integration.payments.conftest import PaymentOffice

HELD_SECONDS = 120.0  # however busy the machine is; nobody waits for it unless a test fails
# What a command writes last, and what it asks for first: to be the only writer.
LAST = "INSERT INTO seal ("
TURN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "FOR UPDATE"}
_LATER = timedelta(hours=1)

Deed = Callable[[PaymentOffice], Answer]
Refused = tuple[int, str, str]
Outcome = Answer | Refused


def outcome(deed: Deed, office: PaymentOffice) -> Outcome:
    """Return a command's answer, or its exit code, the refusal's code and its line."""
    try:
        return deed(office)
    except IngestdError as error:
        code = error.refusal if isinstance(error, LedgerRefusal) else ""
        return error.exit_code, code, error.message


@dataclass
class Moment:
    """What is seen of two commands on two connections."""

    held: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)

    def hold(self, *event: Any) -> None:
        if LAST in event[2] and not self.held.is_set():
            self.held.set()
            assert self.released.wait(HELD_SECONDS)

    def ask(self, *event: Any) -> None:
        if any(turn in event[2] for turn in TURN.values()):
            self.asked.set()

    def enter(self, *event: Any) -> None:
        if any(turn in event[2] for turn in TURN.values()):
            self.entered.set()


def both_at_once(office: PaymentOffice, first: Deed, second: Deed) -> tuple[Outcome, Outcome]:
    """Do two things to one account's books at the same moment; return what came of each.

    The second is asked for once the first has written everything but its seal, and the first goes
    on once the second waits for its turn: a second that did not wait fails the test.
    """
    moment = Moment()
    with other_connection(office) as beside, ThreadPoolExecutor(2) as pool:
        engines = office.books.database.engine, beside.books.database.engine
        with (
            listening(engines[0], "before_cursor_execute", moment.hold),
            listening(engines[1], "before_cursor_execute", moment.ask),
            listening(engines[1], "after_cursor_execute", moment.enter),
        ):
            try:
                winner = pool.submit(outcome, first, office)
                wait_until(moment.held.is_set, winner)
                loser = pool.submit(outcome, second, beside)
                wait_until(lambda: moment.asked.is_set() and somebody_waits(beside), loser)
                assert not moment.entered.is_set()
                assert not winner.done()
                assert not loser.done()
            finally:
                moment.released.set()
            return winner.result(HELD_SECONDS), loser.result(HELD_SECONDS)


@contextmanager
def other_connection(office: PaymentOffice) -> Iterator[PaymentOffice]:
    """Lend the same office at another desk: another program, an hour later by its clock."""
    url = office.books.database.engine.url
    if office.books.database.is_embedded:
        # By another name: threads that write into one file take turns, and programs know of none.
        path = Path(url.database or "")
        url = url.set(database=f"{path.parent}/./{path.name}")
    with closing(open_database(url.render_as_string(hide_password=False))) as database:
        clock = FakeClock(TODAY + _LATER)
        yield PaymentOffice(replace(office.books, database=database, clock=clock))


@contextmanager
def listening(engine: sa.Engine, event: str, hear: Callable[..., None]) -> Iterator[None]:
    sa.event.listen(engine, event, hear)
    try:
        yield
    finally:
        sa.event.remove(engine, event, hear)


def wait_until(holds: Callable[[], bool], under_way: Future[Outcome]) -> None:
    """Wait for a condition; fail when what was to bring it about ended without."""
    deadline = time.monotonic() + HELD_SECONDS
    while not holds():
        assert not under_way.done(), under_way.result()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def somebody_waits(office: PaymentOffice) -> bool:
    """Tell whether somebody has to wait for another one's transaction."""
    database = office.books.database
    if database.is_embedded:
        return not _may_write(database)
    with database.engine.connect() as connection:
        waiting = connection.exec_driver_sql(
            "SELECT COUNT(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(waiting.scalar_one())


def _may_write(database: Database) -> bool:
    path = str(database.engine.url.database)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.rollback()
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True
