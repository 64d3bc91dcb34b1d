"""The views that people read who open the database with psql or sqlite3."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from tests.integration.ledger.conftest import Books
from tests.integration.reports.story import tell_the_worked_example

VIEWS = ("charges", "payments", "postings", "batches")


def read(books: Books, view: str) -> list[dict[str, Any]]:
    with books.database.reading() as connection:
        rows = connection.execute(sa.text(f"SELECT * FROM {view}")).mappings()
        return sorted((dict(row) for row in rows), key=repr)


@pytest.fixture
def told(both_books: tuple[Books, Books]) -> tuple[Books, Books]:
    """Return the worked example on both databases, and a file of one charge after it."""
    for books in both_books:
        tell_the_worked_example(books)
        books.clock.instant = datetime(2026, 4, 8, 18, tzinfo=UTC)  # files come after all this
        books.post("LIABILITY,V-1,S1,FEE,,5.00")
    return both_books


@pytest.mark.parametrize("view", VIEWS)
def test_both_databases_show_the_same(told: tuple[Books, Books], view: str) -> None:
    """Whoever moves from one database to the other finds every line as it was."""
    first, second = (read(books, view) for books in told)
    assert first == second
    assert first


def test_a_charge_is_shown_with_names_and_days(told: tuple[Books, Books]) -> None:
    """Nobody has to look a number up to see who owes what, since when and from which file."""
    [charge] = [row for row in read(told[0], "charges") if row["tracking_id"] == "V-1"]
    assert charge["party"] == "S1"
    assert charge["account_type"] == "LIABILITY"
    assert charge["billing_code"] == "FEE"
    assert charge["occurred_at"].startswith("2026-04-08T18:0")
    assert charge["effective_on"] == "2026-04-08"
    assert charge["filename"].startswith("student_billing")
    assert charge["row"] == 2
