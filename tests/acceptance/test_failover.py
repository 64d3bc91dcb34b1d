"""The database's machine is lost, and its standby takes over: what a district sees of it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.engine import make_url

from tests.acceptance.daemon_log import until
from tests.acceptance.standby import two_servers
from tests.integration.database.conftest import Server, server

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

__all__ = ["server"]


def wrong(school: School) -> list[str]:
    """Return which checks say that the daemon is not ready."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{school.http_port}/readyz") as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            said = json.load(error)
    return [check for check, what in said["checks"].items() if what != "ok"]


def send(school: School, number: int, rows: int) -> None:
    name = f"student_billing_{number}.csv"
    school.upload(school.write_many(name, rows, prefix=f"K{number}"))


@pytest.mark.long
def test_a_standby_takes_over_and_nothing_that_was_answered_is_lost(
    school: School, server: Server | None, free_port: Callable[[], int]
) -> None:
    """Districts send on while there is no database; what was committed is not done again."""
    if server is None:
        pytest.skip("no PostgreSQL server here")
    owner = Path(str(make_url(server.url("postgres")).query["host"])).owner()
    with two_servers(free_port(), owner=owner) as servers:
        assert school.run("db", "copy", "--to", servers.url).returncode == 0
        school.set(database_url=servers.url)
        school.start()
        send(school, 0, 2)
        school.wait_until_receipt("student_billing_0.csv")
        for number, rows in ((1, 2), (2, 5_000), (3, 2)):
            send(school, number, rows)
        school.log.wait_until_event("file_claimed", filename="student_billing_2.csv")
        servers.lose_the_first()
        until(lambda: "database" in wrong(school), "the daemon to notice")
        # What works with it says so, too, once it was tried; the door is as open as before.
        assert set(wrong(school)) <= {"database", "workers", "intake"}
        send(school, 4, 2)
        servers.promote()
        receipts = [
            school.wait_until_receipts(f"student_billing_{number}.csv", 1)[0] for number in range(5)
        ]
        assert [receipt["rows"]["applied"] for receipt in receipts] == [2, 2, 5_000, 2, 2]
        until(lambda: not wrong(school), "the daemon to be ready")
        send(school, 5, 2)
        school.wait_until_receipt("student_billing_5.csv")
        assert len(school.items()) == 5_010
        assert school.ask("ledger", "verify")["holds"]
        assert [row["status"] for row in school.ask("uploads", "list", "--status", "failed")] == []
        assert school.stop() == 0
        told = [event["upload_id"] for event in school.log.events("file_processed")]
        assert len(told) == len(set(told)) == 6
