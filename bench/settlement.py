"""Settling payments, returning, refunding, moving and paying out, over a million open charges."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
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
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.service.installation.system_clock import SystemClock
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.service.office.charges import Sale, add_sale
from ingestd.service.office.payments import (
    Payment,
    add_payment,
    return_payment,
    settle_batch,
    settle_payment,
)
from ingestd.service.office.payouts import Payout, add_payout
from ingestd.service.office.refunds import refund_charge
from ingestd.service.office.transfers import Transfer, add_transfer

CHARGES = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
PAYMENTS = 10_000
BATCHES = 3
RETURNS = 5
SETTLE_GOAL, RETURN_GOAL, OFFICE_GOAL = 2.0, 0.02, 0.05
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
        refunded, moved, paid_out = _give_back(keeper)
        database.close()
    publish(
        "settlement",
        f"{CHARGES:,} open charges of {STUDENTS:,} students on SQLite",
        [
            _row(f"settle a batch of {PAYMENTS:,} payments", settled, SETTLE_GOAL),
            _row("return one payment", returned, RETURN_GOAL),
            _row("settle one payment", single, RETURN_GOAL),
            _row("refund what was paid, by check", refunded, OFFICE_GOAL),
            _row("transfer credit", moved, OFFICE_GOAL),
            _row("pay credit out", paid_out, OFFICE_GOAL),
        ],
    )


def _give_back(keeper: Bookkeeper) -> tuple[list[_Taken], list[_Taken], list[_Taken]]:
    """Let students with money in their wallets move some of it, and get some back."""
    refunded, moved, paid_out = [], [], []
    for number in range(RETURNS):
        student, sibling = f"S{2 * number:06}", f"S{2 * number + 1:06}"
        wallet = AccountType.WALLET
        cash = Payment(payer=student, amount="900.00", method="cash", to=wallet, key=f"W{number}")
        add_payment(keeper, cash)
        sale = Sale(party=student, billing_code="CODE0", amount="5.00", tracking_id=f"T{number}")
        add_sale(keeper, replace(sale, paid=Paid.CASH))
        refund = partial(refund_charge, keeper, f"T{number}", to=RefundTo.CHECK)
        refunded.append(_timed(refund))
        transfer = Transfer(
            from_party=student,
            source=CreditSource.WALLET,
            to_party=sibling,
            target=CreditTarget.WALLET,
            amount="3.00",
        )
        moved.append(_timed(partial(add_transfer, keeper, transfer)))
        payout = Payout(
            party=student, source=CreditSource.WALLET, method=PayoutMethod.CHECK, amount="2.00"
        )
        paid_out.append(_timed(partial(add_payout, keeper, payout)))
    return refunded, moved, paid_out


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
