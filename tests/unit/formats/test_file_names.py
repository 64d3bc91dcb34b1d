"""File names: what each stands for, and for whom."""

from __future__ import annotations

import pytest

from ingestd.formats.names import (
    CATALOG_NAMES,
    FormatName,
    bare_name,
    format_of,
    is_recognised,
    names_taken,
    source_in,
)


@pytest.mark.parametrize("takes_catalogs", [False, True])
@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("student_billing.csv", FormatName.STUDENT_BILLING),
        ("Student_Billing_Destiny 2026-09.CSV", FormatName.STUDENT_BILLING),
        ("student_refunds_2.csv", FormatName.STUDENT_REFUNDS),
        ("student_billing.csv.part", None),
        (".student_billing.csv", None),
        ("student_billing.txt", None),
        ("student.csv", None),
    ],
)
def test_charges_and_refunds_are_recognised_in_every_account(
    name: str, format_name: FormatName | None, takes_catalogs: bool
) -> None:
    """A setting about catalogs changes nothing for what is no catalog."""
    assert format_of(name, takes_catalogs=takes_catalogs) is format_name


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("products.csv", FormatName.PRODUCTS),
        ("students.csv", FormatName.STUDENTS),
        ("STUDENTS_nightly_2026-09-01.CSV", FormatName.STUDENTS),
        ("parents-export.csv", FormatName.PARENTS),
    ],
)
def test_a_catalog_is_recognised_only_where_it_is_allowed(
    name: str, format_name: FormatName
) -> None:
    """A file that happens to be called so never changes a roster behind the operator's back."""
    assert format_of(name, takes_catalogs=True) is format_name
    assert format_of(name, takes_catalogs=False) is None
    assert not is_recognised(name, takes_catalogs=False)
    assert is_recognised(name, takes_catalogs=True)


def test_the_names_that_an_account_takes_are_told_without_those_that_it_does_not() -> None:
    """A receipt that lists the recognised names lists none that would be set aside, too."""
    assert set(names_taken(takes_catalogs=True)) == set(FormatName)
    assert set(names_taken(takes_catalogs=False)) == set(FormatName) - CATALOG_NAMES


@pytest.mark.parametrize(
    "name", [" a.csv", "a.csv ", "\u00a0a.csv", "\ufeffa.csv", "a.csv.", "a.csv\u200b. ", "a.csv"]
)
def test_what_nobody_sees_around_a_name_can_be_told(name: str) -> None:
    """A name that looks right and is not recognised costs an hour, and then a riddle."""
    assert bare_name(name) == "a.csv"
    assert bare_name(name.replace("a.csv", "X.csvX")) == "X.csvX"


@pytest.mark.parametrize(
    ("name", "format_name", "source"),
    [
        ("student_billing.csv", FormatName.STUDENT_BILLING, None),
        ("student_billing_destiny.csv", FormatName.STUDENT_BILLING, "destiny"),
        ("STUDENT_BILLING_Destiny 9.CSV", FormatName.STUDENT_BILLING, "Destiny 9"),
        (
            "student_billing_2017-02-12-library-fees.csv",
            FormatName.STUDENT_BILLING,
            "2017-02-12-library-fees",
        ),
        ("student_billing_a_b.csv", FormatName.STUDENT_BILLING, "a_b"),
        ("student_billing_ .csv", FormatName.STUDENT_BILLING, None),
        ("student_billing_.csv", FormatName.STUDENT_BILLING, None),
        ("student_billing-destiny.csv", FormatName.STUDENT_BILLING, None),
        ("student_refunds_Cafe\u0301.csv", FormatName.STUDENT_REFUNDS, "Café"),
        ("fee_payments_web.csv", FormatName.FEE_PAYMENTS, "web"),
        ("products_2026.csv", FormatName.PRODUCTS, None),
        ("destiny.csv", FormatName.STUDENT_BILLING, None),
        ("student_billing_x.txt", FormatName.STUDENT_BILLING, "x.txt"),
    ],
)
def test_a_source_is_what_stands_behind_the_format(
    name: str, format_name: FormatName, source: str | None
) -> None:
    """A district names where charges come from in the file's name, as its specification says."""
    assert source_in(name, format_name) == source
