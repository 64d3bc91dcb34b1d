"""Importing catalogs: what a file adds, changes and leaves alone, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.taking.catalog import Imported
from ingestd.values.identifiers import AccountId
from tests.integration.ledger.conftest import CatalogEntry, take_catalog

ACCOUNT = AccountId("SPRINGFIELD")


def take(
    database: Database,
    kind: CatalogKind,
    rows: Sequence[CatalogEntry],
    account: AccountId = ACCOUNT,
) -> Imported:
    return take_catalog(database, account, kind, rows)


def select(database: Database, statement: str) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.text(statement))]


def test_the_same_file_again_changes_nothing(database: Database) -> None:
    """A nightly export must be able to run every night."""
    rows: list[CatalogEntry] = [
        {"student_id": "1", "name": "Ann", "parent_code": "P1"},
        {"student_id": "2", "name": "Bo", "parent_code": None},
    ]

    assert take(database, CatalogKind.STUDENTS, rows) == Imported(added=2, changed=0, unchanged=0)
    assert take(database, CatalogKind.STUDENTS, rows) == Imported(added=0, changed=0, unchanged=2)


def test_columns_that_a_file_lacks_keep_what_they_hold(database: Database) -> None:
    """A file of names alone must not cut every child off from its family."""
    take(database, CatalogKind.STUDENTS, [{"student_id": "1", "name": "An", "parent_code": "P1"}])

    result = take(database, CatalogKind.STUDENTS, [{"student_id": "1", "name": "Ann"}])

    assert result == Imported(added=0, changed=1, unchanged=0)
    assert select(database, "SELECT name, parent_code, status FROM student") == [
        ("Ann", "P1", "enrolled")
    ]


PRODUCTS = "SELECT billing_code, installments, gl_account, vendor, first_instalment FROM product"
PARENTS = "SELECT parent_code, name, email, phone FROM parent"


def test_a_vendor_and_a_first_instalment_come_change_and_stay(database: Database) -> None:
    """A list of prices alone forgets neither who delivers nor what is paid at once."""
    kind = CatalogKind.PRODUCTS
    whole: CatalogEntry = {
        "billing_code": "YEARBOOK",
        "installments": 1,
        "gl_account": "4-1",
        "vendor": "Press",
        "first_instalment": 1500,
    }
    assert take(database, kind, [whole]) == Imported(added=1, changed=0, unchanged=0)
    assert take(database, kind, [whole]) == Imported(added=0, changed=0, unchanged=1)
    take(database, kind, [{"billing_code": "YEARBOOK", "price": 4500}])
    assert select(database, PRODUCTS) == [("YEARBOOK", 1, "4-1", "Press", 1500)]
    for change in ({"vendor": "Other"}, {"first_instalment": 0}, {"first_instalment": None}):
        whole = {**whole, **change}
        assert take(database, kind, [whole]) == Imported(added=0, changed=1, unchanged=0)
    assert select(database, PRODUCTS) == [("YEARBOOK", 1, "4-1", "Other", None)]


def test_a_parents_phone_comes_changes_and_stays(database: Database) -> None:
    """The office calls the number that was sent last."""
    kind = CatalogKind.PARENTS
    take(database, kind, [{"parent_code": "P1", "name": "Ann", "email": "a@b.org", "phone": "1"}])
    take(database, kind, [{"parent_code": "P1", "name": "Anna"}])
    assert select(database, PARENTS) == [("P1", "Anna", "a@b.org", "1")]
    changed: CatalogEntry = {"parent_code": "P1", "phone": "2"}
    assert take(database, kind, [changed]) == Imported(added=0, changed=1, unchanged=0)
    assert take(database, kind, [changed]) == Imported(added=0, changed=0, unchanged=1)
    assert select(database, PARENTS) == [("P1", "Anna", "a@b.org", "2")]


def test_students_that_disappear_from_a_file_stay(database: Database) -> None:
    """A student who left may still owe for a book."""
    take(database, CatalogKind.STUDENTS, [{"student_id": "1"}, {"student_id": "2"}])
    take(database, CatalogKind.STUDENTS, [{"student_id": "2"}])

    assert select(database, "SELECT student_id FROM student ORDER BY 1") == [("1",), ("2",)]


def test_a_product_has_one_price_from_each_day_on(database: Database) -> None:
    """Charges of last year cost what the product cost last year."""
    take(
        database,
        CatalogKind.PRODUCTS,
        [
            {"billing_code": "MEAL", "name": "Meal", "price": 300, "valid_from": None},
            {"billing_code": "MEAL", "name": "Meal", "price": 325, "valid_from": "2026-09-01"},
        ],
    )

    assert select(database, "SELECT valid_from, price FROM product_price ORDER BY 1") == [
        (0, 300),
        (20260901, 325),
    ]
    assert select(database, "SELECT billing_code, name FROM product") == [("MEAL", "Meal")]


def test_a_product_without_a_price_has_none(database: Database) -> None:
    """Not zero: a charge without an amount must be refused, not given away."""
    take(database, CatalogKind.PRODUCTS, [{"billing_code": "BOOK", "price": None}])

    assert select(database, "SELECT COUNT(*) FROM product_price") == [(0,)]
    assert select(database, "SELECT billing_code FROM product") == [("BOOK",)]


def test_a_product_and_its_price_are_one_row(database: Database) -> None:
    """Who imports forty products wants to read "40", not "80"."""
    rows: list[CatalogEntry] = [{"billing_code": "A", "price": 100}, {"billing_code": "B"}]
    assert take(database, CatalogKind.PRODUCTS, rows) == Imported(added=2, changed=0, unchanged=0)

    dearer: list[CatalogEntry] = [{"billing_code": "A", "price": 200}, {"billing_code": "B"}]
    result = take(database, CatalogKind.PRODUCTS, dearer)

    assert result == Imported(added=0, changed=1, unchanged=1)


def test_accounts_do_not_see_each_other(database: Database) -> None:
    """Two districts may both have a student 1."""
    other = AccountId("SHELBYVILLE")
    take(database, CatalogKind.STUDENTS, [{"student_id": "1", "name": "Ann"}])
    take(database, CatalogKind.STUDENTS, [{"student_id": "1", "name": "Zoe"}], other)

    assert select(database, "SELECT account, name FROM student ORDER BY 1") == [
        ("SHELBYVILLE", "Zoe"),
        ("SPRINGFIELD", "Ann"),
    ]
