"""Facts of the catalog: what an import changed, sealed, and the same on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.catalog.declared import CATALOG_TABLES, CatalogTable
from ingestd.values.identifiers import AccountId
from tests.integration.catalog.test_catalog_import import ACCOUNT, take
from tests.integration.ledger.conftest import CatalogEntry

FACTS = "SELECT batch_no, kind, row_key, columns FROM catalog_fact WHERE account = :account"
few = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PRODUCTS: list[CatalogEntry] = [
    {"billing_code": "BAND", "name": "Band", "price": 12000, "valid_from": None},
    {"billing_code": "BAND", "name": "Band", "price": 13000, "valid_from": "2026-09-01"},
    {"billing_code": "MEAL", "name": "Meal", "price": None, "valid_from": None},
]
CHOICES = {
    ("product", "repayment"): "direct",
    ("student", "status"): "cancelled",
    ("gl_account", "status"): "closed",
    ("merchant", "settle"): "on_import",
}
_ANOTHER = dict.fromkeys(("whole", "amount", "amount?", "day"), "COALESCE({column}, 0) + 1")
_ANOTHER["flag"] = "1 - {column}"
FILES: Sequence[tuple[CatalogKind, list[CatalogEntry]]] = (
    (CatalogKind.PRODUCTS, PRODUCTS),
    (CatalogKind.STUDENTS, [{"student_id": "S1", "name": "Ann", "parent_code": "P1"}]),
    (CatalogKind.PARENTS, [{"parent_code": "P1", "name": "Pat", "email": "pat@example.org"}]),
    (CatalogKind.GL_ACCOUNTS, [{"gl_account": "4-80", "requires_donor": 1}]),
    (CatalogKind.TAX_CODES, [{"tax_code": "GST", "name": "Tax"}]),
    (CatalogKind.MERCHANTS, [{"merchant_id": "M1", "other_gl_account": "4-80"}]),
    (CatalogKind.DONORS, [{"donor_number": "42", "pledges": "7;12", "appeals": "LIBR"}]),
)


def facts(database: Database, account: AccountId = ACCOUNT) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        rows = connection.execute(sa.text(f"{FACTS} ORDER BY 1, 2, 3"), {"account": account})
        return [tuple(row) for row in rows]


def differences(database: Database, account: AccountId = ACCOUNT) -> list[str]:
    with database.reading() as connection:
        found = verify_ledger(connection, account, decimals=2)
    return [f"{each.check}: {each.message}" for each in found.differences]


def test_each_row_that_is_added_or_changed_is_a_fact(database: Database) -> None:
    """An office is asked years later what a product cost when it was sold."""
    take(database, CatalogKind.PRODUCTS, PRODUCTS)
    take(database, CatalogKind.PRODUCTS, PRODUCTS)
    take(database, CatalogKind.PRODUCTS, [{"billing_code": "MEAL", "price": 325}])
    take(database, CatalogKind.PRODUCTS, [{"billing_code": "BAND", "gl_account": "4-80"}])

    rest = '"repayment":"chronological","sort":0,"installments":0'
    assert facts(database) == [
        (1, "prices", "BAND 0", '{"billing_code":"BAND","valid_from":0,"price":12000}'),
        (
            1,
            "prices",
            "BAND 20260901",
            '{"billing_code":"BAND","valid_from":20260901,"price":13000}',
        ),
        (1, "products", "BAND", f'{{"billing_code":"BAND","name":"Band",{rest}}}'),
        (1, "products", "MEAL", f'{{"billing_code":"MEAL","name":"Meal",{rest}}}'),
        (2, "prices", "MEAL 0", '{"billing_code":"MEAL","valid_from":0,"price":325}'),
        (
            3,
            "products",
            "BAND",
            f'{{"billing_code":"BAND","name":"Band",{rest},"gl_account":"4-80"}}',
        ),
    ]
    assert differences(database) == []


def test_a_row_that_goes_is_a_fact(database: Database) -> None:
    """A pledge that was fulfilled took money as long as it stood there."""
    take(database, CatalogKind.DONORS, [{"donor_number": "4", "pledges": "7;12"}])
    take(database, CatalogKind.DONORS, [{"donor_number": "42", "pledges": "7"}])
    take(database, CatalogKind.DONORS, [{"donor_number": "4", "pledges": "12;13"}])
    take(database, CatalogKind.DONORS, [{"donor_number": "4", "pledges": "7"}])

    written = [
        (batch, key, columns is None)
        for batch, kind, key, columns in facts(database)
        if kind == "pledges"
    ]
    assert written == [
        (1, "4 12", False),
        (1, "4 7", False),
        (2, "42 7", False),
        (3, "4 13", False),
        (3, "4 7", True),
        (4, "4 12", True),
        (4, "4 13", True),
        (4, "4 7", False),
    ]
    assert differences(database) == []


@few
@given(
    names=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
        min_size=1,
        max_size=8,
    )
)
def test_facts_are_the_same_bytes_on_both_databases(
    both: tuple[Database, Database], names: list[str]
) -> None:
    """Books that move to another database keep their seals, whatever people are called."""
    written = []
    entries: list[CatalogEntry] = [
        {"student_id": f"S{number}", "name": name} for number, name in enumerate(names)
    ]
    account = AccountId(f"A{abs(hash(tuple(names)))}")
    for database in both:
        take(database, CatalogKind.STUDENTS, entries, account)
        assert differences(database, account) == []
        written.append([fact[1:] for fact in facts(database, account)])
    assert written[0] == written[1]


@pytest.mark.parametrize("table", CATALOG_TABLES.values(), ids=CATALOG_TABLES)
def test_whatever_is_changed_by_hand_is_named(database: Database, table: CatalogTable) -> None:
    """Who lowers a price in the database decides what the next charge costs: verify says so."""
    for of, entries in FILES:
        take(database, of, entries)
    assert differences(database) == []
    for column, kind in table.columns.items():
        other = f"COALESCE({column}, '') || 'Z'" if kind.startswith("text") else _ANOTHER[kind]
        choice = CHOICES.get((table.table, column))
        change = f"'{choice}'" if choice else other.format(column=column)
        assert _after(database, f"UPDATE {table.table} SET {column} = {change}"), column
    assert _after(database, f"DELETE FROM {table.table}")


def test_a_difference_names_the_row_and_the_batch_of_its_last_import(database: Database) -> None:
    """An auditor learns which price it was, and where it should have come from."""
    take(database, CatalogKind.PRODUCTS, PRODUCTS)
    take(database, CatalogKind.STUDENTS, [{"student_id": "S1"}])
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE product_price SET price = 1 WHERE valid_from = 0")
        connection.exec_driver_sql(
            "INSERT INTO student (account, student_id, name) VALUES ('SPRINGFIELD', 'S2', '')"
        )
    with database.reading() as connection:
        found = verify_ledger(connection, ACCOUNT, decimals=2).differences
    assert [(each.check, each.batch_no, each.message) for each in found] == [
        ("catalog", 1, "product_price BAND 0 is not what its last import made of it"),
        ("catalog", None, "student S2 came by no import"),
    ]


def _after(database: Database, change: str) -> list[str]:
    """Return what is found after a change, and take the change back."""
    with database.connection() as connection, connection.begin() as transaction:
        assert connection.exec_driver_sql(change).rowcount
        found = verify_ledger(connection, ACCOUNT, decimals=2).differences
        transaction.rollback()
    assert {each.check for each in found} <= {"catalog", "open_charges"}
    return [each.message for each in found if each.check == "catalog"]
