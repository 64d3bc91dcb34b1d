"""Clocks of two nodes jump while files come: order is kept, nothing is lost or done twice."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingestd.database.engine import Database
from ingestd.ledger.books.clock_check import accept_clock, find_clock_doubts
from ingestd.spool.queue import lease_next
from ingestd.values.clock import to_microseconds
from ingestd.values.errors import ClockBehindError, LeaseLostError
from tests.chaos import SEED, TIMES
from tests.integration.archive.nodes import let_time_pass
from tests.integration.archive.s3_server import Bucket
from tests.integration.database.conftest import MakeDatabase
from tests.integration.faults.districts import Post, load_catalogs, node_of_all
from tests.integration.faults.nodes import Node
from tests.integration.faults.promises import Sent, is_idle, require_kept, rows_of
from tests.integration.intake.conftest import Station
from tests.integration.intake.test_clock_watch import TurnedClock

STEPS = 120
ROUNDS_MAX = 100
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
JUMPS = (timedelta(), timedelta(), DAY, -HOUR)


class JumpingNode(Node):
    """A node with a clock that jumps."""

    def __init__(self, station: Station, clock: TurnedClock) -> None:
        station.clock = clock
        super().__init__(station)
        self.clock = clock

    def move(self) -> None:
        """Look, and process a file, as the intake does; a clock that is doubted ends it."""
        self.driven.look()
        try:
            self.driven.work()
        except ClockBehindError:
            return

    @property
    def doubted(self) -> set[str]:
        """Whose books are ahead of this node's clock."""
        with self.station.books.database.reading() as connection:
            now = to_microseconds(self.clock.now())
            return {str(doubt.account) for doubt in find_clock_doubts(connection, now=now)}


@pytest.fixture
def shared(make_database: MakeDatabase, tmp_path: Path) -> Database:
    database = make_database("postgresql")
    load_catalogs(database, tmp_path / "catalogs")
    return database


@pytest.fixture
def nodes(
    shared: Database, tmp_path: Path, log: list[dict[str, Any]], bucket: Bucket
) -> Iterator[list[JumpingNode]]:
    made = []
    for name in ("here", "there"):
        station = node_of_all(shared, tmp_path, log, name)
        station.archive = bucket.open()
        made.append(JumpingNode(station, TurnedClock()))
    yield made
    for node in made:
        node.close()


def batches(database: Database) -> list[dict[str, Any]]:
    return rows_of(
        database,
        "SELECT account, batch_no, upload_id, sealed_at FROM seal WHERE event = 'upload'"
        " ORDER BY account, batch_no",
    )


def posted(database: Database) -> dict[str, int]:
    """Return how many batches of files each account has."""
    counted: defaultdict[str, int] = defaultdict(int)
    for batch in batches(database):
        counted[batch["account"]] += 1
    return counted


def accept(node: JumpingNode) -> None:
    """Say as an operator that the books are ahead, and this clock is right."""
    with node.station.books.database.writing() as connection:
        now = to_microseconds(node.clock.now())
        for doubt in find_clock_doubts(connection, now=now):
            accept_clock(connection, doubt, by="maria", reason="checked against a phone")


def require_order(database: Database, sent: list[Sent]) -> None:
    """See that each account's files are posted in the order in which they were answered."""
    names = {row["upload_id"]: row["filename"] for row in rows_of(database, "SELECT * FROM upload")}
    found: defaultdict[str, list[str]] = defaultdict(list)
    sealed: defaultdict[str, list[int]] = defaultdict(list)
    for batch in batches(database):
        found[batch["account"]].append(names[batch["upload_id"]])
        sealed[batch["account"]].append(batch["sealed_at"])
    for account in found:
        assert found[account] == [each.filename for each in sent if each.account == account]
        assert sealed[account] == sorted(set(sealed[account]))


def require_sane_times(database: Database, began: datetime) -> None:
    """See that no receipt has a time that none of the clocks has shown."""
    first, last = began - HOUR, datetime.now(UTC) + DAY
    for row in rows_of(database, "SELECT received_at, finished_at FROM file_outcome"):
        for instant in row.values():
            assert to_microseconds(first) <= instant <= to_microseconds(last)


@pytest.mark.chaos
@pytest.mark.parametrize("part", range(TIMES))
def test_clocks_that_jump_change_no_order_and_lose_nothing(
    nodes: list[JumpingNode], shared: Database, part: int
) -> None:
    """A time server that goes mad on one machine costs its districts time, and nothing else."""
    chance = random.Random(SEED + part)
    post, sent, began = Post(chance), list[Sent](), datetime.now(UTC)
    waited = 0
    for _ in range(STEPS):
        node = chance.choice(nodes)
        match chance.randrange(8):
            case 0 | 1:
                sent.append(post.make(len(sent)))
                node.send(sent[-1])
            case 2:
                node.clock.turned = chance.choice(JUMPS)
            case 3 if chance.random() < 0.2:
                accept(node)
            case _:
                doubted, before = node.doubted, posted(shared)
                node.move()
                now = posted(shared)
                assert [each for each in doubted if now[each] != before[each]] == []
                waited += bool(doubted)
    for node in nodes:
        node.clock.turned = timedelta()
    for _ in range(ROUNDS_MAX):
        let_time_pass(shared)
        for node in nodes:
            accept(node)
            node.move()
        if is_idle(shared) and not any(node.driven.work() for node in nodes):
            break
    assert waited
    for node in nodes:
        node.restart()
    require_kept([node.station for node in nodes], sent)
    require_order(shared, sent)
    require_sane_times(shared, began)


def test_a_clock_that_is_a_day_ahead_takes_a_file_over_and_it_is_posted_once(
    nodes: list[JumpingNode], shared: Database
) -> None:
    """To a clock that is ahead every lease has run out: who held it posts nothing any more."""
    here, there = nodes
    sent = Post(random.Random(0)).make(0)
    here.send(sent)
    here.driven.look()
    now = to_microseconds(here.clock.now())
    held = shared.at_once(
        lambda connection: lease_next(connection, node="here", owner="here", now=now, shares=True)
    )
    assert held is not None
    there.clock.turned = DAY
    there.driven.until_idle()
    with pytest.raises(LeaseLostError):
        here.driven.take(held)
    later = Post(random.Random(0)).make(1)
    here.send(later)
    assert here.doubted == {sent.account}
    here.move()
    assert posted(shared) == {sent.account: 1}
    accept(here)
    here.restart()
    require_kept([node.station for node in nodes], [sent, later])
