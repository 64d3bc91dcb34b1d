"""The console's pages over books of a million charges: as a browser waits for them, twice each."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

from starlette.types import ASGIApp, Message, Scope

from bench._books import ACCOUNT, write_books
from bench._launch import scratch_folder
from bench._results import Cell, publish
from ingestd.access.keeper import AccessKeeper
from ingestd.config.editing.examples import write_examples
from ingestd.console.app import make_console
from ingestd.console.door.gate import COOKIE
from ingestd.database.engine import Database
from ingestd.service.daemon.bounds import door_limits
from ingestd.service.daemon.supervisor import Surroundings
from ingestd.service.files.receiving import Receiver
from ingestd.service.http.health import Health
from ingestd.service.installation.bootstrap import Installation, open_installation
from ingestd.service.people.audit import Doer, Via
from ingestd.service.people.letting_in import Doorkeeper
from ingestd.service.people.roles import Role, RoleKind
from ingestd.service.people.sessions import begin_session
from ingestd.sftp.uploads.lifecycle import Uploads
from ingestd.spool.files import make_folder
from ingestd.telemetry.metrics import Metrics
from ingestd.values.clock import to_microseconds

CHARGES = int(os.environ.get("INGESTD_BENCH_ROWS", "1000000"))
COLD_MAX, WARM_MAX = 500, 200
"""What a page may take, in milliseconds: when the books have changed since, and when not."""

_PAGES = (
    "/",
    "/reports",
    *(
        f"/reports/{name}"
        for name in (
            *("sales", "sales?by=day", "sales?by=source", "payments", "items", "balances"),
            *("items?period=2026-03-05", "items?party=000123", "items?status=open"),
            *("items?after=destiny-0000900000", "payments?after=pay-00090000"),
            *("revenue", "aging", "arrears", "arrears?party=000124", "statement?party=000124"),
            *("collections", "payouts", "held", "pledges", "changes", "tax"),
        )
    ),
    "/ledger/lines?figure=charged&product=PRODUCT_007",
    "/ledger/lines?figure=realised",
    "/ledger/batches/4",
    "/ledger",
    "/trace/destiny-0000500000",
    "/payments",
    "/payments?status=pending",
    "/payments?before=pay-00050000",
    "/payments?receipt_num=777",
    "/payments?batch_num=50",
    "/payments/pay-00000700",
    "/batches",
    "/batches/MERCHANT/50",
    "/parties",
    "/parties?q=0123",
    "/parties/parent:000124",
    "/parties/student:000123",
    "/catalog/students",
    "/catalog/parents?q=0123",
)


def run() -> None:
    """Write the books, and ask for each page when nothing of it is known, and again."""
    with scratch_folder() as folder:
        database = write_books(folder, charges=CHARGES)
        rows = asyncio.run(_ask_all(database, folder))
        database.close()
    slow = [row["page"] for row in rows if not row["holds"]]
    publish(
        "console_pages",
        f"Pages over {CHARGES:,} charges; server time in ms, cold at most {COLD_MAX}, warm at most "
        f"{WARM_MAX}",
        rows,
        slow=slow,
    )


async def _ask_all(database: Database, folder: Path) -> list[dict[str, Cell]]:
    installation = _furnish(folder / "installation", database)
    rows: list[dict[str, Cell]] = []
    for path in _PAGES:
        # Answers are remembered by the application: a new one knows none.
        console, cookie = _console(installation)
        await _ask(console, cookie, "/sign-in")
        # The pool's connections have read their schema by now, as a daemon's have.
        before = time.process_time()
        cold, status, size = await _ask(console, cookie, path)
        processor = (time.process_time() - before) * 1000
        warm = min([(await _ask(console, cookie, path))[0] for _ in range(3)])
        rows.append(
            {
                "page": path,
                "status": status,
                "KB": size / 1000,
                "cold": cold,
                "cold CPU": processor,
                "warm": warm,
                "holds": "yes" if cold <= COLD_MAX and warm <= WARM_MAX else "",
            }
        )
    return rows


def _furnish(folder: Path, database: Database) -> Installation:
    """Return an installation of one district whose books are those that were written."""
    folder.mkdir()
    write_examples(folder)
    (folder / "ingestd.toml").write_text(f'data_dir = "{folder / "data"}"\n', encoding="utf-8")
    (folder / "accounts.toml").write_text(
        f'[{ACCOUNT}]\nname = "Bench"\ntimezone = "America/Chicago"\ncurrency = "USD"\n',
        encoding="utf-8",
    )
    (folder / "allowlist.toml").write_text(
        "everyone = []\ndeny = []\n[accounts]\n", encoding="utf-8"
    )
    opened = open_installation(folder / "ingestd.toml")
    opened.database.close()
    make_folder(opened.folders.data_dir)
    return replace(opened, database=database)


def _console(installation: Installation) -> tuple[ASGIApp, str]:
    """Return a console that has answered nothing yet, and the cookie of somebody signed in."""
    doorkeeper = Doorkeeper(installation.database, installation.clock)
    roles = frozenset(Role(kind, ACCOUNT) for kind in (RoleKind.OFFICE, RoleKind.CONTACTS))
    name = f"user-{time.monotonic_ns()}"
    by = Doer(name="bench", via=Via.COMMAND)
    invitation = doorkeeper.invite(name, roles, email=None, by=by)
    with installation.database.writing() as connection:
        now = to_microseconds(installation.clock.now())
        secret = begin_session(connection, invitation.user, now=now, peer="127.0.0.1")

    async def well() -> str:
        return ""

    keeper, metrics, folders = AccessKeeper(installation.access), Metrics(), installation.folders
    limits = door_limits(installation.settings)
    uploads = Uploads(
        folders=folders, keeper=keeper, limits=limits, clock=installation.clock, metrics=metrics
    )
    surroundings = Surroundings(
        installation=installation,
        keeper=keeper,
        health=Health(checks={"sftp": well}, pending=list, metrics=metrics),
        receiver=Receiver(uploads=uploads, folders=folders, keeper=keeper, limits=limits),
    )
    return make_console(surroundings), f"{COOKIE}={secret}"


async def _ask(console: ASGIApp, cookie: str, address: str) -> tuple[float, int, int]:
    """Return for how many milliseconds a page was waited for, its status, and its bytes."""
    path, _, query = address.partition("?")
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"bench"), (b"cookie", cookie.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
        "root_path": "",
    }
    status, size = 0, 0

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, size
        status = message.get("status", status)
        size += len(message.get("body", b""))

    started = time.perf_counter()
    await console(scope, receive, send)
    return (time.perf_counter() - started) * 1000, status, size
