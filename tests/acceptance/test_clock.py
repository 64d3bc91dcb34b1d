"""A clock that is behind the books, as an operator meets it: told, waited for, accepted."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.acceptance.conftest import School

HOUR = 3600 * 1_000_000
PAYMENT = ("--payer", "P-77", "--amount", "1.00", "--method", "cash", "--id", "E1")


def date_the_last_batch_ahead(school: School) -> None:
    """Leave the books as a clock does that was an hour ahead."""
    with closing(sqlite3.connect(school.folder / "data" / "ledger.db")) as ledger:
        ledger.execute(f"UPDATE seal_head SET sealed_at = sealed_at + {HOUR}")
        ledger.commit()


def test_files_wait_until_the_clock_is_accepted(school: School) -> None:
    """Nothing is booked on a wrong day; and the right clock is not kept waiting for an hour."""
    sale = ("--party", "00042", "--billing-code", "LATE_FEE", "--tracking-id", "T-1")
    school.ask("sales", "add", *sale)
    date_the_last_batch_ahead(school)
    school.start()
    told = school.log.wait_until_event("clock_doubted", level="warning")
    assert 3400 < told["behind_seconds"] <= 3600
    path = school.write("student_billing_check.csv", "LIABILITY,C-1,00042,LOST_BOOK,,18.50,")
    school.upload(path)
    url = f"http://127.0.0.1:{school.http_port}"
    ready = json.loads(school.run_client("curl", "-sS", f"{url}/readyz").stdout)
    assert ready["ready"] is False
    assert [part for part, what in ready["checks"].items() if what != "ok"] == ["clock"]
    assert "ingestd ledger accept-clock" in ready["checks"]["clock"]
    assert "ingestd_clock_behind_seconds 3" in school.run_client("curl", f"{url}/metrics").stdout

    by_hand = school.run("payments", "add", "--account", school.account, *PAYMENT)
    assert (by_hand.returncode, by_hand.stdout) == (3, "")
    assert "accept-clock" in by_hand.stderr
    assert school.run("check", str(path), "--account", school.account).returncode == 3
    assert school.run("report", "balances", "--account", school.account).returncode == 0
    assert "accept-clock" in school.run("doctor").stdout
    assert not list(school.receipts.iterdir())

    accept = ("ledger", "accept-clock", "--output", "json")
    assert school.run(*accept, "--reason", "why").returncode == 2
    assert school.run(*accept, "--all", "--reason", " ").returncode == 2
    [accepted] = school.ask("ledger", "accept-clock", "--reason", "a phone says the same")
    assert (accepted["account"], accepted["reason"]) == (school.account, "a phone says the same")
    assert accepted["accepted_by"]
    school.log.wait_until_event("clock_trusted")
    assert school.wait_until_receipt(path.name)["status"] == "processed"
    again = school.run(*accept, "--all", "--reason", "why")
    assert (again.returncode, json.loads(again.stdout)) == (1, [])
    school.ask("payments", "add", *PAYMENT)
    ready = json.loads(school.run_client("curl", "-sS", f"{url}/readyz").stdout)
    assert ready["ready"] is True
