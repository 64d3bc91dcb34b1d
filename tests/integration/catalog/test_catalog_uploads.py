"""Catalog files that are uploaded: counts, findings, and what is in force afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestd.access.accounts import FilePolicy, LastRowPolicy
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.outcomes.file_outcomes import FileOutcome, FileStatus, RowCounts
from ingestd.ledger.outcomes.findings import StoredFinding, read_findings
from tests.integration.catalog.conftest import catalog_books
from tests.integration.database.conftest import KINDS, MakeDatabase
from tests.integration.ledger.conftest import TABLES, Books, FakeClock, statements_counted
from tests.integration.ledger.test_crash_points import until_the_end

CATALOG = ("student", "parent", "product", "product_price")
ROSTER = "student_id,name,parent_code,status\n"
ALL_FIVE = ROSTER + "".join(f"S{number},Name {number},P1,enrolled\n" for number in range(1, 6))


def send(books: Books, text: str, filename: str = "students.csv") -> FileOutcome:
    return books.post_bytes(text.encode(), filename)


def findings(books: Books, outcome: FileOutcome) -> list[StoredFinding]:
    with books.database.reading() as connection:
        return read_findings(connection, outcome.account, outcome.upload_id, limit=1000)


def told(books: Books, outcome: FileOutcome) -> list[tuple[int | None, str, str | None]]:
    return [(f.row, f.code, f.value) for f in findings(books, outcome)]


def counts(applied: int, rejected: int = 0) -> RowCounts:
    return RowCounts(applied=applied, duplicate=0, conflict=0, rejected=rejected)


def test_every_good_row_is_applied_whether_or_not_it_is_new(books: Books) -> None:
    """The receipt of a nightly roster says that it is in force, not how much of it is news."""
    text = ALL_FIVE + "S6,New,,enrolled\n"
    first, second = send(books, text), send(books, text)
    for outcome in (first, second):
        assert (outcome.rows, outcome.status) == (counts(6), FileStatus.PROCESSED)
        assert (outcome.applied_amount, outcome.findings) == (0, 0)
    assert ("SPRINGFIELD", "S6", "New", None, "enrolled") in books.dump("student")["student"]


def test_a_roster_that_comes_again_changes_nothing(books: Books) -> None:
    """A nightly job must be able to run every night."""
    send(books, ALL_FIVE)
    before = books.dump(*CATALOG)
    send(books, ALL_FIVE)
    assert books.dump(*CATALOG) == before


def test_a_roster_updates_by_key_the_columns_that_it_has(books: Books) -> None:
    """An export without families must not cut every child off from its own."""
    send(books, ALL_FIVE)
    send(books, "status,student_id\ncancelled,S1\n,S2\n")
    assert books.dump("student")["student"][:3] == [
        ("SPRINGFIELD", "S1", "Name 1", "P1", "cancelled"),
        ("SPRINGFIELD", "S2", "Name 2", "P1", "enrolled"),
        ("SPRINGFIELD", "S3", "Name 3", "P1", "enrolled"),
    ]
    send(books, "student_id,parent_code\nS2,\n")
    assert books.dump("student")["student"][1] == ("SPRINGFIELD", "S2", "Name 2", None, "enrolled")


def test_products_and_parents_come_the_same_way(books: Books) -> None:
    """A price that changes next month is sent tonight."""
    products = "billing_code,name,price,valid_from\nMEAL,Lunch,3.25,\nMEAL,Meal,3.50,2027-01-01\n"
    assert send(books, products, "products_2027.csv").rows == counts(2)
    assert send(books, "parent_code,name\nP1,Ann\n", "Parents.CSV").rows == counts(1)
    assert books.dump("parent")["parent"] == [("SPRINGFIELD", "P1", "Ann", None, None)]
    dump = books.dump("product", "product_price")
    assert ("SPRINGFIELD", "MEAL", "Meal", "chronological", 0, 0, None, None, None) in dump[
        "product"
    ]
    assert ("SPRINGFIELD", "MEAL", 20270101, 350) in dump["product_price"]
    assert ("SPRINGFIELD", "MEAL", 0, 325) in dump["product_price"]


def test_a_new_student_can_be_charged_at_once(books: Books) -> None:
    """A child that came today borrows a book today."""
    send(books, "student_id\nS9\n")
    assert books.post("WALLET,T1,S9,MEAL,,1.00").rows == counts(1)


def test_students_who_disappear_are_reported_and_stay(books: Books) -> None:
    """Who left may still owe for a book, so nobody is removed because a row is missing."""
    books.load(CatalogKind.STUDENTS, [{"student_id": "GONE", "status": "cancelled"}])
    outcome = send(books, "student_id,status\nS1,enrolled\nS2,enrolled\nS4,cancelled\n")
    assert (outcome.rows, outcome.status) == (counts(3), FileStatus.PROCESSED)
    assert told(books, outcome) == [
        (None, "student_disappeared", "S3"),
        (None, "student_disappeared", "S5"),
    ]
    (first, _) = findings(books, outcome)
    assert (first.verdict, first.line, first.column) == ("warning", None, "student_id")
    assert len(books.dump("student")["student"]) == 6


def test_a_cancelled_student_is_not_reported_again(books: Books) -> None:
    """A warning that cannot be ended is soon not read any more."""
    whole = "student_id,status\n" + "".join(f"S{number},\n" for number in range(1, 5))
    assert [value for *_, value in told(books, send(books, whole))] == ["S5"]
    assert told(books, send(books, whole + "S5,cancelled\n")) == []
    assert told(books, send(books, whole)) == []


def test_a_rejected_row_still_names_its_student(books: Books) -> None:
    """A slip in a row is one thing to mend, not two."""
    outcome = send(
        books,
        ROSTER + "S1,Ann,,gone\nS2,Bo, Lee,,enrolled\nS3,Cy\nS4,Di,,enrolled\nS4,Di,,cancelled\n"
        "ANONYMOUS,,,\n",
    )
    assert outcome.rows == counts(1, rejected=5)
    assert told(books, outcome) == [
        (None, "student_disappeared", "S5"),
        (2, "choice_invalid", "gone"),
        (3, "extra_cell", "enrolled"),
        (4, "missing_cell", None),
        (6, "key_repeated", "S4"),
        (7, "key_reserved", "ANONYMOUS"),
    ]


@pytest.mark.parametrize("text", [ROSTER, ROSTER + "S1,Ann,,gone\n"])
def test_a_file_of_which_nothing_applies_reports_nobody(books: Books, text: str) -> None:
    """An export that came out empty does not fill a receipt with a whole district."""
    outcome = send(books, text)
    assert "student_disappeared" not in {code for _, code, _ in told(books, outcome)}


def test_an_account_hears_only_of_its_own_students(books: Books) -> None:
    """Two districts may share a database, and nothing else."""
    other = catalog_books(books.database, books.folder / "other")
    assert other.account == books.account
    with books.database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO student (account, student_id, name) VALUES ('SHELBYVILLE', 'Z1', '')"
        )
    assert told(books, send(books, ALL_FIVE)) == []


def test_a_repeated_key_is_told_with_the_row_that_has_it_first(books: Books) -> None:
    """Two prices for one day: nobody but the district knows which is meant."""
    outcome = send(
        books,
        "billing_code,price,valid_from\nA,1.00,2026-01-01\nA,2.00,2026-01-01\nA,3.00,2026-06-01\n"
        "B,1.00,\nB,2.00,\n",
        "products.csv",
    )
    assert outcome.rows == counts(3, rejected=2)
    assert told(books, outcome) == [(3, "key_repeated", "A"), (6, "key_repeated", "B")]
    assert "Row 2" in findings(books, outcome)[0].message
    prices = books.dump("product_price")["product_price"]
    assert [row[2:] for row in prices if row[1] in {"A", "B"}] == [
        (20260101, 100),
        (20260601, 300),
        (0, 100),
    ]


def test_a_rejected_row_does_not_use_up_its_key(books: Books) -> None:
    """The good row further down is the one that was meant."""
    outcome = send(books, "student_id,status\nS1,gone\nS1,cancelled\n")
    assert outcome.rows == counts(1, rejected=1)
    assert ("SPRINGFIELD", "S1", "", None, "cancelled") in books.dump("student")["student"]


@pytest.mark.parametrize("text", ["", "name\nAnn\n", 'student_id,name\nS1,"Ann\n', "%PDF-1.7"])
def test_a_refused_file_changes_nothing(books: Books, text: str) -> None:
    """Half a roster is no roster."""
    before = books.dump(*CATALOG)
    outcome = send(books, text)
    assert (outcome.rows, outcome.status) == (None, FileStatus.REJECTED)
    assert books.dump(*CATALOG) == before
    assert "student_disappeared" not in {code for _, code, _ in told(books, outcome)}


def test_a_file_refused_at_its_end_leaves_nothing_of_its_beginning(books: Books) -> None:
    """Ten thousand good rows above a quote that is never closed are void, too."""
    rows = "".join(f"N{number},\n" for number in range(12_000))
    before = books.dump(*CATALOG)
    outcome = send(books, f'student_id,name\n{rows}S1,"Ann\n')
    assert (outcome.status, books.dump(*CATALOG)) == (FileStatus.REJECTED, before)
    assert [code for _, code, _ in told(books, outcome)] == ["quote_unclosed"]


@pytest.mark.parametrize("bad", ["S2,gone", "S1,cancelled", "ANONYMOUS,enrolled"])
def test_all_or_nothing_holds_for_catalogs_too(books: Books, bad: str) -> None:
    """A district that asked for whole files gets no half-changed roster."""
    books = books.under(file=FilePolicy.ALL_OR_NOTHING)
    before = books.dump(*CATALOG)
    outcome = send(books, f"student_id,status\nS1,cancelled\n{bad}\n")
    assert (outcome.rows, outcome.status) == (counts(0, rejected=2), FileStatus.REJECTED)
    assert books.dump(*CATALOG) == before
    _, why = findings(books, outcome)
    assert (why.code, "Rows that are good: 1." in why.message) == ("all_or_nothing", True)
    assert send(books, ALL_FIVE).status is FileStatus.PROCESSED


def test_a_last_row_that_may_be_cut_off_is_rejected_by_the_account_s_policy(books: Books) -> None:
    """A family code that lost its end would send a bill to another family."""
    text = ALL_FIVE.removesuffix("\n")
    outcome = send(books, text)
    assert outcome.rows == counts(4, rejected=1)
    assert told(books, outcome) == [(6, "last_row_unterminated", "enrolled")]
    accepting = books.under(last_row_without_newline=LastRowPolicy.ACCEPT)
    assert send(accepting, text).rows == counts(5)


def test_the_receipts_name_each_row_that_was_not_applied(books: Books) -> None:
    """District IT mends a roster from its receipt, as it does a charge file."""
    outcome = send(books, "student_id,status\nS1,gone\nS2,enrolled\n")
    books.deliver(outcome.upload_id)
    table, receipt = books.receipts().values()
    assert table.decode().splitlines()[1].startswith("2,2,S1,rejected,status,choice_invalid,gone,")
    assert len(table.decode().splitlines()) == 2
    assert b'"format": "students"' in receipt


@pytest.mark.parametrize("kind", KINDS)
def test_a_crash_at_any_statement_leaves_all_of_a_roster_or_nothing(
    make_database: MakeDatabase, tmp_path: Path, kind: str
) -> None:
    """A power cut never leaves half a roster in force, or a receipt for one that is not."""
    text = "student_id,status\nS1,cancelled\nS1,enrolled\nS7,enrolled\n"
    crashing, whole = (
        catalog_books(make_database(kind), tmp_path / name) for name in ("crashing", "whole")
    )

    def journey(books: Books) -> None:
        upload = books.lease()
        if upload is not None:
            books.process(upload)

    for books in (crashing, whole):
        books.queue(text.encode(), "students.csv")
    assert until_the_end(crashing, lambda: journey(crashing)) > 20
    whole.clock.instant = FakeClock().instant
    journey(whole)
    stored = [table for table in TABLES if table not in {"upload", "seal", "seal_head"}]
    for table in stored:
        if table != "file_outcome":
            assert crashing.dump(table) == whole.dump(table)
    assert len(crashing.dump("file_outcome")["file_outcome"]) == 1


def test_the_number_of_statements_does_not_grow_with_the_file(books: Books) -> None:
    """A roster of a large district is taken in a handful of statements."""

    def statements(size: int) -> int:
        rows = "".join(f"N{size}-{number}\n" for number in range(size))
        with statements_counted(books.database) as sent:
            send(books, f"student_id\n{rows}")
        return len(sent)

    statements(10)
    # PostgreSQL is told how large a stage is that has many rows: one statement more.
    assert statements(6_000) == statements(3_000)
    assert statements(3_000) - statements(30) <= 1
