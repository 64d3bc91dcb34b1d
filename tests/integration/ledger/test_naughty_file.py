"""Strings that broke other programs, on their whole way into the books and out of them again."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections import Counter
from typing import Any

import sqlalchemy as sa

from ingestd.access.accounts import StudentPolicy
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from tests.integration.ledger.conftest import Books
from tests.strange_strings import BYTE_ORDER_MARK
from tests.verdicts import (
    READABLE_STRINGS,
    charge_file,
    checked,
    good_fields,
    rows_of,
)

# Those that are stored, and one whose every string is told of in the receipts.
COLUMNS = ("charge_tracking_id", "student_id", "note", "amount")

# With these a cell starts that a spreadsheet may run, in any width.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def rows_with_strings(amount: str) -> list[list[str]]:
    """Return charges with every string in each column, one column at a time."""
    return [
        good_fields(f"{column}-{number}", **{"student_id": "S1", "amount": amount, column: string})
        for column in COLUMNS
        for number, string in enumerate(READABLE_STRINGS)
    ]


CHARGES = charge_file(rows_with_strings("5.00"))
CHANGED = charge_file(rows_with_strings("6.00"))
REFUSED = (
    CHARGES + BYTE_ORDER_MARK.encode() + CHARGES,
    charge_file([], header=2 * READABLE_STRINGS),
)


def send(books: Books, content: bytes) -> dict[str, Any]:
    """Send a file through its whole journey; return its JSON receipt."""
    upload_id = books.post_bytes(content).upload_id
    books.deliver(upload_id)
    receipt = books.receipts()[f"student_billing.{upload_id}.json"]
    return dict(json.loads(receipt))


def expected_rows(
    content: bytes, posted: dict[str, bytes], *, registers: bool = False
) -> dict[str, int]:
    """Return the counts that a file must get, and note what it posts by its key."""
    counts = Counter(dict.fromkeys(("applied", "duplicate", "conflict", "rejected"), 0))
    (batch,) = checked(content)
    for row in batch.rows:
        if row.student_id != "S1" and not registers:
            counts["rejected"] += 1
        elif row.tracking_id not in posted:
            posted[row.tracking_id] = row.content_hash
            counts["applied"] += 1
        else:
            is_same = posted[row.tracking_id] == row.content_hash
            counts["duplicate" if is_same else "conflict"] += 1
    counts["rejected"] += len(batch.rejected)
    return {"total": batch.records, **counts}


def answers(books: Books) -> tuple[object, ...]:
    """Return all that anybody gets to see of the books."""
    return (
        books.receipts(),
        books.report(report_items),
        books.report(report_balances),
        books.dump("seal", "seal_head", "finding", "row_outcome", "charge", "posting", "party"),
    )


def stored_notes(books: Books) -> dict[str, str | None]:
    with books.database.reading() as connection:
        charges = connection.execute(sa.text("SELECT tracking_id, note FROM charge"))
        return {charge.tracking_id: charge.note for charge in charges}


def cells_of_csv_receipts(books: Books) -> list[str]:
    """Return every cell of every CSV receipt, as a spreadsheet opens them."""
    return [
        cell
        for name, content in books.receipts().items()
        if name.endswith(".csv")
        for line in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        for cell in line
    ]


def assert_counts_are_right(books: Books) -> None:
    """Send every file to the books; fail unless each row gets what the rules say."""
    posted: dict[str, bytes] = {}
    for content in (CHARGES, CHANGED):
        receipt = send(books, content)
        assert receipt["status"] == "processed_with_findings"
        assert receipt["rows"] == expected_rows(content, posted)
    registering = books.under(students=StudentPolicy.REGISTER)
    rows = send(registering, CHARGES)["rows"]
    assert rows == expected_rows(CHARGES, posted, registers=True)
    assert rows["total"] == rows["applied"] + rows["duplicate"] + rows["rejected"]
    assert min(rows["applied"], rows["duplicate"], rows["rejected"]) > 0
    for content in REFUSED:
        receipt = send(books, content)
        assert (receipt["status"], receipt["rows"]) == ("rejected", None)


def assert_strings_are_stored_to_the_letter(books: Books) -> None:
    notes = stored_notes(books)
    for number, string in enumerate(READABLE_STRINGS):
        note = unicodedata.normalize("NFC", string)
        if len(note) <= 255:
            assert notes[f"note-{number}"] == (note or None), string
    accepted = {row.tracking_id for row in rows_of(checked(CHARGES))}
    keys_posted = {string for string in READABLE_STRINGS if string in accepted}
    assert len(keys_posted) > 100
    assert keys_posted <= notes.keys()


def test_naughty_strings_get_the_same_receipts_from_both_databases(
    both_books: tuple[Books, Books],
) -> None:
    """No string of a district's file is lost, changed or run, whichever database holds it."""
    seen = []
    for books in both_books:
        assert_counts_are_right(books)
        assert_strings_are_stored_to_the_letter(books)
        cells = cells_of_csv_receipts(books)
        assert {"'-1", "'@SUM(1,1)", "'+1+1"} <= set(cells)
        assert not [cell for cell in cells if cell.startswith(FORMULA_SIGNS)]
        seen.append(answers(books))
    for mine, theirs in zip(*seen, strict=True):
        assert mine == theirs
