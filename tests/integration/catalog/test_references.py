"""What payment files refer to: what a file adds, changes, replaces and leaves alone."""

from __future__ import annotations

import pytest

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.taking.catalog import Imported
from ingestd.values.identifiers import AccountId
from tests.integration.catalog.test_catalog_import import select, take
from tests.integration.ledger.conftest import CatalogEntry

PLEDGES = "SELECT donor_number, pledge_number FROM donor_pledge ORDER BY 1, 2"
APPEALS = "SELECT donor_number, appeal_code FROM donor_appeal ORDER BY 1, 2"


def counts(*, added: int = 0, changed: int = 0, unchanged: int = 0) -> Imported:
    return Imported(added=added, changed=changed, unchanged=unchanged)


def donors(database: Database, *entries: CatalogEntry) -> Imported:
    return take(database, CatalogKind.DONORS, entries)


@pytest.mark.parametrize(
    ("kind", "first", "second", "stored"),
    [
        (
            CatalogKind.GL_ACCOUNTS,
            {"gl_account": "4-80", "name": "Fund", "requires_donor": 1},
            {"gl_account": "4-80", "status": "closed"},
            ("4-80", "Fund", "closed", 1, 0),
        ),
        (
            CatalogKind.TAX_CODES,
            {"tax_code": "GST"},
            {"tax_code": "GST", "name": "Goods and services"},
            ("GST", "Goods and services"),
        ),
        (
            CatalogKind.MERCHANTS,
            {"merchant_id": "M1", "description": "Shop", "other_gl_account": "4-80"},
            {"merchant_id": "M1", "settle": "on_import"},
            ("M1", "Shop", "on_import", "4-80"),
        ),
        (
            CatalogKind.DONORS,
            {"donor_number": "42"},
            {"donor_number": "42", "name": "Dora"},
            ("42", "Dora"),
        ),
    ],
)
def test_rows_update_by_key_the_columns_that_the_file_has(
    database: Database,
    kind: CatalogKind,
    first: CatalogEntry,
    second: CatalogEntry,
    stored: tuple[object, ...],
) -> None:
    """A file that closes an account must not forget what it is called."""
    other: CatalogEntry = {**first, next(iter(first)): "9"}
    assert take(database, kind, [first, other]) == counts(added=2)
    assert take(database, kind, [first, other]) == counts(unchanged=2)
    assert take(database, kind, [second]) == counts(changed=1)
    assert take(database, kind, [second]) == counts(unchanged=1)

    table = kind.removesuffix("s")
    rows = select(database, f"SELECT * FROM {table} ORDER BY 2")
    assert ("SPRINGFIELD", *stored) in rows
    assert len(rows) == 2


def test_a_merchant_settles_only_when_somebody_confirms_unless_its_file_says_otherwise(
    database: Database,
) -> None:
    """Money that nobody looked at pays nothing."""
    take(database, CatalogKind.MERCHANTS, [{"merchant_id": "M1", "settle": None}])
    take(database, CatalogKind.MERCHANTS, [{"merchant_id": "M2"}])

    assert select(database, "SELECT settle, other_gl_account FROM merchant") == [
        ("on_confirm", None),
        ("on_confirm", None),
    ]


def test_a_donors_lists_become_entries(database: Database) -> None:
    """A payment names one pledge, and it must be found."""
    result = donors(
        database,
        {"donor_number": "42", "pledges": "7;12", "appeals": "LIBR"},
        {"donor_number": "43", "pledges": "7", "appeals": None},
    )

    assert result == counts(added=2)
    assert select(database, PLEDGES) == [("42", "12"), ("42", "7"), ("43", "7")]
    assert select(database, APPEALS) == [("42", "LIBR")]


def test_a_list_replaces_the_list_of_its_donor_alone(database: Database) -> None:
    """A pledge that was fulfilled is not in the next file, and takes no more money."""
    donors(
        database,
        {"donor_number": "42", "pledges": "7;12", "appeals": "LIBR"},
        {"donor_number": "43", "pledges": "7", "appeals": "GYM"},
    )

    result = donors(database, {"donor_number": "42", "pledges": "12;13"})

    assert result == counts(changed=1)
    assert select(database, PLEDGES) == [("42", "12"), ("42", "13"), ("43", "7")]
    assert select(database, APPEALS) == [("42", "LIBR"), ("43", "GYM")]


