"""`ingestd catalog list` and `history`, and the batches that imports by hand are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ingestd.cli.app import build_app
from tests.integration.catalog.test_import_command import folder, put, take

__all__ = ["folder"]

FILES = {
    "products": "billing_code,name,price,valid_from,repayment,sort,installments,gl_account\n"
    "BAND,Band,120.00,,direct,2,yes,4-80\nBAND,Band,130.00,2026-09-01,direct,2,yes,4-80\n"
    "MEAL,Meal,,,,,,\n",
    "students": "student_id,name,parent_code,status\nS1,Ann,P1,enrolled\nS2,,,cancelled\n",
    "parents": "parent_code,name,email\nP1,Pat,pat@example.org\n",
    "gl_accounts": "gl_account,name,status,requires_donor,requires_appeal\n4-80,Fund,open,yes,no\n",
    "tax_codes": "tax_code,name\nGST,Tax\n",
    "merchants": "merchant_id,description,settle,other_gl_account\nM1,Shop,on_import,9-9\n",
    "donors": "donor_number,name,pledges,appeals\n42,Dora,12;7,LIBR\n43,,,\n",
}


def ask(folder: Path, *command: str, output: str = "json") -> Any:
    config = ("--account", "A", "--config", str(folder / "config" / "ingestd.toml"))
    done = CliRunner().invoke(build_app(), [*command, *config, "--output", output])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout) if output == "json" else done.stdout


def batches(folder: Path) -> int:
    verified = ask(folder, "ledger", "verify")
    assert verified["holds"]
    return int(verified["checked"]["batches"])


@pytest.mark.parametrize("kind", FILES)
def test_what_is_listed_can_be_imported_and_changes_nothing(folder: Path, kind: str) -> None:
    """An office takes the list, changes a line in its spreadsheet, and imports it."""
    take(folder, put(folder, FILES[kind]), kind=kind)
    listed = ask(folder, "catalog", "list", kind, output="csv")
    done = json.loads(take(folder, put(folder, listed), "--output", "json", kind=kind).stdout)
    assert (done["added"], done["changed"], done["rejected"]) == (0, 0, 0)
    first = next(csv.DictReader(io.StringIO(listed)))
    sent = next(csv.DictReader(io.StringIO(FILES[kind])))
    assert {name: first[name] for name in sent} == sent


def test_an_import_that_changes_something_is_a_batch_and_no_other(folder: Path) -> None:
    """The books do not grow by a batch each night because a roster comes each night."""
    assert batches(folder) == 0
    take(folder, put(folder, FILES["students"]))
    assert batches(folder) == 1
    take(folder, put(folder, FILES["students"]))
    take(folder, put(folder, "student_id;name\nS1;Ann\n"))
    take(folder, put(folder, "student_id,status\nS2,gone\n"))
    assert batches(folder) == 1
    take(folder, put(folder, "student_id,name\nS2,Bo\n"))
    assert batches(folder) == 2


def test_a_row_is_followed_through_its_imports(folder: Path) -> None:
    """Who called the student so, and since when."""
    take(folder, put(folder, FILES["students"]), "--who", "Anna")
    named = put(folder, "student_id,name\nS2,Bo\n")
    take(folder, named, "--who", "Ben", "--reason", "the mother called")
    changes = ask(folder, "catalog", "history", "students", "S2")["changes"]
    told = ("batch", "event", "change", "by", "reason")
    assert [tuple(each[name] for name in told) for each in changes] == [
        (1, "catalog", "added", "Anna", None),
        (2, "catalog", "changed", "Ben", "the mother called"),
    ]
    assert (changes[1]["was"], changes[1]["became"]) == ({"name": ""}, {"name": "Bo"})
    then = changes[0]["known_at"]
    known = ask(folder, "catalog", "list", "students", "--as-known", then)
    assert [row["name"] for row in known["rows"]] == ["Ann", ""]
    table = ask(folder, "catalog", "history", "students", "S2", output="table")
    assert "name Bo" in table
    assert "ledger head" in table


def test_a_key_that_never_was_is_the_commands_mistake(folder: Path) -> None:
    """A mistyped code is not a row without a history."""
    config = ("--account", "A", "--config", str(folder / "config" / "ingestd.toml"))
    done = CliRunner().invoke(build_app(), ["catalog", "history", "products", "BAMD", *config])
    assert done.exit_code != 0
    assert "never had BAMD" in str(done.exception or done.stderr)
