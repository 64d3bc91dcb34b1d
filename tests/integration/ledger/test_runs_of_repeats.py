"""What a file repeats is kept in runs: a million rows that were sent before take one line."""

from __future__ import annotations

import sqlalchemy as sa

from ingestd.ledger.outcomes.file_outcomes import FileOutcome, list_applied_before
from tests.integration.ledger.conftest import Books, charges

Run = tuple[int, int, str, int | None, int | None]


def row(number: int, amount: str = "1.00") -> str:
    return f"WALLET,T{number},S1,MEAL,,{amount}"


def runs(books: Books, outcome: FileOutcome) -> list[Run]:
    """Return (row, how many, outcome, earlier batch of a file, first charge) of each run."""
    with books.database.reading() as connection:
        catalogs = connection.exec_driver_sql(
            "SELECT COUNT(*) FROM seal WHERE event = 'catalog'"
        ).scalar_one()
        found = connection.execute(
            sa.text(
                "SELECT row, row_count, outcome, earlier_batch_no - :catalogs, charge_no"
                " FROM row_outcome"
                " WHERE account = :account AND upload_id = :upload_id ORDER BY row"
            ),
            {
                "account": outcome.account,
                "upload_id": outcome.upload_id,
                "catalogs": catalogs,
            },
        )
        return [tuple(each) for each in found]


def test_a_file_that_comes_again_is_one_run(books: Books) -> None:
    """Districts send yesterday's file again every day, and nothing new is to be kept of it."""
    rows = [row(number) for number in range(1, 301)]
    books.post(*rows)
    again = books.post(*rows)
    assert again.rows is not None
    assert again.rows.duplicate == 300
    assert runs(books, again) == [(2, 300, "duplicate", 1, 1)]


def test_what_stands_between_repeats_ends_their_run(books: Books) -> None:
    """Each run tells exactly which rows repeat which charges, in which order they ever came."""
    books.post(*(row(number) for number in range(1, 4)))
    books.post(*(row(number) for number in range(4, 7)))
    mixed = books.post(
        *(row(1), row(2), row(99), row(3), row(4), row(5), row(6, "2.00"), row(2), row(99))
    )
    assert runs(books, mixed) == [
        (2, 2, "duplicate", 1, 1),
        (5, 1, "duplicate", 1, 3),
        (6, 2, "duplicate", 2, 4),
        (8, 1, "conflict", 2, 6),
        (9, 1, "duplicate", 1, 2),
        (10, 1, "duplicate", 3, 7),
    ]
    with books.database.reading() as connection:
        told = [each.rows for each in list_applied_before(connection, mixed)]
    assert told == [4, 2]


def test_a_line_break_inside_a_field_ends_a_run(books: Books) -> None:
    """A row's line is told from its run: the runs follow the lines as well."""
    lines = charges(*(row(number) for number in range(1, 5))).decode()
    content = lines.replace("T2,S1,MEAL,,", 'T2,S1,MEAL,"two\nlines",').encode()
    books.post_bytes(content)
    again = books.post_bytes(content)
    assert [(first, count) for first, count, *_ in runs(books, again)] == [(2, 2), (4, 2)]


def test_rejected_rows_are_runs_too(books: Books) -> None:
    """A file of nothing but mistakes is kept with one line beside its findings."""
    outcome = books.post(row(1), *(f"WALLET,B{n},NOBODY,MEAL,,1.00" for n in range(50)), row(2))
    assert runs(books, outcome) == [(3, 50, "rejected", None, None)]
