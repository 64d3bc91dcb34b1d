"""Settling a batch of payments, and returning one, over a million open charges."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bench._charge_files import ACCOUNT, STUDENTS, fill_ledger
from bench._journey import open_ledger
from bench._launch import scratch_folder
from bench._results import Cell, publish
from ingestd.access.accounts import Account
from ingestd.database.engine import Database
from ingestd.service.installation.system_clock import SystemClock
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.service.office.payments import (
    Payment,
    add_payment,
    return_payment,
    settle_batch,
    settle_payment,
)

CHARGES = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
PAYMENTS = 10_000
BATCHES = 3
RETURNS = 5
SETTLE_GOAL, RETURN_GOAL = 2.0, 0.02
_ACCOUNT = Account(
    account_id=ACCOUNT, name="Springfield", timezone=ZoneInfo("America/Chicago"), currency="USD"
)


def run() -> None:
    """Fill a ledger, settle batches of families' payments one after the other, return some."""
    with scratch_folder() as folder:
        database = _filled(folder)
        keeper = Bookkeeper(
            database=database, clock=SystemClock(), account=_ACCOUNT, entered_by="bench"
        )
        for batch in range(BATCHES):
            _receive(database, batch)
        settled = [
            _timed(partial(settle_batch, keeper, "M", str(batch), expected=f"{PAYMENTS * 5}.00"))
            for batch in range(BATCHES)
        ]
        returned = [
            _timed(partial(return_payment, keeper, f"B0-{number}")) for number in range(RETURNS)
        ]
        single = []
        for number in range(RETURNS):
            key = f"K{number}"
            payer = f"P{number:06}"
            add_payment(keeper, Payment(payer=payer, amount="5.00", method="check", key=key))
            single.append(_timed(partial(settle_payment, keeper, key)))
        database.close()
    publish(
        "settlement",
        f"{CHARGES:,} open charges of {STUDENTS:,} students on SQLite",
        [
            _row(f"settle a batch of {PAYMENTS:,} payments", settled, SETTLE_GOAL),
            _row("return one payment", returned, RETURN_GOAL),
            _row("settle one payment", single, RETURN_GOAL),
        ],
    )


def _row(name: str, taken: list[_Taken], goal: float) -> dict[str, Cell]:
    return {
        "what": name,
        "median s": median(one.wall for one in taken),
        "CPU s": median(one.cpu for one in taken),
        "goal s": goal,
        "rounds (s)": " ".join(f"{one.wall:.3f}" for one in taken),
    }


def _filled(folder: Path) -> Database:
    database, _ = open_ledger(folder, f"sqlite:///{folder / 'ledger.db'}")
    fill_ledger(database, CHARGES, on_wallets=False)
    with database.writing() as connection:
        connection.execute(
            sa.text(
                "UPDATE student SET parent_code ="
                " printf('P%06d', CAST(substr(student_id, 2) AS INTEGER) / 2)"
            )
        )
    return database


def _receive(database: Database, batch: int) -> None:
    """Put a batch of pending payments, one of each family, straight into the tables."""
    values = {"account": ACCOUNT, "batch": batch, "payments": PAYMENTS, "before": batch * PAYMENTS}
    with database.writing() as connection:
        for statement in _RECEIVE:
            connection.execute(sa.text(statement), values)


class _Taken(NamedTuple):
    """What something took, in seconds."""

    wall: float
    cpu: float


def _timed(work: Callable[[], object]) -> _Taken:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return _Taken(time.monotonic() - wall, time.process_time() - cpu)


_RECEIVE = (
    """
INSERT OR IGNORE INTO party (account, party_no, kind, party_code, batch_no)
WITH RECURSIVE n (no) AS (SELECT 0 UNION ALL SELECT no + 1 FROM n WHERE no + 1 < :payments)
SELECT :account, 1000000 + no, 'parent', printf('P%06d', no), 1 FROM n
""",
    """
INSERT INTO payment (account, payment_no, payment_id, content_hash, kind, party_no, amount,
 submitted_at, received_on, merchant_id, batch_num, batch_no)
WITH RECURSIVE n (no) AS (SELECT 0 UNION ALL SELECT no + 1 FROM n WHERE no + 1 < :payments)
SELECT :account, :before + no + 1, 'B' || :batch || '-' || no, zeroblob(16), 'fee_account',
 1000000 + no, 500, 1767225600000000, 20260102, 'M', CAST(:batch AS TEXT), 1 FROM n
""",
    """
INSERT INTO payment_part (account, payment_no, part_no, kind, amount, party_no, batch_no)
SELECT account, payment_no, 1, 'fee', amount, party_no, 1 FROM payment
WHERE account = :account AND payment_no > :before
""",
    """
UPDATE seal_head SET payments = :before + :payments, parties = 2000000 WHERE account = :account
""",
)
