"""A payment file against a charge file of as many rows: claimed, posted, sealed and receipted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bench._launch import scratch_folder
from bench._results import Cell, interleaved, publish
from ingestd.access.accounts import Account
from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.formats.names import FormatName
from ingestd.intake.answering.delivery import deliver
from ingestd.intake.pipeline import Works, process
from ingestd.intake.reading.progress import Progress
from ingestd.service.installation.system_clock import SystemClock
from ingestd.spool.folders import Folders
from ingestd.spool.queue import QueueEntry, enqueue, lease_next
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId, new_upload_id

# Smaller for a quick look: INGESTD_BENCH_ROWS=10000 takes seconds.
ROWS = int(os.environ.get("INGESTD_BENCH_ROWS", "100000"))
ROUNDS = int(os.environ.get("INGESTD_BENCH_ROUNDS", "3"))
GOAL = 2.0
_ACCOUNT = Account(
    account_id=AccountId("SPRINGFIELD"),
    name="Springfield",
    timezone=ZoneInfo("America/Chicago"),
    currency="USD",
)
_STUDENTS = 20_000
_BATCHES = 50
_QUIET = Progress(report=lambda *_: None, must_stop=lambda: False)
_numbers = count()


def run() -> None:
    """Measure charges, and payments of each kind, each into a ledger of its own on SQLite."""
    with scratch_folder() as folder:
        charges = _write_charges(folder / "charges.csv")
        legs: dict[str, Callable[[int], float]] = {
            "charges": _leg(folder, charges, FormatName.STUDENT_BILLING),
            **{
                name: _leg(folder, _write(folder / f"{name}.csv", row), kind)
                for name, kind, row in (
                    ("fee payments", FormatName.FEE_PAYMENTS, _fee_row),
                    ("fee payments without receipt", FormatName.FEE_PAYMENTS, _nameless_row),
                    ("fee payments, settled on import", FormatName.FEE_PAYMENTS, _settled_row),
                    ("sundry payments", FormatName.SUNDRY_PAYMENTS, _sundry_row),
                )
            },
        }
        seconds = interleaved(legs, rounds=ROUNDS)
    publish(
        "payment_file",
        f"{ROWS:,} rows on SQLite, from claimed to receipted; median of {ROUNDS} "
        f"(x: time against charges, pair by pair; goal {GOAL:.2f} for what waits to settle)",
        [_compared(name, taken, seconds["charges"]) for name, taken in seconds.items()],
        seconds=seconds,
    )


def _compared(name: str, taken: list[float], charges: list[float]) -> dict[str, Cell]:
    pairs = (ours / theirs for ours, theirs in zip(taken, charges, strict=True))
    return {
        "file": name,
        "seconds": median(taken),
        "rows/s": ROWS / median(taken),
        "x": median(pairs),
        "rounds (s)": " ".join(f"{one:.2f}" for one in taken),
    }


def _leg(folder: Path, file: Path, kind: FormatName) -> Callable[[int], float]:
    def leg(_: int) -> float:
        home = folder / f"ledger_{next(_numbers)}"
        home.mkdir()
        database = open_database(f"sqlite:///{home / 'ledger.db'}", temporary_folder=home)
        try:
            schema.upgrade(database)
            _fill_reference(database)
            return _take(database, Folders(home), file, kind)
        finally:
            database.close()

    return leg


def _take(database: Database, folders: Folders, file: Path, kind: FormatName) -> float:
    """Take a file through its journey, and return the seconds; every row must be applied."""
    works = Works(database=database, clock=SystemClock(), node="bench")
    folders.create_for(_ACCOUNT.account_id)
    upload_id = new_upload_id()
    path = folders.claimed(_ACCOUNT.account_id) / upload_id / f"{kind}.csv"
    path.parent.mkdir(parents=True)
    os.link(file, path)
    now = to_microseconds(works.clock.now())
    entry = QueueEntry(
        account=_ACCOUNT.account_id,
        upload_id=upload_id,
        filename=path.name,
        format=kind.value,
        source="folder",
        size_bytes=file.stat().st_size,
        sha256=None,
        received_at=now,
        node=works.node,
    )
    with database.writing() as connection:
        enqueue(connection, entry)
        upload = lease_next(connection, node=works.node, owner=works.node, now=now)
    assert upload is not None
    started = time.monotonic()
    outcome, _ = process(works, _ACCOUNT, upload, path, _QUIET)
    deliver(database, folders, upload, decimals=2)
    seconds = time.monotonic() - started
    if outcome.rows is None or outcome.rows.applied != ROWS:
        raise RuntimeError(f"of {ROWS} rows of {file.name}: {outcome.rows}")
    return seconds


def _fill_reference(database: Database) -> None:
    account = {"account": _ACCOUNT.account_id}
    students = [{**account, "id": f"S{n:06}", "parent": f"P{n // 2:06}"} for n in range(_STUDENTS)]
    with database.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO student (account, student_id, name, parent_code)"
                " VALUES (:account, :id, '', :parent)"
            ),
            students,
        )
        for statement in _REFERENCE:
            connection.execute(sa.text(statement), account)


_MERCHANTS = (
    "INSERT INTO merchant (account, merchant_id, description, settle)"
    " VALUES (:account, 'LATER', '', 'on_confirm'), (:account, 'NOW', '', 'on_import')"
)
_REFERENCE = (
    "INSERT INTO product (account, billing_code, name) VALUES (:account, 'FEE', '')",
    _MERCHANTS,
    "INSERT INTO gl_account (account, gl_account, name) VALUES (:account, 'HIRE', '')",
    "INSERT INTO tax_code (account, tax_code, name) VALUES (:account, 'GST', '')",
)


def _write(path: Path, row: Callable[[int], str]) -> Path:
    with path.open("w", encoding="ascii") as file:
        file.writelines(f"{row(number)}\n" for number in range(ROWS))
    return path


def _write_charges(path: Path) -> Path:
    header = (
        "account_type,charge_tracking_id,student_id,billing_code,note,amount,"
        "transaction_occurred_time"
    )

    def line(number: int) -> str:
        # The header, then the rows; `_write` counts from nothing.
        student = number % _STUDENTS
        row = (
            f"LIABILITY,T-{number:08},S{student:06},FEE,note {number % 1000},12.50,"
            f"{_day(number)}T{_time(number)}Z"
        )
        return f"{header}\n{row}" if number == 0 else row

    return _write(path, line)


def _fee_row(number: int, merchant: str = "LATER", receipt: str | None = None) -> str:
    receipt = f"R{number}" if receipt is None else receipt
    return (
        f"{_day(number)} {_time(number)},14.00,{merchant},{number % _BATCHES},{receipt},"
        f"P{number % (_STUDENTS // 2):06},12.50,2.00,0.00,0.50"
    )


def _nameless_row(number: int) -> str:
    return _fee_row(number, receipt="null")


def _settled_row(number: int) -> str:
    return _fee_row(number, merchant="NOW")


def _sundry_row(number: int) -> str:
    return (
        f"{_day(number)},11.00,LATER,{number % _BATCHES},R{number},Gil Guest,1 Elm St,null,null,"
        "Springfield,IL,62701,USA,Hall hire,HIRE,10.00,1.00,GST,null,null,null"
    )


def _day(number: int) -> str:
    return f"2026-0{1 + number % 9}-{1 + number % 28:02}"


def _time(number: int) -> str:
    return f"{number % 24:02}:{number // 24 % 60:02}:{number // 1440 % 60:02}"
