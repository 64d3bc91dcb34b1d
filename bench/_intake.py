"""A crowd of claimed files through the daemon's workers, in a process of its own.

FOLDER URL ACCOUNTS FILES ROWS WORKERS: so many accounts, files each and rows a file, and so many
workers; a line of JSON comes back.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from ingestd.access.accounts import Access, Account
from ingestd.access.allowlist import Allowlist
from ingestd.access.keeper import AccessKeeper
from ingestd.database import schema
from ingestd.database.engine import Database, open_database
from ingestd.intake.looking.claim import Claims
from ingestd.intake.pipeline import Works
from ingestd.intake.work.space import SpaceWatch
from ingestd.intake.work.worker import Worker
from ingestd.ledger.evidence.signing import Signing
from ingestd.service.evidence.signed_trees import SignedTreeFiles
from ingestd.service.installation.system_clock import SystemClock
from ingestd.spool.arrivals import Arrival
from ingestd.spool.folders import Folders
from ingestd.spool.publish import publish
from ingestd.spool.queue import QueueEntry, count_open, enqueue
from ingestd.telemetry.logs import configure_logs
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId, new_upload_id

NODE = "bench"
_HEADER = "account_type,charge_tracking_id,student_id,billing_code,note,amount\n"
_STUDENTS_MAX, _ROWS_A_STUDENT, _PRODUCTS = 20_000, 10, 50
_IDLE_SECONDS = 0.002
_INSERT_STUDENT = sa.text(
    "INSERT INTO student (account, student_id, name) VALUES (:account, :id, '')"
)
_INSERT_PRODUCT = sa.text(
    "INSERT INTO product (account, billing_code, name) VALUES (:account, :id, '')"
)


def take_crowd(database: Database, folder: Path, sizes: tuple[int, int, int], workers: int) -> None:
    """Queue the files of a crowd, let workers take them, and print how long that took."""
    accounts, files, rows = sizes
    schema.upgrade(database)
    crowd = [_account(number) for number in range(accounts)]
    worker = _worker(database, folder, crowd)
    _fill_catalogs(database, crowd, students=_students_of(rows))
    keys = random.Random(1)
    for _ in range(files):
        for account in crowd:
            _queue(worker, account, _rows(keys, rows))
    os.sync()
    started = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        done = [pool.submit(_work, worker) for _ in range(workers)]
        for one in done:
            one.result()
    seconds = time.monotonic() - started
    _require_all_applied(database, accounts * files, rows)
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time()}))


def time_claims(database: Database, folder: Path, files: int) -> list[float]:
    """Publish files of one account, and return the seconds that the claim of each takes."""
    schema.upgrade(database)
    account = _account(0)
    worker = _worker(database, folder, [account])
    _fill_catalogs(database, [account], students=1)
    for number in range(files):
        arrival = _arrival(account, f"student_billing_{number}.csv")
        staged = worker.folders.staging(account.account_id) / arrival.upload_id
        staged.write_text(_HEADER, encoding="ascii")
        publish(worker.folders, staged, arrival, takes_catalogs=False)
    os.sync()
    seconds: list[float] = []
    for number in range(files):
        started = time.perf_counter()
        if not worker.claims.claim(account, f"student_billing_{number}.csv"):
            raise RuntimeError(f"file {number} was not claimed")
        seconds.append(time.perf_counter() - started)
    return seconds


def _arrival(account: Account, filename: str) -> Arrival:
    return Arrival(
        upload_id=new_upload_id(),
        account=account.account_id,
        filename=filename,
        whole=True,
        size_bytes=len(_HEADER),
        sha256=None,
        received_at=SystemClock().now(),
    )


def _work(worker: Worker) -> None:
    """Take file after file until no file is open; one may wait for another of its account."""
    while worker.run_next() or _is_any_open(worker.works.database):
        pass


def _is_any_open(database: Database) -> bool:
    time.sleep(_IDLE_SECONDS)
    with database.reading() as connection:
        return count_open(connection, node=NODE)[0] > 0


def _worker(database: Database, folder: Path, crowd: list[Account]) -> Worker:
    """Return the worker of a daemon with these accounts, which signs and tells as one does."""
    folders = Folders(folder)
    signing = Signing(
        name="bench",
        seeds=[os.urandom(32)],
        signed_trees=SignedTreeFiles(folders.last_signed),
        tells=True,
    )
    works = Works(database=database, clock=SystemClock(), node=NODE, signing=signing)
    access = Access(
        accounts={account.account_id: account for account in crowd},
        allowlist=Allowlist(everyone=(), deny=(), accounts={}),
    )
    metrics = Metrics()
    for account in crowd:
        folders.create_for(account.account_id)
    return Worker(
        works=works,
        folders=folders,
        keeper=AccessKeeper(access),
        claims=Claims(works=works, folders=folders, temporary_hours=24, temporary_max=1000),
        metrics=metrics,
        space=SpaceWatch(works.clock, metrics.disk_full),
    )


def _account(number: int) -> Account:
    return Account(
        account_id=AccountId(f"SCHOOL_{number:03}"),
        name=f"School {number}",
        timezone=ZoneInfo("America/Chicago"),
        currency="USD",
    )


def _students_of(rows: int) -> int:
    return min(_STUDENTS_MAX, max(1, rows // _ROWS_A_STUDENT))


def _fill_catalogs(database: Database, crowd: list[Account], *, students: int) -> None:
    codes = [f"CODE{number}" for number in range(_PRODUCTS)]
    names = [f"S{number:06}" for number in range(students)]
    with database.writing() as connection:
        for account in (one.account_id for one in crowd):
            for statement, ids in ((_INSERT_PRODUCT, codes), (_INSERT_STUDENT, names)):
                connection.execute(statement, [{"account": account, "id": one} for one in ids])


def _rows(keys: random.Random, rows: int) -> Iterator[str]:
    students = _students_of(rows)
    for number in range(rows):
        yield (
            f"{'LIABILITY' if number % 3 else 'WALLET'},{uuid.UUID(int=keys.getrandbits(128))},"
            f"S{number % students:06},CODE{number % _PRODUCTS},note number {number % 1000},"
            f"{number % 300}.{number % 100:02}\n"
        )


def _queue(worker: Worker, account: Account, rows: Iterator[str]) -> None:
    """Put a file where the intake has claimed it to."""
    upload_id = new_upload_id()
    path = worker.folders.claimed(account.account_id) / upload_id / "student_billing.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="ascii") as file:
        file.write(_HEADER)
        file.writelines(rows)
    entry = QueueEntry(
        account=account.account_id,
        upload_id=upload_id,
        filename=path.name,
        format="student_billing",
        source="folder",
        size_bytes=path.stat().st_size,
        sha256=None,
        received_at=to_microseconds(worker.works.clock.now()),
        node=NODE,
    )
    worker.works.database.at_once(lambda connection: enqueue(connection, entry))


def _require_all_applied(database: Database, files: int, rows: int) -> None:
    """Raise RuntimeError unless every file was delivered, and each of its rows is one charge."""
    with database.reading() as connection:
        delivered = connection.exec_driver_sql("SELECT SUM(delivered) FROM upload").scalar_one()
        charges = connection.exec_driver_sql("SELECT COUNT(*) FROM charge").scalar_one()
    if (delivered, charges) != (files, files * rows):
        raise RuntimeError(f"{delivered} of {files} files were delivered, with {charges} charges")


if __name__ == "__main__":
    _folder, _url, *_numbers = sys.argv[1:]
    _accounts, _files, _rows_a_file, _workers = map(int, _numbers)
    configure_logs(log_format="json", level="info")
    _database = open_database(_url, temporary_folder=Path(_folder))
    try:
        take_crowd(_database, Path(_folder), (_accounts, _files, _rows_a_file), _workers)
    finally:
        _database.close()
