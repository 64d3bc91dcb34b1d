"""`ingestd account add` stands in the audit; and needs no ledger to add an account."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from ingestd.database.engine import open_database
from ingestd.service.people.audit import AuditEvent, Via, list_audit
from ingestd.values.identifiers import AccountId
from tests.warm_process import warm_process

AWAY = "postgresql://nobody@127.0.0.1:1/none"


def run(folder: Path, *arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
    environment["INGESTD_CONFIG"] = str(folder / "config" / "ingestd.toml")
    if url:
        environment["INGESTD_DATABASE_URL"] = url
    return warm_process().run(arguments, env=environment)


def add(folder: Path, *more: str, url: str = "") -> subprocess.CompletedProcess[str]:
    district = ("--name", "Springfield", "--timezone", "America/Chicago")
    return run(folder, "account", "add", "SPRINGFIELD", *district, *more, url=url)


def audit(folder: Path) -> list[AuditEvent]:
    """Return what is kept of accounts."""
    ledger = open_database(f"sqlite:///{folder}/data/ledger.db")
    with closing(ledger), ledger.reading() as connection:
        return [event for event in list_audit(connection, limit=9) if event.account]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert run(tmp_path, "init", str(tmp_path)).returncode == 0
    return tmp_path


def test_who_added_an_account_by_command_is_kept(folder: Path) -> None:
    """Whoever asks who let a district in finds it in one place, whichever way it was done."""
    done = add(folder, "--allow", "203.0.113.16/28")
    assert done.returncode == 0
    assert "audit" not in done.stderr
    found = sorted((event.deed, event.subject) for event in audit(folder))
    assert found == [("accounts_saved", "accounts.toml"), ("allowlist_saved", "allowlist.toml")]
    for event in audit(folder):
        assert (event.via, event.account) == (Via.COMMAND, AccountId("SPRINGFIELD"))
        assert event.by
        assert event.detail["removed"] == 0
        assert int(str(event.detail["added"])) > 0
    assert add(folder).returncode == 2
    assert len(audit(folder)) == 2


def test_a_ledger_that_is_away_keeps_no_account_from_being_added(folder: Path) -> None:
    """A district is let in during an outage; that the audit lacks it is said, and not hidden."""
    done = add(folder, url=AWAY)
    assert done.returncode == 0
    assert "SPRINGFIELD was added, and the audit does not say so: " in done.stderr
    listed = json.loads(run(folder, "account", "list", "--output", "json").stdout)
    assert [account["account"] for account in listed] == ["SPRINGFIELD"]
    assert audit(folder) == []
