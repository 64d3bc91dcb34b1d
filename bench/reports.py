"""Every report, and verifying, over books of a million charges."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from bench._books import ACCOUNT, write_books
from bench._launch import scratch_folder
from bench._results import Cell, publish
from ingestd.database.engine import Database
from ingestd.ledger.audit.identities import read_identities
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.books.extent import read_extent
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.report import Question, Report
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales

CHARGES = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
_QUESTION = Question(
    account=ACCOUNT,
    as_of=date(2026, 9, 1),
    as_known=datetime(2027, 1, 1, tzinfo=UTC),
    decimals=2,
    zone=ZoneInfo("America/Chicago"),
)
_REPORTS = (
    *(report_sales, report_payments, report_items),
    *(report_balances, report_revenue, report_aging),
)


def run() -> None:
    """Write the books, ask for every report in turn, then verify them once."""
    with scratch_folder() as folder:
        started = time.monotonic()
        database = write_books(folder, charges=CHARGES)
        written = time.monotonic() - started
        legs: dict[str, Callable[[Connection], tuple[int, float]]] = {
            "floor: add all postings up": _floor,
            "identities alone": _identities,
            **{ask.__name__.removeprefix("report_"): _asked(ask) for ask in _REPORTS},
        }
        rows = [_row(database, name, leg, ROUNDS) for name, leg in legs.items()]
        rows.append(_row(database, "ledger verify", _verified, 1))
        database.close()
    floor = float(rows[0]["CPU s"])
    for row in rows:
        row["x floor"] = float(row["CPU s"]) / floor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    publish(
        "reports",
        f"Reports over {CHARGES:,} charges, a tenth as many payments; identities included",
        rows,
        written_seconds=written,
        peak_mib=peak,
    )
    print(f"\nThe books were written in {written:.0f} s; peak memory {peak:.0f} MiB.")


def _row(
    database: Database, name: str, leg: Callable[[Connection], tuple[int, float]], rounds: int
) -> dict[str, Cell]:
    walls, processor, firsts, count = [], [], [], 0
    for _ in range(rounds):
        with database.reading() as connection:
            wall, cpu = time.monotonic(), time.process_time()
            count, first = leg(connection)
            walls.append(time.monotonic() - wall)
            processor.append(time.process_time() - cpu)
            firsts.append(first - wall)
    return {
        "report": name,
        "rows": count,
        "first row s": median(firsts),
        "wall s": median(walls),
        "CPU s": median(processor),
    }


def _asked(ask: Callable[[Connection, Question], Report]) -> Callable[..., tuple[int, float]]:
    encode = json.JSONEncoder(ensure_ascii=False).encode

    def leg(connection: Connection) -> tuple[int, float]:
        rows, first = 0, 0.0
        for row in ask(connection, _QUESTION).rows:
            encode(row)
            rows += 1
            first = first or time.monotonic()
        return rows, first

    return leg


def _floor(connection: Connection) -> tuple[int, float]:
    statement = "SELECT SUM(amount), COUNT(*) FROM posting WHERE account = 'BENCH'"
    _, rows = connection.exec_driver_sql(statement).one()
    return rows, time.monotonic()


def _identities(connection: Connection) -> tuple[int, float]:
    extent = read_extent(connection, ACCOUNT, as_of=_QUESTION.as_of, known_at=sys.maxsize)
    found = read_identities(connection, extent)
    if not all(identity.holds for identity in found):
        raise AssertionError("the books are written wrongly")
    return len(found), time.monotonic()


def _verified(connection: Connection) -> tuple[int, float]:
    found = verify_ledger(connection, ACCOUNT, decimals=2)
    if not found.holds:
        raise AssertionError(f"the books are written wrongly: {found.differences[:3]}")
    return sum(found.checked.values()), time.monotonic()
