"""What a command of the office did, as it is printed."""

from __future__ import annotations

import csv
import json

import pytest

from ingestd.cli.opening.desk import print_answer
from ingestd.cli.terminal.options import Output

ANSWER: dict[str, object] = {
    "transfer_id": "X1",
    "amount": "36.00",
    "paid": [{"tracking_id": "D4", "amount": "31.00"}, {"tracking_id": "D9", "amount": "5.00"}],
}


def test_what_an_answer_lists_is_a_table_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever works at the desk reads no brackets and braces."""
    print_answer(ANSWER, Output.TABLE, wide=False)
    assert capsys.readouterr().out.splitlines() == [
        "transfer_id  amount",
        "X1            36.00",
        "",
        "paid",
        "tracking_id  amount",
        "D4            31.00",
        "D9             5.00",
    ]
    print_answer(ANSWER | {"paid": []}, Output.TABLE, wide=False)
    assert "paid" not in capsys.readouterr().out


def test_what_an_answer_lists_is_one_cell_of_csv(capsys: pytest.CaptureFixture[str]) -> None:
    """A spreadsheet keeps one row for one answer."""
    print_answer(ANSWER, Output.CSV, wide=False)
    [row] = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row == {"transfer_id": "X1", "amount": "36.00", "paid": "D4 31.00; D9 5.00"}


def test_what_an_answer_lists_is_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever names a charge writes nothing that the office's spreadsheet runs."""
    paid = [{"tracking_id": "=HYPERLINK(A1)", "amount": "5.00"}]
    print_answer({"refunded": "-5.00", "paid": paid}, Output.CSV, wide=False)
    [row] = csv.DictReader(capsys.readouterr().out.splitlines())
    assert row == {"refunded": "-5.00", "paid": "'=HYPERLINK(A1) 5.00"}


def test_what_an_answer_lists_stays_a_list_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads what the documentation promises."""
    print_answer(ANSWER, Output.JSON, wide=False)
    assert json.loads(capsys.readouterr().out) == ANSWER
