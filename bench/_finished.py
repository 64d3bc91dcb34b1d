"""The queue with a long past: many finished uploads, and what it costs to ask for what is open."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from ulid import ULID

from bench._results import Cell
from ingestd.database.engine import Database
from ingestd.service.files.uploads import (
    Sought,
    count_failed,
    count_states,
    count_states_of_accounts,
    find_uploads,
)
from ingestd.spool.nodes import list_nodes
from ingestd.spool.queue import count_open, lease_next, undelivered
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId

NODE = "bench"
GOAL_MS = 5.0
_DAYS = 365
_OPEN_OF_EACH = 2
_TIMES = 21
_PIECE = 10_000
_INSERT = sa.text(
    "INSERT INTO upload (account, upload_id, filename, format, source, size_bytes, sha256,"
    " received_at, node, state, status, claim_token, arrival_no, delivered)"
    " VALUES (:account, :upload_id, 'student_billing.csv', 'student_billing', 'sftp', 2000,"
    " :sha256, :received_at, :node, :state, :status, :token, :arrival_no, :delivered)"
)


def fill_queue(database: Database, accounts: Sequence[AccountId], finished: int) -> None:
    """Put finished uploads of a year into a queue, and two of each account that wait."""
    now = datetime.now(UTC)
    rows = _rows(accounts, finished, now - timedelta(days=_DAYS), now)
    with database.writing() as connection:
        while piece := [row for row, _ in zip(rows, range(_PIECE), strict=False)]:
            connection.execute(_INSERT, piece)
    if not database.is_embedded:  # autovacuum does that; nobody does it for SQLite
        with database.writing() as connection:
            connection.execute(sa.text("ANALYZE upload"))


def _rows(
    accounts: Sequence[AccountId], finished: int, first: datetime, last: datetime
) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    open_count = _OPEN_OF_EACH * len(accounts)
    for number in range(finished + open_count):
        is_open = number >= finished
        received = first + (last - first) * (number / (finished + open_count))
        yield {
            "account": accounts[number % len(accounts)],
            "upload_id": str(ULID.from_timestamp(received.timestamp())),
            "sha256": f"{chance.getrandbits(256):064x}",
            "received_at": to_microseconds(received),
            "node": NODE,
            "state": "waiting" if is_open else "done",
            "status": None if is_open else "processed",
            "token": int(not is_open),
            "arrival_no": 0,
            "delivered": int(not is_open),
        }


def time_questions(database: Database, accounts: Sequence[AccountId]) -> list[dict[str, Cell]]:
    """Return what each question takes that daemon and console ask all the time."""
    now = datetime.now(UTC)
    today, week = now - timedelta(days=1), now - timedelta(days=7)
    all_of_them = tuple(accounts)
    questions: dict[str, Callable[[Connection], object]] = {
        "lease_next": lambda c: lease_next(c, node=NODE, owner=NODE, now=to_microseconds(now)),
        "count_open": lambda c: count_open(c, node=NODE),
        "find_undelivered": lambda c: undelivered(c, node=NODE, limit=500),
        "count_failed": lambda c: count_failed(c, all_of_them),
        "list_nodes": list_nodes,
        "overview: today's of all accounts": lambda c: count_states_of_accounts(
            c, Sought(accounts=all_of_them, since=today)
        ),
        "overview: the week's of all accounts": lambda c: count_states_of_accounts(
            c, Sought(accounts=all_of_them, since=week)
        ),
        "list: newest of all accounts": lambda c: find_uploads(c, Sought(accounts=all_of_them)),
        "list: counts of one account, ever": lambda c: count_states(
            c, Sought(accounts=all_of_them[:1])
        ),
        "list: counts of all accounts, ever": lambda c: count_states(
            c, Sought(accounts=all_of_them)
        ),
    }
    if database.is_embedded:
        del questions["list_nodes"]
    return [
        {"question": name, "median ms": _milliseconds(database, ask), "goal ms": GOAL_MS}
        for name, ask in questions.items()
    ]


class _TakenBackError(Exception):
    """What was asked changes nothing."""


def _milliseconds(database: Database, ask: Callable[[Connection], object]) -> float:
    taken: list[float] = []
    for _ in range(_TIMES):
        with contextlib.suppress(_TakenBackError), database.writing() as connection:
            started = time.perf_counter()
            ask(connection)
            taken.append(time.perf_counter() - started)
            raise _TakenBackError
    return median(taken) * 1000
