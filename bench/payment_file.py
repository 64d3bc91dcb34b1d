"""Payment files from claimed to receipted, each against SQLite's own loader of the same file."""

from __future__ import annotations

import os
import subprocess
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
GOAL = 0.6
# How many times longer than the floor each took before the books' second layout, with 100,000 rows:
# of two runs on a busy machine, by the CPU time of all processes.
BEFORE = {
    "charges": 18.0,
    "fee payments": 24.0,
    "fee payments without receipt": 24.0,
    "fee payments, settled on import": 43.0,
    "sundry payments": 16.0,
    "enrolment payments, deposits": 15.0,
    "enrolment payments, income": 21.0,
}
_ACCOUNT = Account(
    account_id=AccountId("SPRINGFIELD"),
    name="Springfield",
    timezone=ZoneInfo("America/Chicago"),
    currency="USD",
)
_HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,transaction_occurred_time"
)
_STUDENTS = 20_000
_BATCHES = 50
_QUIET = Progress(report=lambda *_: None, must_stop=lambda: False)
_numbers = count()


def run() -> None:
    """Measure charges, and payments of each kind, each into a ledger of its own on SQLite."""
    with scratch_folder() as folder:
        kinds: dict[str, tuple[FormatName, Callable[[int], str]]] = {
            "charges": (FormatName.STUDENT_BILLING, _charge_row),
            "fee payments": (FormatName.FEE_PAYMENTS, _fee_row),
            "fee payments without receipt": (FormatName.FEE_PAYMENTS, _nameless_row),
            "fee payments, settled on import": (FormatName.FEE_PAYMENTS, _settled_row),
            "sundry payments": (FormatName.SUNDRY_PAYMENTS, _sundry_row),
            "enrolment payments, deposits": (FormatName.ENROLMENT_PAYMENTS, _deposit_row),
            "enrolment payments, income": (FormatName.ENROLMENT_PAYMENTS, _income_row),
        }
        legs: dict[str, Callable[[int], float]] = {}
        for name, (kind, row) in kinds.items():
            file = _write(folder / f"{name}.csv", row)
            legs[f"{name}: floor"] = _floor(folder / "floor.db", file)
            legs[name] = _leg(folder, file, kind)
        seconds = interleaved(legs, rounds=ROUNDS)
    publish(
        "payment_file",
        f"{ROWS:,} rows on SQLite, from claimed to receipted; median of {ROUNDS} rounds "
        f"(x: time against .import of the same file; before: the same, before the books' second "
        f"layout; goal: {GOAL:.2f} of that)",
        [_compared(name, seconds[name], seconds[f"{name}: floor"]) for name in kinds],
        seconds=seconds,
    )


def _compared(name: str, taken: list[float], floor: list[float]) -> dict[str, Cell]:
    ratio = median(ours / theirs for ours, theirs in zip(taken, floor, strict=True))
    return {
        "file": name,
        "seconds": median(taken),
        "rows/s": ROWS / median(taken),
        ".import": median(floor),
        "x": ratio,
        "before": BEFORE[name],
        "of before": ratio / BEFORE[name],
        "rounds (s)": " ".join(f"{one:.2f}" for one in taken),
    }


def _floor(target: Path, file: Path) -> Callable[[int], float]:
    """Return a leg that loads a file with SQLite's own shell into a table without a key."""
    with file.open(encoding="ascii") as lines:
        columns = ", ".join(f"c{place} text" for place, _ in enumerate(next(lines).split(",")))

    def leg(_: int) -> float:
        target.unlink(missing_ok=True)
        os.sync()
        started = time.monotonic()
        subprocess.run(
            [
                *("sqlite3", target, f"CREATE TABLE held ({columns})"),
                *(".mode csv", f".import '{file}' held"),
            ],
            check=True,
        )
        return time.monotonic() - started

    return leg


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
    outcome = process(works, _ACCOUNT, upload, path, _QUIET).outcome
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


def _charge_row(number: int) -> str:
    row = (
        f"LIABILITY,T-{number:08},S{number % _STUDENTS:06},FEE,note {number % 1000},12.50,"
        f"{_day(number)}T{_time(number)}Z"
    )
    # The header, then the rows; `_write` counts from nothing.
    return f"{_HEADER}\n{row}" if number == 0 else row


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
    return f"{_guest_row(number)},null,null,null"


def _deposit_row(number: int) -> str:
    return f"{_guest_row(number)},D,{_of_family(number)}"


def _income_row(number: int) -> str:
    return f"{_guest_row(number)},G,{_of_family(number)}"


def _guest_row(number: int) -> str:
    return (
        f"{_day(number)},11.00,LATER,{number % _BATCHES},R{number},Gil Guest,1 Elm St,null,null,"
        "Springfield,IL,62701,USA,Hall hire,HIRE,10.00,1.00,GST"
    )


def _of_family(number: int) -> str:
    """Return a student behind its parent."""
    student = number % _STUDENTS
    return f"P{student // 2:06},S{student:06}"


def _day(number: int) -> str:
    return f"2026-0{1 + number % 9}-{1 + number % 28:02}"


def _time(number: int) -> str:
    return f"{number % 24:02}:{number // 24 % 60:02}:{number // 1440 % 60:02}"
