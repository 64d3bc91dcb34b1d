"""`ingestd report` and `ingestd ledger verify`, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingestd.cli.app import build_app
from ingestd.database.engine import open_database
from ingestd.values.errors import UsageError
from tests.integration.ledger.conftest import open_books
from tests.integration.reports.story import tell_the_worked_example

REPORTS = ("sales", "payments", "items", "balances", "revenue", "aging", "changes", "collections")


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
    assert all(identity["holds"] for identity in answer["identities"])
    assert len(answer["identities"]) >= 5
    assert answer["rows"]


def test_changes_since_an_instant_are_asked_like_any_report(folder: Path) -> None:
    """A month that was handed in is held to the same month today, in one command."""
    asked = ("report", "changes", "--as-of", "2026-03-31", "--output", "json")
    answer = json.loads(run(folder, *asked, "--since", "2026-03-25").stdout)
    assert [row["event"] for row in answer["rows"]] == ["sale", "sale", "settled"]
    assert answer["totals"]["since"] == "2026-03-26T04:59:59.999999Z"
    assert (answer["totals"]["charged"], answer["totals"]["realised"]) == ("123.50", "123.50")
    everything = json.loads(run(folder, *asked).stdout)
    assert (everything["rows"][-3:], everything["totals"]["since"]) == (answer["rows"], None)
    wrong = run(folder, *asked, "--since", "soon")
    assert "--since soon is no instant" in str(wrong.exception)
    table = run(folder, "report", "changes", "--since", "2026-04-03")
    assert "returned 80.00" in table.stdout


def test_pledges_are_asked_like_any_report(folder: Path) -> None:
    """Books without donors have no pledges, and say so."""
    answer = json.loads(run(folder, "report", "pledges", "--output", "json").stdout)
    assert (answer["rows"], answer["totals"]["pledges"]) == ([], 0)


@pytest.mark.parametrize("whose", [(), ("--family", "COLL001")], ids=["all", "one"])
def test_arrears_are_of_one_day_and_take_no_others(folder: Path, whose: tuple[str, ...]) -> None:
    """Days that change no answer are not asked: the list would be taken for theirs."""
    for days in (("--from", "2026-03-01"), ("--to", "2026-03-31")):
        refused = run(folder, "report", "arrears", *whose, *days)
        assert refused.exit_code == 2
        assert f"No such option: {days[0]}" in refused.output
    assert run(folder, "report", "arrears", *whose, "--as-of", "2026-03-31").exit_code == 0


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
    assert answer["checked"]["batches"] == 17
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


@pytest.mark.parametrize("option", ["--product", "--source", "--party", "--family"])
def test_who_narrows_to_nothing_is_not_given_everything(folder: Path, option: str) -> None:
    """A script with an empty variable files no whole district's figures as one place's."""
    assert isinstance(run(folder, "report", "items", option, "").exception, UsageError)


def test_an_instant_to_come_asks_for_what_is_known_now(folder: Path) -> None:
    """An answer on paper names the state that it is of: it can be made again when more came."""
    asked = ("report", "sales", "--output", "json")
    to_come = run(folder, *asked, "--as-known", "9999-01-01T00:00:00Z")
    assert to_come.stdout == run(folder, *asked).stdout
    known = json.loads(to_come.stdout)["as_known"]
    assert run(folder, *asked, "--as-known", known).stdout == to_come.stdout


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


def test_a_report_takes_only_the_options_that_make_sense_of_it(folder: Path) -> None:
    """An option that would change nothing is a mistake, and told as one."""
    for words in (
        ("tax", "--party", "S1"),
        ("sales", "--status", "paid"),
        ("items", "--status", "settled"),
        ("sales", "--by", "colour"),
    ):
        assert run(folder, "report", *words).exit_code == 2
    done = run(folder, "report", "items", "--party", "S2", "--status", "void", "--output", "json")
    assert [row["tracking_id"] for row in json.loads(done.stdout)["rows"]] == ["C3"]
    by_day = run(folder, "report", "sales", "--by", "day", "--output", "csv").stdout
    assert by_day.splitlines()[0] == "day,charged,voided,net,written_off,tax"


@pytest.mark.parametrize("report", ["statement", "arrears"])
def test_a_statement_and_arrears_are_letters_too(folder: Path, report: str) -> None:
    """What the office reads on its terminal can be laid into an envelope."""
    page = folder / "letter.html"
    words = ("report", report, "--party", "G1", "--as-of", "2026-04-06")
    assert run(folder, *words, "--output", "html").stdout.startswith("<!DOCTYPE html>")
    assert run(folder, *words, "--output", "html", "--file", str(page)).exit_code == 0
    assert "145.00 USD" in page.read_text("utf-8")
    table = run(folder, *words)
    assert "145.00" in table.stdout
    assert "ledger head" in table.stdout
    told = str(run(folder, *words, "--mail-to", "a@example.org").exception)
    assert told == "--mail-to says where --mail sends to. Add --mail to send."
    told = str(run(folder, *words, "--file", str(page)).exception)
    assert told == "--file is for letters. Add --output html or --output pdf."
    unsent = run(folder, *words, "--mail", "--mail-to", "a@example.org")
    assert "[mail]" in str(unsent.exception)


def test_a_letter_is_one_familys(folder: Path) -> None:
    """Nobody is sent everybody's debts."""
    done = run(folder, "report", "arrears", "--output", "html")
    assert "Name it with --party" in str(done.exception)
    assert "Whose statement?" in str(run(folder, "report", "statement").exception)


def test_parties_are_listed_and_shown(folder: Path) -> None:
    """The counter finds whom it deals with."""
    listed = json.loads(run(folder, "parties", "list", "--output", "json").stdout)
    assert {"party": "G1", "kind": "guest"}.items() <= next(
        row.items() for row in listed if row["party"] == "G1"
    )
    guests = run(folder, "parties", "list", "--kind", "guest", "--output", "csv").stdout
    assert guests.splitlines() == ["party,kind,name,email,phone,family", "G1,guest,A guest,,,"]
    shown = json.loads(run(folder, "parties", "show", "--party", "G1", "--output", "json").stdout)
    assert [charge["tracking_id"] for charge in shown["charges"]] == ["G1-1", "N2"]
    assert shown["balances"] == [{"account_type": "LIABILITY", "balance": "-145.00"}]
    assert "G1-1" in run(folder, "parties", "show", "--party", "G1").stdout
    assert run(folder, "payouts", "list", "--output", "json").stdout == "[]\n"
