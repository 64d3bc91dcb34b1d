"""Names of accounts in exported books: legal everywhere, and never two codes under one name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.escaping.texts import shown
from ingestd.reports.exports.account_names import ACCOUNT_NAMES, code_of, component_of, leaf_name

LEGAL = re.compile(r"[A-Z0-9][A-Za-z0-9-]*", re.ASCII)
codes = st.text(st.sampled_from("aXxZ09_- :é\U0001f600") | st.characters(), min_size=1)


@given(codes)
def test_every_code_is_a_legal_component_and_can_be_read_back(code: str) -> None:
    """No billing code or student id is lost, or mixed up with another one."""
    component = component_of(code)
    assert LEGAL.fullmatch(component)
    assert code_of(component) == code


@pytest.mark.parametrize(
    ("code", "component"),
    [
        ("LOST_BOOK", "LOST-BOOK"),
        ("GUEST-01M8", "GUEST--01M8"),
        ("000123", "000123"),
        ("meal", "X6D-eal"),
        ("X1", "X58-1"),
        ("A B", "A---20-B"),
        ("A__B", "A---5F----5F-B"),
        ("école", "XE9-cole"),
    ],
)
def test_usual_codes_are_read_at_a_glance(code: str, component: str) -> None:
    """An accountant knows a product by its name."""
    assert component_of(code) == component


def test_every_account_of_the_chart_has_a_name_of_its_own() -> None:
    """A new account of the chart cannot be forgotten in exports."""
    assert set(ACCOUNT_NAMES) == set(LedgerAccount)
    assert len(set(ACCOUNT_NAMES.values())) == len(LedgerAccount)


def test_every_account_is_explained_on_the_accountants_page() -> None:
    """Whoever reads an exported book finds what each of its accounts holds."""
    page = (Path(__file__).parents[3] / "docs" / "ledger-export.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d{4}) \| `([\w:]+?)(?::…)?` \|", page, re.MULTILINE)
    assert rows == [(str(int(number)), name) for number, name in ACCOUNT_NAMES.items()]


def test_parties_and_products_stand_below_their_accounts() -> None:
    """Balances can be checked for each family and each product."""
    fees, deferred = LedgerAccount.RECEIVABLE_FEES, LedgerAccount.DEFERRED_REVENUE
    student = leaf_name(fees, kind="student", party="S1", billing_code="MEAL")
    parent = leaf_name(fees, kind="parent", party="S1", billing_code="MEAL")
    assert (student, parent) == (
        "Assets:Receivable:Fees:Student:S1",
        "Assets:Receivable:Fees:Parent:S1",
    )
    product = leaf_name(deferred, kind=None, party=None, billing_code="MEAL")
    assert product == "Liabilities:Deferred:MEAL"
    bank = leaf_name(LedgerAccount.BANK, kind="student", party="S1", billing_code="MEAL")
    assert bank == "Assets:Bank"


@given(st.text())
def test_shown_text_stays_on_its_line(text: str) -> None:
    """Nothing that somebody typed begins a line of its own, or hides one."""
    written = shown(text, also=",[")
    assert written.isprintable()
    assert len(written.splitlines()) <= 1
    assert not set(written) & set(",[")
    written.encode()
