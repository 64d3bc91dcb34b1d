"""Every report, and verifying, over books of a million charges."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from bench._books import ACCOUNT, write_books
from bench._launch import scratch_folder
from bench._results import Cell, publish
from ingestd.database.engine import Database, connection_beside
from ingestd.ledger.audit.identities import read_identities
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.books.extent import read_extent
from ingestd.reports.families.arrears import report_arrears
from ingestd.reports.families.statement import report_statement
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.report import Question, Report
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.reports.money.collections import report_collections
from ingestd.reports.money.held import report_held
from ingestd.reports.money.payouts import report_payouts
from ingestd.reports.money.tax import report_tax

Ask = Callable[[Connection, Question], Report]

CHARGES = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
_QUESTION = Question(
    account=ACCOUNT,
    as_of=date(2026, 9, 1),
    as_known=datetime(2027, 1, 1, tzinfo=UTC),
    decimals=2,
    zone=ZoneInfo("America/Chicago"),
)
_EARLIER = replace(_QUESTION, as_of=date(2026, 4, 1))
_FAMILY = replace(_QUESTION, party="000124")
_REPORTS: tuple[tuple[str, Ask, Question], ...] = (
    ("sales", report_sales, _QUESTION),
    ("sales by source", report_sales, replace(_QUESTION, by="source")),
    ("payments", report_payments, _QUESTION),
    ("items", report_items, _QUESTION),
    ("balances", report_balances, _QUESTION),
    ("balances five months earlier", report_balances, _EARLIER),
    ("revenue", report_revenue, _QUESTION),
    ("aging", report_aging, _QUESTION),
    ("aging five months earlier", report_aging, _EARLIER),
    ("arrears of all families", report_arrears, _QUESTION),
    ("arrears five months earlier", report_arrears, _EARLIER),
    ("arrears of one family", report_arrears, _FAMILY),
    ("statement of one family", report_statement, _FAMILY),
    ("collections", report_collections, _QUESTION),
    ("held", report_held, _QUESTION),
    ("tax", report_tax, _QUESTION),
    ("payouts", report_payouts, _QUESTION),
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
            **{name: _asked(ask, question) for name, ask, question in _REPORTS},
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
        with database.reading_twice() as (connection, _):
            wall, cpu = time.monotonic(), time.process_time()
            count, first = leg(connection)
            walls.append(time.monotonic() - wall)
            processor.append(time.process_time() - cpu)
            firsts.append((first or time.monotonic()) - wall)
    return {
        "report": name,
        "rows": count,
        "first row s": median(firsts),
        "wall s": median(walls),
        "CPU s": median(processor),
    }


def _asked(ask: Ask, question: Question) -> Callable[..., tuple[int, float]]:
    encode = json.JSONEncoder(ensure_ascii=False).encode

    def leg(connection: Connection) -> tuple[int, float]:
        rows, first = 0, 0.0
        for row in ask(connection, question).rows:
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
    beside = connection_beside(connection)
    found = verify_ledger(connection, ACCOUNT, decimals=2, beside=beside)
    if not found.holds:
        raise AssertionError(f"the books are written wrongly: {found.differences[:3]}")
    return sum(found.checked.values()), time.monotonic()
