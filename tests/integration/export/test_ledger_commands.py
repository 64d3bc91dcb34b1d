"""`ingestd ledger export`, `explain` and `trace`, run as processes on an installation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingestd.config.editing.new_account import NewAccount, add_account
from ingestd.database import schema
from ingestd.database.engine import open_database
from ingestd.service.installation.initialise import initialise
from tests.integration.export.district import (
    District,
    hledger,
    live_through_the_worked_example,
    open_district,
)
from tests.integration.ledger.conftest import SPRINGFIELD, open_books

COMMAND = [sys.executable, "-W", "error", "-c", "from ingestd.cli import main; main()"]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation whose only district lived through the worked example."""
    folder = tmp_path_factory.mktemp("installation")
    initialise(folder)
    add_account(
        folder / "config",
        NewAccount(
            account_id=SPRINGFIELD, name="Springfield", timezone="America/Chicago", currency="USD"
        ),
    )
    database = open_database(f"sqlite:///{folder / 'data' / 'ledger.db'}")
    schema.upgrade(database)
    district: District = open_district(open_books(database, folder / "data"))
    live_through_the_worked_example(district)
    database.close()
    return folder


def run(
    installation: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if "INGESTD" not in name}
    config = {"INGESTD_CONFIG": str(installation / "config" / "ingestd.toml")}
    return subprocess.run(
        [*COMMAND, "ledger", *arguments, "--account", SPRINGFIELD],
        check=False,
        capture_output=True,
        env=kept | config | environment,
        timeout=60,
    )


def test_bean_check_takes_what_is_exported(installation: Path, tmp_path: Path) -> None:
    """An accountant runs one command, and another, and sees no complaint."""
    exported = run(installation, "export", "--format", "beancount")
    assert (exported.returncode, exported.stderr) == (0, b"")
    path = tmp_path / "book.beancount"
    path.write_bytes(exported.stdout)
    program = Path(sys.executable).with_name("bean-check")
    checked = subprocess.run([program, path], check=False, capture_output=True, timeout=60)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_hledger_takes_what_is_exported_in_any_locale(installation: Path, tmp_path: Path) -> None:
    """The file is UTF-8, whatever the terminal is that it was written in."""
    exported = run(installation, "export", "--format", "hledger", LC_ALL="C", PYTHONUTF8="0")
    assert (exported.returncode, exported.stderr) == (0, b"")
    path = tmp_path / "book.journal"
    path.write_bytes(exported.stdout)
    hledger(path, "check", "--strict")
    assert "20.00 USD" in hledger(path, "balance", "Assets:Bank")


def test_an_export_as_known_then_has_less(installation: Path) -> None:
    """The book of an earlier day can still be had."""
    march = run(installation, "export", "--format", "hledger", "--as-known", "2026-03-12T00:00:00Z")
    assert b"as known 2026-03-12T00:00:00Z" in march.stdout
    assert b"2026-03-11 *" in march.stdout
    assert b"2026-03-13 *" not in march.stdout


def test_a_payment_is_explained_to_people_and_programs(installation: Path) -> None:
    """The office reads a table; its scripts read JSON, and nothing else on stdout."""
    table = run(installation, "explain", "--payment", "P2")
    assert (table.returncode, table.stderr) == (0, b"")
    for words in (b"directed", b"moved to wallet", b"returned 80.00", b"unexplained 0.00"):
        assert words in table.stdout
    answer = json.loads(run(installation, "explain", "--payment", "P2", "--output", "json").stdout)
    assert (answer["report"], answer["account"]) == ("explain", SPRINGFIELD)
    assert answer["totals"]["returned"] == "80.00"
    lines = run(installation, "explain", "--payment", "P2", "--output", "csv").stdout.splitlines()
    assert lines[0].startswith(b"what,amount,party")


def test_a_charge_is_traced_for_people_and_programs(installation: Path) -> None:
    """Which row charged this, and who sent the file: one command."""
    table = run(installation, "trace", "--tracking-id", "C4")
    assert (table.returncode, table.stderr) == (0, b"")
    for words in (b"sha256", b"student_billing.csv", b"1100 Assets:Receivable:Fees"):
        assert words in table.stdout
    answer = json.loads(
        run(installation, "trace", "--tracking-id", "C4", "--output", "json").stdout
    )
    assert answer["charge"]["origin"]["row"] == 5
    assert len(answer["postings"]) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explain", "--payment", "P0"), "Account SPRINGFIELD has no payment P0."),
        (("trace", "--tracking-id", "C0"), "Account SPRINGFIELD has no charge C0."),
        (
            ("export", "--format", "hledger", "--as-known", "soon"),
            "--as-known soon is no instant. Write it such as 2026-03-02T12:00:00Z.",
        ),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_line(
    installation: Path, arguments: tuple[str, ...], message: str
) -> None:
    """A mistyped key or time is exit 2 and one sentence, with nothing on stdout."""
    refused = run(installation, *arguments)
    assert (refused.returncode, refused.stdout) == (2, b"")
    assert refused.stderr.decode() == f"{message}\n"
