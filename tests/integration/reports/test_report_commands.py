"""`ingestd report` and `ingestd ledger verify`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingestd.cli.app import build_app
from ingestd.database.engine import open_database
from tests.integration.ledger.conftest import open_books
from tests.integration.reports.story import tell_the_worked_example

REPORTS = ("sales", "payments", "items", "balances", "revenue", "aging")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation whose books hold the worked example."""
    assert CliRunner().invoke(build_app(), ["init", str(tmp_path)]).exit_code == 0
    (tmp_path / "config" / "accounts.toml").write_text(
        '[SPRINGFIELD]\nname = "Springfield"\ntimezone = "America/Chicago"\n'
    )
    database = open_database(f"sqlite:///{tmp_path / 'data' / 'ledger.db'}")
    tell_the_worked_example(open_books(database, tmp_path / "data"))
    database.close()
    return tmp_path


def run(folder: Path, *command: str) -> Result:
    config = ("--account", "SPRINGFIELD", "--config", str(folder / "config" / "ingestd.toml"))
    return CliRunner().invoke(build_app(), [*command, *config])


@pytest.mark.parametrize("report", REPORTS)
def test_every_report_takes_the_same_options_and_has_the_same_shape(
    folder: Path, report: str
) -> None:
    """A script that reads one report reads them all."""
    asked = ("--from", "2026-03-01", "--to", "2026-03-31", "--as-of", "2026-03-31")
    known = ("--as-known", "2026-12-31T00:00:00Z", "--output", "json")
    done = run(folder, "report", report, *asked, *known)
    assert done.exit_code == 0
    answer = json.loads(done.stdout)
    assert list(answer) == [
        *("report", "account", "as_of", "as_known", "ledger_head"),
        *("rows", "totals", "identities"),
    ]
    assert [identity["holds"] for identity in answer["identities"]] == [True] * 5
    assert answer["rows"]


def test_csv_has_the_rows_alone_and_a_table_tells_totals_and_identities(folder: Path) -> None:
    """A spreadsheet gets no lines that are no rows; a person sees that the books are right."""
    asked = ("report", "aging", "--as-of", "2026-03-31")
    lines = run(folder, *asked, "--output", "csv").stdout.splitlines()
    assert lines == ["bucket,open", "0-30,25.00", "31-60,0.00", "61-90,0.00", "91+,268.50"]
    table = run(folder, *asked).stdout
    assert "aging as of 2026-03-31: open 293.50" in table
    assert "identities I1 293.50 = 293.50 · I2 223.50 = 223.50 · I3 0.00 = 0.00" in table


def test_verify_says_what_it_checked_and_exits_with_its_answer(folder: Path) -> None:
    """A nightly job notices by the exit code, and its mail says which batch to look at."""
    good = run(folder, "ledger", "verify", "--output", "json")
    answer = json.loads(good.stdout)
    assert good.exit_code == 0
    assert (answer["holds"], answer["differences"]) == (True, [])
    assert answer["checked"]["batches"] == 15
    database = open_database(f"sqlite:///{folder / 'data' / 'ledger.db'}")
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE credit_lot SET remaining = remaining + 1")
        connection.exec_driver_sql("UPDATE charge_state SET allocated = 0 WHERE allocated = 350")
    database.close()
    bad = run(folder, "ledger", "verify")
    assert bad.exit_code == 1
    assert "credit_lots" in bad.stdout
    assert "charge_states" in bad.stdout
    assert "the books are NOT right" in bad.stdout


def test_a_day_of_knowledge_is_meant_to_its_end(folder: Path) -> None:
    """What was known on a day includes that day's uploads, in the district's own days."""
    september = ("--from", "2025-09-01", "--to", "2025-09-30", "--output", "json")
    net, known = {}, {}
    for day in ("2025-12-31", "2026-03-01", "2026-03-02", "9999-12-31"):
        done = run(folder, "report", "sales", *september, "--as-known", day)
        answer = json.loads(done.stdout)
        net[day], known[day] = answer["totals"]["net"], answer["as_known"]
    assert net == {
        "2025-12-31": "0.00",
        "2026-03-01": "0.00",
        "2026-03-02": "255.00",
        "9999-12-31": "255.00",
    }
    assert known["2026-03-02"] == "2026-03-03T05:59:59.999999Z"
    # A day that is not over may bring more: the answer says as of which batch it is.
    assert (
        known["9999-12-31"]
        == json.loads(run(folder, "report", "sales", *september).stdout)["as_known"]
    )


@pytest.mark.parametrize("as_known", ["2026-02-30", "2026-3-2", "soon", ""])
def test_what_is_no_instant_is_a_mistake(folder: Path, as_known: str) -> None:
    """A slip of the keyboard is told, and never taken for another time."""
    done = run(folder, "report", "sales", "--as-known", as_known)
    assert "is no instant" in str(done.exception)


@pytest.mark.parametrize("report", REPORTS)
def test_days_may_be_as_wide_as_the_calendar(folder: Path, report: str) -> None:
    """A program that writes the calendar's last day for "no end" gets all there is."""
    wide = run(folder, "report", report, "--from", "0001-01-01", "--to", "9999-12-31")
    assert wide.exit_code == 0
    assert wide.stdout == run(folder, "report", report).stdout


def test_days_in_the_wrong_order_are_a_mistake(folder: Path) -> None:
    """Nobody takes a slip for a month without sales."""
    done = run(folder, "report", "sales", "--from", "2026-03-31", "--to", "2026-03-01")
    assert str(done.exception) == "--from 2026-03-31 lies after --to 2026-03-01. Swap them."
