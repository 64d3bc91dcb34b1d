"""Random histories of an office: whatever happened, what one family is told adds up."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestd.database import schema
from ingestd.database.engine import open_database
from ingestd.ledger.money.choices import RefundTo
from ingestd.reports.families.arrears import report_arrears
from ingestd.reports.families.statement import report_statement
from ingestd.reports.figures.items import report_items
from ingestd.reports.money.collections import report_collections
from ingestd.reports.money.held import report_held
from ingestd.reports.money.payouts import report_payouts
from ingestd.service.office import payouts, refunds
from ingestd.values.errors import IngestdError
from tests.chaos import TIMES
from tests.integration.office.conftest import day
from tests.integration.reports.office_story import Spring, open_spring

pytestmark = pytest.mark.chaos

FAMILIES = {"KIM001": ("KIM001", "K1", "K2"), "LEE001": ("LEE001", "L1")}
PARTIES = tuple(party for members in FAMILIES.values() for party in members)
STEPS = (
    *("charge", "meal", "pay", "feed", "settle", "bounce", "refund", "part", "write_off"),
    *("transfer", "use", "pay_out", "clear", "void"),
)
steps = st.lists(
    st.tuples(
        st.sampled_from(STEPS),
        st.sampled_from(PARTIES),
        st.sampled_from(PARTIES),
        st.integers(1, 9),
        st.integers(1, 28),
    ),
    min_size=8,
    max_size=30,
)


def do(office: Spring, number: int, step: tuple[str, str, str, int, int]) -> None:
    """Do one thing; what the office refuses changes nothing."""
    kind, party, other, amount, on_day = step
    on = f"2026-05-{on_day:02}"
    money, student = f"{amount}.00", party if party[0] in "KL" and len(party) == 2 else "K1"
    before = f"P{amount}", f"C{amount}", f"O{amount}"
    deeds: dict[str, Callable[[], object]] = {
        "charge": lambda: office.charge(f"LIABILITY,C{number},{student},BAND,{money},{on}"),
        "meal": lambda: office.charge(f"WALLET,C{number},{student},MEAL,{money},{on}"),
        "pay": lambda: office.pay(f"P{number}", party, money, on=on),
        "feed": lambda: office.pay(f"P{number}", party, money, on=on, to="WALLET"),
        "settle": lambda: office.settle(before[0], on=on),
        "bounce": lambda: office.bounce(before[0], on=on, penalty="NSF_FEE"),
        "refund": lambda: office.void(before[1], on=on),
        "part": lambda: refunds.refund_charge(
            *(office.keeper, before[1]),
            amount="1.00",
            to=RefundTo("wallet"),
            key=f"R{number}",
            on=day(on),
        ),
        "write_off": lambda: refunds.write_off_charge(office.keeper, before[1], on=day(on)),
        "transfer": lambda: office.move((party, "WALLET"), (other, "WALLET"), "1.00", on=on),
        "use": lambda: office.move((party, "WALLET"), (other, "LIABILITY"), "1.00", on=on),
        "pay_out": lambda: office.pay_out(
            f"O{number}", party, "LIABILITY" if amount % 2 else "WALLET", "check", "1.00", on=on
        ),
        "clear": lambda: payouts.clear(office.keeper, before[2], on=day(on)),
        "void": lambda: payouts.void(office.keeper, before[2], on=day(on)),
    }
    with contextlib.suppress(IngestdError):
        deeds[kind]()


@settings(max_examples=15 * TIMES)
@given(history=steps)
def test_what_families_are_told_adds_up(history: list[tuple[str, str, str, int, int]]) -> None:
    """Statements close with balances, and one family's arrears are its row of all, on any day."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/ledger.db")
        schema.upgrade(database)
        office = open_spring(database, Path(folder) / "data")
        for number, step in enumerate(history):
            do(office, number % 10, step)
        for as_of in (date(2026, 5, 10), date(2026, 5, 20), date(2026, 6, 30)):
            hold_families(office, as_of)
        database.close()


def hold_families(office: Spring, as_of: date) -> None:
    """Hold what is told of each family and party to what is told of all."""
    books = office.books
    balances = books.balances(as_of=as_of)
    for name in (*FAMILIES, *PARTIES):
        members = FAMILIES.get(name, (name,))
        told = books.report(report_statement, party=name, as_of=as_of)
        assert all(each["holds"] for each in listed(told["identities"]))
        owned = sum(
            cents(balances.get((member, kind), "0.00"))
            for member in members
            for kind in ("LIABILITY", "WALLET")
        )
        assert cents(dict(told["totals"])["closing"]) == owned  # type: ignore[call-overload]
    for ask in (report_arrears, report_collections, report_held, report_payouts, report_items):
        told = books.report(ask, as_of=as_of)
        assert [each for each in listed(told["identities"]) if not each["holds"]] == []
    rows = {row["family"]: row for row in listed(books.report(report_arrears, as_of=as_of)["rows"])}
    for family in FAMILIES:
        [alone] = listed(books.report(report_arrears, as_of=as_of, family=family)["rows"])
        if family in rows:
            assert alone == rows[family]
        else:
            assert (alone["open"], alone["wallet_open"]) == ("0.00", "0.00")


def listed(found: object) -> list[dict[str, str]]:
    assert isinstance(found, list)
    return found


def cents(text: str) -> int:
    return int(text.replace(".", ""))
