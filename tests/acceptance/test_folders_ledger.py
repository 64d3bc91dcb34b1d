"""A data folder and its ledger, as an operator meets them: a forgotten variable, a late volume."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.integration.database.conftest import Server, server

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

__all__ = ["server"]

NAME = "student_billing_check.csv"
ROW = "LIABILITY,C-1,00042,LOST_BOOK,,18.50,2025-03-02T14:38:02Z"
ASKING = (
    "report balances --account SPRINGFIELD",
    "uploads list --account SPRINGFIELD",
    "ledger verify --account SPRINGFIELD",
    "check {file} --account SPRINGFIELD",
    "catalog import students {file} --account SPRINGFIELD",
    "payments add --account SPRINGFIELD --payer P-77 --amount 1.00 --method cash",
    "invoice --account SPRINGFIELD --party P-77",
    "db upgrade",
    "db current",
    "serve",
)


@pytest.fixture
def on_server(school: School, server: Server | None) -> Iterator[School]:
    """An installation set up on a file, and moved to a server before its first upload."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    with server.database("pattern_empty") as url:
        school.set(database_url=url)
        # Its catalog was imported into the file: another ledger is adopted by saying so.
        assert school.run("db", "upgrade").returncode == 2
        assert school.run("init", str(school.folder), "--adopt-ledger").returncode == 0
        assert school.run("db", "upgrade").returncode == 0
        moved = ("--account", school.account, "--reason", "moved to a server")
        assert school.run("ledger", "resume", *moved).returncode == 0
        for kind in ("products", "parents", "students"):
            school.ask("catalog", "import", kind, str(school.outbox / f"{kind}.csv"))
        yield school
        school.kill()


def test_whoever_forgets_the_variable_is_told_and_misled_by_nothing(on_server: School) -> None:
    """The daemon writes to the server; a cron job without the variable finds no empty books."""
    school = on_server
    school.start()
    path = school.write(NAME, ROW)
    school.upload(path)
    school.wait_until_receipt(NAME)
    url = school.environment.pop("INGESTD_DATABASE_URL")
    ledger = school.folder / "data" / "ledger.db"
    before = ledger.read_bytes()
    for asking in ASKING:
        done = school.run(*asking.format(file=path).split())
        assert (done.returncode, done.stdout) == (2, ""), asking
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "PostgreSQL" in done.stderr
        assert "ingestd init --adopt-ledger" in done.stderr
    doctor = school.run("doctor", "--output", "json")
    assert doctor.returncode == 2
    wrong = {row["check"] for row in json.loads(doctor.stdout) if row["ok"] != "ok"}
    assert wrong == {"database"}
    for harmless in ("config check", "account list", "allowlist test 127.0.0.1"):
        assert school.run(*harmless.split()).returncode == 0
    assert ledger.read_bytes() == before
    school.set(database_url=url)
    assert school.items() == {"C-1": "18.50"}
    assert school.run("doctor").returncode == 0


def test_another_ledger_is_adopted_only_by_saying_so(on_server: School) -> None:
    """After an operator decided, the same command and the daemon go on with it."""
    school = on_server
    school.start()
    school.upload(school.write(NAME, ROW))
    school.wait_until_receipt(NAME)
    del school.environment["INGESTD_DATABASE_URL"]
    assert school.run("init", "--adopt-ledger").returncode == 3  # the daemon runs
    assert school.stop() == 0
    assert school.spawn().wait(30) == 2
    done = school.run("init", str(school.folder), "--adopt-ledger")
    assert (done.returncode, done.stderr) == (0, "")
    assert "SQLite ledger.db" in done.stdout
    school.start()
    assert school.items() == {}


def test_a_late_volume_is_waited_for(school: School) -> None:
    """After a reboot the ledger's disk comes last: the unit tries again, and nothing was lost."""
    school.start()
    school.upload(school.write(NAME, ROW))
    school.wait_until_receipt(NAME)
    assert school.stop() == 0
    ledger = school.folder / "data" / "ledger.db"
    late = ledger.rename(school.folder / "late.db")
    assert school.spawn().wait(30) == 3
    [why] = school.log.lines
    assert "docs/operate/runbook.md" in why
    done = school.run("report", "balances", "--account", school.account)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", why + "\n")
    assert not ledger.exists()
    late.rename(ledger)
    school.start()
    assert school.items() == {"C-1": "18.50"}


def test_a_data_folder_that_init_never_made_is_not_served(school: School) -> None:
    """An empty mount point stays empty: no host key is made that every client would refuse."""
    other = school.folder / "other"
    other.mkdir()
    school.set(data_dir=str(other))
    assert school.spawn().wait(30) == 3
    [why] = school.log.lines
    assert "ingestd init" in why
    assert school.run("doctor").returncode == 1
    assert list(other.iterdir()) == []
    assert school.run("init", str(school.folder)).returncode == 0
    school.spawn()
    school.log.wait_until_event("daemon_started")
