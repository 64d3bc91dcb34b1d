"""From a client's CLOSE to the commit: small files, one after the other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from bench._clients import connect
from bench._launch import scratch_folder
from bench._results import Cell, percentile, publish
from bench._servers import Daemon, prepare_ingestd, running_ingestd
from bench.sftp_crowd import HEADER, import_catalog

ACCOUNTS = [f"SCHOOL_{number:02}" for number in range(10)]
FILES = 20
ROWS = 100
SETTLE_SECONDS = 1.0
GOAL_SECONDS = SETTLE_SECONDS + 0.1
_PATIENCE_SECONDS = 30


def run() -> None:
    """Let accounts send a file, wait for its receipt, and send the next: one, and ten at once."""
    rows = [_measured(accounts) for accounts in (ACCOUNTS[:1], ACCOUNTS)]
    publish(
        "sftp_latency",
        f"{FILES} files of {ROWS} rows from each account, from sending CLOSE to the line that tells"
        f" the commit; settle time {SETTLE_SECONDS} s",
        rows,
    )


def _measured(accounts: Sequence[str]) -> dict[str, Cell]:
    with scratch_folder() as folder:
        settings = {"intake.settle_seconds": SETTLE_SECONDS}
        installation = prepare_ingestd(folder / "ingestd", accounts, settings)
        import_catalog(installation, accounts)
        with running_ingestd(installation) as daemon:
            closed = asyncio.run(_send_all(daemon, accounts))
            committed = dict(_committed(daemon))
    # The daemon's clock is this one's: both run on one machine.
    seconds = [committed[name] - sent for name, sent in closed.items()]
    return {
        "accounts": len(accounts),
        "p50 s": percentile(seconds, 0.5),
        "p99 s": percentile(seconds, 0.99),
        "max s": max(seconds),
        "goal p99 s": GOAL_SECONDS,
    }


async def _send_all(daemon: Daemon, accounts: Sequence[str]) -> dict[str, float]:
    """Return when each file's CLOSE was sent, by the file's name, in seconds since 1970."""
    closed: dict[str, float] = {}

    async def one(account: str) -> None:
        target = daemon.target(account)
        async with await connect(target) as connection, connection.start_sftp_client() as sftp:
            for number in range(FILES):
                name = f"student_billing_{account}_{number}.csv"
                file = await sftp.open(f"{target.folder}/{name}", "wb")
                await file.write(_charges(account, number))
                closed[name] = time.time()
                await file.close()
                await _wait_for_receipts(daemon, account, number + 1)

    await asyncio.gather(*map(one, accounts))
    return closed


async def _wait_for_receipts(daemon: Daemon, account: str, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while len(daemon.receipts(account)) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{account} has no receipt {count}")
        await asyncio.sleep(0.05)


def _charges(account: str, number: int) -> bytes:
    rows = (
        f"LIABILITY,{account}-{number}-{row},S{row:05},LATE_FEE,Overdue by a week,5.00,"
        for row in range(ROWS)
    )
    return "\n".join((HEADER, *rows, "")).encode()


def _committed(daemon: Daemon) -> Iterator[tuple[str, float]]:
    """Yield each processed file's name, and when the log tells it, in seconds since 1970."""
    uploads: dict[str, str] = {}
    with daemon.log.open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            if told["event"] == "upload_received":
                uploads[told["upload_id"]] = told["filename"]
            if told["event"] == "file_processed":
                yield (
                    uploads[told["upload_id"]],
                    datetime.fromisoformat(told["timestamp"]).timestamp(),
                )
