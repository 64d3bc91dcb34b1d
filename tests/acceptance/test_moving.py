"""A school's ledger goes to a server, as the operator's page says."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.daemon_log import PATIENCE_SECONDS
from tests.integration.database.conftest import Server, server

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

__all__ = ["server"]

NAME = "student_billing_{}.csv"
ROW = "LIABILITY,C-{},00042,LOST_BOOK,,18.50,2025-03-02T14:38:02Z"


def send(school: School, number: int) -> dict[str, object]:
    """Upload a file of the charges up to a number; return its receipt's counts."""
    name = NAME.format(number)
    school.upload(school.write(name, *(ROW.format(n) for n in range(number + 1))))
    counts: dict[str, object] = school.wait_until_receipt(name)["rows"]
    return counts


def kill_while_copying(school: School, to: str) -> None:
    """End `ingestd db copy` with SIGKILL once the first table is told of."""
    copying = subprocess.Popen(
        [sys.executable, "-m", "ingestd", "db", "copy", "--to", to],
        env=school._environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert copying.stderr is not None
    assert copying.stderr.readline().startswith("copied ")
    copying.kill()
    said, _ = copying.communicate(timeout=PATIENCE_SECONDS)
    assert "from now on" not in said


def test_a_ledger_goes_to_a_server(school: School, server: Server | None) -> None:
    """Charges, keys and heads are the same everywhere, and a kill in the middle costs nothing."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    with server.database("pattern_empty") as url:
        school.start()
        assert send(school, 0)["applied"] == 1
        busy = school.run("db", "copy", "--to", url)
        assert (busy.returncode, busy.stdout) == (3, "")
        assert "Stop it first" in busy.stderr
        assert school.stop() == 0
        head = school.ask("ledger", "verify")["ledger_head"]
        kill_while_copying(school, url)
        moved = school.run("db", "copy", "--to", url)
        assert moved.returncode == 0, moved.stderr
        assert f"ledger head {head}" in moved.stdout
        assert "INGESTD_DATABASE_URL='postgresql://" in moved.stdout
        forgotten = school.run("report", "balances", "--account", school.account)
        assert (forgotten.returncode, forgotten.stdout) == (2, "")
        assert "was moved to PostgreSQL" in forgotten.stderr
        assert school.spawn().wait(PATIENCE_SECONDS) == 2
        school.set(database_url=url)
        assert school.ask("ledger", "verify")["ledger_head"] == head
        school.start()
        assert send(school, 1) == {
            **dict.fromkeys(("conflict", "rejected"), 0),
            "total": 2,
            "applied": 1,
            "duplicate": 1,
        }
        assert school.items() == {f"C-{n}": "18.50" for n in range(2)}
