"""Two hundred schools send their file at the same moment, and each row is applied once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from bench._clients import connect, put
from bench._launch import scratch_folder, wait_until
from bench._processes import look_at
from bench._results import percentile, publish
from bench._servers import Daemon, Installation, prepare_ingestd, running_ingestd
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.entries.author import Author, Command
from ingestd.service.installation.bootstrap import prepared_installation
from ingestd.service.office.catalog import import_file
from ingestd.telemetry.logs import configure_logs

ACCOUNTS = [f"SCHOOL_{number:03}" for number in range(200)]
ROWS = 5000
_PATIENCE_SECONDS = 240
_PRODUCTS = "billing_code,name,price,valid_from\nLATE_FEE,Late fee,5.00,2020-01-01\n"
HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,note,amount,transaction_occurred_time"
)
_REFUSALS = ("upload_refused", "upload_interrupted", "connection_refused", "auth_failed")


def run() -> None:
    """Let them all upload at once, wait for the last receipt, and count what was applied."""
    with scratch_folder() as folder:
        installation = prepare_ingestd(folder / "ingestd", ACCOUNTS)
        import_catalog(installation, ACCOUNTS)
        contents = {account: _charges(account) for account in ACCOUNTS}
        with running_ingestd(installation) as daemon:
            started = time.monotonic()
            seconds = asyncio.run(_upload_all(daemon, contents))
            uploaded = time.monotonic() - started
            wait_until(
                lambda: sum(len(daemon.receipts(account)) for account in ACCOUNTS) >= len(ACCOUNTS),
                "the last receipt",
                seconds=_PATIENCE_SECONDS,
            )
            finished = time.monotonic() - started
            peak_mib = look_at(daemon.process.pid).rss_peak_kib / 1024
            _check_all_applied(daemon)
            refused = daemon.count_events(*_REFUSALS)
    publish(
        "sftp_crowd",
        f"{len(ACCOUNTS)} accounts upload {ROWS:,} rows each at once, one daemon, defaults",
        [
            {
                "uploads p50 s": percentile(seconds, 0.5),
                "uploads p99 s": percentile(seconds, 0.99),
                "all uploaded s": uploaded,
                "last receipt s": finished,
                "rows/s": len(ACCOUNTS) * ROWS / finished,
                "rows applied": len(ACCOUNTS) * ROWS,
                "refused or cut": refused,
                "peak RSS MiB": peak_mib,
            }
        ],
    )


def import_catalog(installation: Installation, accounts: Sequence[str]) -> None:
    """Give every account its small catalog; `students = "register"` brings the students."""
    products = installation.folder / "products.csv"
    products.write_text(_PRODUCTS, encoding="utf-8")
    configure_logs(log_format="json", level="warning")
    with prepared_installation(installation.config) as opened:
        for account in accounts:
            import_file(
                opened,
                opened.account(account),
                CatalogKind.PRODUCTS,
                products,
                author=Author(command=Command.CATALOG_IMPORT, entered_by="bench"),
            )


def _charges(account: str) -> bytes:
    rows = (
        f"LIABILITY,{account}-{number},S{number % 500:05},LATE_FEE,Overdue by a week,5.00,"
        for number in range(ROWS)
    )
    return "\n".join((HEADER, *rows, "")).encode()


async def _upload_all(daemon: Daemon, contents: dict[str, bytes]) -> list[float]:
    """Return how long each upload took, from before the connection until it is closed again."""

    async def one(account: str, content: bytes) -> float:
        started = time.monotonic()
        target = daemon.target(account)
        async with await connect(target) as connection, connection.start_sftp_client() as sftp:
            await put(sftp, f"{target.folder}/student_billing_{account}.csv", content)
        return time.monotonic() - started

    return await asyncio.gather(*(one(*school) for school in contents.items()))


def _check_all_applied(daemon: Daemon) -> None:
    """Raise RuntimeError unless each account has one receipt, and each row is one charge."""
    for account in ACCOUNTS:
        receipts = [json.loads(path.read_bytes()) for path in daemon.receipts(account)]
        if [receipt["rows"]["applied"] for receipt in receipts] != [ROWS]:
            raise RuntimeError(f"{account}: {receipts}")
    charges = _count_charges(daemon.data / "ledger.db")
    if charges != len(ACCOUNTS) * ROWS:
        raise RuntimeError(f"the ledger holds {charges} charges")


def _count_charges(ledger: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM charge").fetchone()
    return int(count)
