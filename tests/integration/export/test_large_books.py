"""Large books are written as they are read."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from ingestd.reports.exports.book import Book
from ingestd.reports.exports.export import export_book, writer_of
from ingestd.reports.exports.programs import ExportFormat
from tests.integration.database.conftest import MakeDatabase
from tests.integration.export.district import LATER, District, open_district
from tests.integration.ledger.conftest import open_books

# Two pieces of what a query gives are in memory at a time; books are larger than that.
SOME, MANY = 11_000, 22_000


def peak_bytes(district: District) -> int:
    """Return the most memory that Python needed at a time to write a book."""
    account = district.books.account
    book = Book(account=account.account_id, as_known=LATER, currency=account.currency)
    tracemalloc.start()
    try:
        with district.books.database.reading() as connection:
            for _ in export_book(connection, book, writer_of(ExportFormat.HLEDGER, book)):
                pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_book_twice_as_large_needs_no_more_memory(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    """A district of a million charges is exported on the machine that serves it."""
    district = open_district(open_books(make_database("sqlite"), tmp_path / "data"))
    rows = [f"LIABILITY,T{number},S1,MEAL,,1.00" for number in range(MANY)]
    district.books.post(*rows[:SOME])
    peak_of_some = peak_bytes(district)
    district.books.post(*rows[SOME:])
    assert peak_bytes(district) < 1.2 * peak_of_some
