"""Several databases: each account's books in the one that the config names, behind one door."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import School
from tests.acceptance.daemon_log import until

OTHER = "SHELBYVILLE"


@pytest.fixture
def two(school: School) -> Iterator[School]:
    """An installation with a second account, whose books are in a database of their own."""
    settings = school.config / "ingestd.toml"
    url = f"sqlite:///{school.folder}/data/databases/north/ledger.db"
    told = f'\n[databases.north]\nurl = "{url}"\naccounts = ["{OTHER}"]\n'
    settings.write_text(settings.read_text(encoding="utf-8") + told, encoding="utf-8")
    done = school.run("init")
    assert done.returncode == 0, done.stderr
    key = ("--key", str(school.key.with_suffix(".pub")), "--allow", "127.0.0.1")
    district = ("--name", "Shelbyville School District", "--timezone", "America/Chicago")
    assert school.run("account", "add", OTHER, *district, *key).returncode == 0
    for kind in ("products", "parents", "students"):
        path = school.outbox / f"{kind}.csv"
        done = school.run("catalog", "import", kind, str(path), "--account", OTHER)
        assert done.returncode == 0, done.stderr
    yield school


def test_each_account_is_served_from_its_own_database(two: School) -> None:
    two.start()
    charge = "LIABILITY,{0},00042,LATE_FEE,,5.00,"
    for account in (two.account, OTHER):
        path = two.write(f"student_billing_{account}.csv", charge.format(f"{account}-1"))
        done = two.sftp_batch(f"put {path} /{account}/incoming/{path.name}", account=account)
        assert done.returncode == 0, done.stderr

    def receipt(account: str) -> list[Path]:
        home = two.folder / "data" / ("databases/north" if account == OTHER else "")
        return list((home / "spool" / account / "receipts").glob("*.json"))

    for account in (two.account, OTHER):
        [found] = until(lambda account=account: receipt(account), f"the receipt of {account}")
        assert json.loads(found.read_bytes())["rows"]["applied"] == 1
        listed = two.sftp_batch(f"ls -1 /{account}/receipts", account=account).stdout
        assert found.name in listed
        done = two.run("report", "items", "--account", account, "--output", "json")
        rows = json.loads(done.stdout)["rows"]
        assert [row["tracking_id"] for row in rows] == [f"{account}-1"]
        assert two.run("ledger", "verify", "--account", account).returncode == 0
    with urllib.request.urlopen(f"http://127.0.0.1:{two.http_port}/readyz", timeout=10) as answer:
        assert json.load(answer)["ready"]
    done = two.run("doctor")
    assert (done.returncode, "database north" in done.stdout) == (0, True), done.stdout
    assert two.stop() == 0
