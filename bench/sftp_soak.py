"""Ten thousand small uploads leave descriptors, threads and memory where they were.

Nine in ten are sent under a temporary name and withdrawn, which is all door; one in ten has a
recognised name and goes on through the intake to its receipt.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator

import asyncssh

from bench._clients import connect, put
from bench._launch import scratch_folder, wait_until
from bench._processes import Holding, look_at
from bench._results import Cell, publish
from bench._servers import ACCOUNT, Daemon, Target, prepare_ingestd, running_ingestd

UPLOADS = 10_000
PROCESSED_EVERY = 10
WARM_UP = 500
CONNECTIONS = 4
AT_A_TIME = 4  # on each connection
STEPS = 5
SECONDS_MAX = 110.0
UPLOADS_A_CONNECTION = 100
_HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,transaction_occurred_time"
)
_NOTE = "x" * 220


def run() -> None:
    """Warm up, upload in five steps, look at the daemon after each, and once all is quiet."""
    with scratch_folder() as folder:
        installation = prepare_ingestd(folder / "ingestd", settings={"intake.settle_seconds": 0.1})
        with running_ingestd(installation) as daemon:
            numbers = itertools.count()
            receipts = _upload(daemon, numbers, WARM_UP)
            _wait_until_quiet(daemon, receipts)
            rows = [_row("after the warm-up", 0, look_at(daemon.process.pid))]
            started = time.monotonic()
            uploads = 0
            for _ in range(STEPS):
                if time.monotonic() - started > SECONDS_MAX:
                    break
                receipts += _upload(daemon, numbers, UPLOADS // STEPS)
                uploads += UPLOADS // STEPS
                rows.append(_row(f"{uploads:,} uploads", uploads, look_at(daemon.process.pid)))
            uploaded = time.monotonic() - started
            _wait_until_quiet(daemon, receipts)
            rows.append(_row("all receipts there", uploads, look_at(daemon.process.pid)))
            finished = time.monotonic() - started
    publish(
        "sftp_soak",
        f"{uploads:,} uploads of 1 KB over {CONNECTIONS} connections at a time in {uploaded:.0f} s "
        f"({uploads / uploaded:.0f}/s); {receipts} files processed, the last {finished:.0f} s "
        "after the start",
        rows,
        uploads=uploads,
        upload_seconds=uploaded,
        finished_seconds=finished,
        processed=receipts,
    )


def _upload(daemon: Daemon, numbers: Iterator[int], count: int) -> int:
    """Upload so many files; return how many of them the intake will process."""
    chosen = list(itertools.islice(numbers, count))
    asyncio.run(_upload_all(daemon.target(), chosen))
    return sum(number % PROCESSED_EVERY == 0 for number in chosen)


async def _upload_all(target: Target, numbers: list[int]) -> None:
    # New connections again and again: they are what could leave something behind.
    lots = [
        numbers[start : start + UPLOADS_A_CONNECTION]
        for start in range(0, len(numbers), UPLOADS_A_CONNECTION)
    ]
    places = asyncio.Semaphore(CONNECTIONS)

    async def one_connection(lot: list[int]) -> None:
        left = iter(lot)
        async with (
            places,
            await connect(target) as connection,
            connection.start_sftp_client() as sftp,
        ):
            await asyncio.gather(*(_upload_each(sftp, target, left) for _ in range(AT_A_TIME)))

    await asyncio.gather(*(one_connection(lot) for lot in lots))


async def _upload_each(sftp: asyncssh.SFTPClient, target: Target, numbers: Iterator[int]) -> None:
    for number in numbers:
        if number % PROCESSED_EVERY == 0:
            await put(sftp, f"{target.folder}/student_billing_{number}.csv", _content(number))
        else:
            path = f"{target.folder}/{number}.part"
            await put(sftp, path, _content(number))
            await sftp.remove(path)


def _content(number: int) -> bytes:
    """A file of about 1 KB; its rows are read and refused, since there is no catalog."""
    rows = (f"LIABILITY,{number}-{row},00042,LATE_FEE,{_NOTE},5.00," for row in range(3))
    return "\n".join((_HEADER, *rows, "")).encode()


def _wait_until_quiet(daemon: Daemon, receipts: int) -> None:
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: len(daemon.receipts(ACCOUNT)) >= receipts, "the receipts")
    time.sleep(1.0)


def _row(moment: str, uploads: int, now: Holding) -> dict[str, Cell]:
    return {
        "moment": moment,
        "uploads": uploads,
        "RSS MiB": now.rss_kib / 1024,
        "descriptors": now.descriptors,
        "threads": now.threads,
        "CPU s": now.cpu_seconds,
    }