@pytest.mark.parametrize("appeals", [None, ""])
def test_an_empty_list_takes_all_entries_away(database: Database, appeals: str | None) -> None:
    """Whoever answers no appeal any more is not asked to."""
    donors(database, {"donor_number": "42", "pledges": "7", "appeals": "GYM;LIBR"})

    assert donors(database, {"donor_number": "42", "appeals": appeals}) == counts(changed=1)
    assert select(database, APPEALS) == []
    assert select(database, PLEDGES) == [("42", "7")]


def test_a_donor_counts_as_changed_once_whatever_changed(database: Database) -> None:
    """The counts are of donors: who imports forty wants to read how many of them are news."""
    before: list[CatalogEntry] = [
        {"donor_number": "1", "name": "A", "pledges": "1", "appeals": "GYM"},
        {"donor_number": "2", "name": "B", "pledges": "2", "appeals": "GYM"},
        {"donor_number": "3", "name": "C", "pledges": "3;4", "appeals": "GYM"},
        {"donor_number": "4", "name": "D", "pledges": None, "appeals": None},
    ]
    after: list[CatalogEntry] = [
        {"donor_number": "1", "name": "Z", "pledges": "9;8", "appeals": "LIBR"},
        {"donor_number": "2", "name": "B", "pledges": "2;5", "appeals": "GYM"},
        {"donor_number": "3", "name": "C", "pledges": "4", "appeals": "GYM"},
        {"donor_number": "4", "name": "D", "pledges": None, "appeals": None},
        {"donor_number": "5", "name": "E", "pledges": "1", "appeals": "GYM"},
        {"donor_number": "6", "name": "F", "pledges": None, "appeals": None},
    ]

    assert donors(database, *before) == counts(added=4)
    assert donors(database, *before) == counts(unchanged=4)
    assert donors(database, *after) == counts(added=2, changed=3, unchanged=1)
    assert donors(database, *after) == counts(unchanged=6)


SUMS = "SELECT pledge_number, promised FROM donor_pledge ORDER BY 1"


def test_a_pledge_has_the_sum_of_the_last_list(database: Database) -> None:
    """A donor who promises more, or says no sum any more, is held to nothing else."""
    assert donors(database, {"donor_number": "42", "pledges": "7=5000;8"}) == counts(added=1)
    assert select(database, SUMS) == [("7", 5000), ("8", None)]
    for pledges, stored in (
        ("7=6000;8", [("7", 6000), ("8", None)]),
        ("7=6000;8=1", [("7", 6000), ("8", 1)]),
        ("7;8=1", [("7", None), ("8", 1)]),
        ("8=1", [("8", 1)]),
    ):
        entry: CatalogEntry = {"donor_number": "42", "pledges": pledges}
        assert donors(database, entry) == counts(changed=1)
        assert select(database, SUMS) == stored
        assert donors(database, entry) == counts(unchanged=1)


def test_the_order_of_a_list_is_no_change(database: Database) -> None:
    """Exports list pledges in any order."""
    donors(database, {"donor_number": "42", "pledges": "7;12"})
    assert donors(database, {"donor_number": "42", "pledges": "12;7"}) == counts(unchanged=1)


def test_a_row_that_is_rejected_replaces_no_list(database: Database) -> None:
    """Of two rows for one donor the first counts, with its list."""
    result = donors(
        database,
        {"donor_number": "42", "pledges": "7"},
        {"donor_number": "42", "pledges": "8"},
    )

    assert result == counts(added=1)
    assert select(database, PLEDGES) == [("42", "7")]


def test_many_long_lists_are_taken(database: Database) -> None:
    """More values than are staged at a time must not lose one."""
    pledges = ";".join(str(number) for number in range(1000, 1600))
    entries: list[CatalogEntry] = [
        {"donor_number": str(number), "pledges": pledges} for number in range(40)
    ]

    assert donors(database, *entries) == counts(added=40)
    assert select(database, "SELECT COUNT(*) FROM donor_pledge") == [(24_000,)]
    assert donors(database, *entries) == counts(unchanged=40)


def test_the_lists_of_another_account_stay(database: Database) -> None:
    """Two schools may both have a donor 42."""
    other = AccountId("SHELBYVILLE")
    entry: CatalogEntry = {"donor_number": "42", "pledges": "7"}
    donors(database, entry)
    assert take(database, CatalogKind.DONORS, [entry], other) == counts(added=1)

    donors(database, {"donor_number": "42", "pledges": None})

    assert select(database, "SELECT account, pledge_number FROM donor_pledge") == [
        ("SHELBYVILLE", "7")
    ]
