"""The place of sale that a file's name tells is kept with its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from tests.integration.ledger.conftest import Books, charges

SOURCES = (("destiny*", "Library"),)
GOOD = charges("LIABILITY,t1,S1,MEAL,lunch,3.25")


@pytest.mark.parametrize(
    ("filename", "content", "location"),
    [
        ("student_billing.csv", GOOD, None),
        ("student_billing_destiny-9.csv", GOOD, "Library"),
        ("student_billing_kiosk.csv", GOOD, "kiosk"),
        ("student_billing_kiosk.csv", b"", "kiosk"),
    ],
)
def test_a_file_tells_where_its_rows_were_sold(
    books: Books, filename: str, content: bytes, location: str | None
) -> None:
    """Sales are told apart by register, also when the file was refused."""
    books = replace(books, account=replace(books.account, sources=SOURCES))
    outcome = books.post_bytes(content, filename)
    with books.database.reading() as connection:
        kept = read_file_outcome(connection, outcome.account, outcome.upload_id)
    assert kept is not None
    assert (outcome.location, kept.location) == (location, location)
