"""Checks: whether books balance is added up once for all reports, and anew after a batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ingestd.console.office.checks import KEPT_MAX, Checks, found_within
from ingestd.reports.asking.questions import Asked
from ingestd.values.clock import day_in
from tests.integration.console.conftest import Console
from tests.integration.console.office import account_of, furnish_spring


def test_books_are_checked_once_as_long_as_they_stay(console: Console, tmp_path: Path) -> None:
    """However many pages ask at once; another day, another head are other questions."""
    furnish_spring(console, tmp_path)
    checks, database = Checks(console.database), console.database
    account, now = account_of(console), console.installation.clock.now()
    with database.reading() as connection:
        question = Asked().question(connection, account, now=now)
    first = checks.begin(question, "head")
    assert checks.begin(replace(question, by="day", party="somebody"), "head") is first
    assert checks.begin(question, "later head") is not first
    before = replace(question, as_of=day_in(account.timezone, now).replace(year=2001))
    assert checks.begin(before, "head") is not first
    found = first.result()
    assert [one.name for one in found] == ["I1", "I2", "I3", "I4", "I5", "I6"]
    assert all(one.holds for one in found)
    assert found_within(first, 0.0) == found
    for number in range(KEPT_MAX):
        checks.begin(question, f"{number}")
    assert checks.begin(question, "head") is not first
