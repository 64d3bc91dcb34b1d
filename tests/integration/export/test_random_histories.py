"""Random years at a district's desk: books check elsewhere, and every cent is explained."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ingestd.ledger.money.choices import Paid
from ingestd.reports.exports.programs import ExportFormat
from ingestd.values.errors import LedgerRefusal, UsageError
from tests.chaos import TIMES
from tests.integration.database.conftest import MakeDatabase
from tests.integration.export.district import (
    TIMED,
    District,
    beancount_balances,
    open_district,
    party_balances,
    read_with_beancount,
    read_with_hledger,
    without_zeros,
)
from tests.integration.ledger.conftest import open_books

pytestmark = pytest.mark.chaos

_examples = itertools.count()
histories = settings(
    max_examples=12 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
FIRST_DAY = date(2026, 3, 2)

amounts = st.sampled_from(["0.01", "3.25", "5.00", "18.50", "80.00", "250.00"])
cents = st.integers(1, 9_999)
family = st.sampled_from(["S1", "S2", "COLL001"])
students = st.sampled_from(["S1", "S2"])
balances = st.sampled_from(["WALLET", "LIABILITY"])
products = st.sampled_from(["MEAL", "PROM", "LATE_FEE"])
picks = st.integers(0, 1_000)
steps = st.one_of(
    st.tuples(st.just("charge"), balances, students, products, amounts),
    st.tuples(st.just("pay"), balances, family, amounts, st.none() | picks),
    st.tuples(st.just("pay in parts"), family, cents, cents, cents, cents),
    st.tuples(st.just("settle"), picks),
    st.tuples(st.just("settle"), picks),
    st.tuples(st.just("bounce"), picks, st.sampled_from([None, "NSF_FEE"])),
    st.tuples(st.just("take back"), picks),
    st.tuples(st.sampled_from(["void", "refund by file"]), picks),
    st.tuples(st.just("cash sale"), st.sampled_from(["ANONYMOUS", "S1"]), products, amounts),
    st.tuples(st.just("guest sale"), products, amounts),
)


class Year:
    """One history: what is done, and the keys of what there is to do something with."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.charges: list[str] = []
        self.pending: list[str] = []
        self.settled: list[str] = []

    @property
    def payments(self) -> list[str]:
        """Every payment that there ever was."""
        stored = self.district.books.dump("payment")["payment"]
        return [str(row[2]) for row in stored]

    def live(self, history: list[tuple[object, ...]]) -> None:
        """Do one thing a day, or try to."""
        for number, (name, *details) in enumerate(history):
            self.district.today((FIRST_DAY + timedelta(days=number)).isoformat())
            step = getattr(self, "_" + str(name).replace(" ", "_"))
            # What the desk refuses, such as a second bounce, leaves the books as they are.
            try:
                step(number, *details)
            except (UsageError, LedgerRefusal):
                event(f"{name}: refused")
            else:
                event(f"{name}: done")

    def _charge(self, number: int, balance: str, party: str, product: str, amount: str) -> None:
        occurred = date(2025, 9, 1) + timedelta(days=number * 37 % 180)
        self.district.books.post(
            f"{balance},T{number},{party},{product},,{amount},{occurred}", header=TIMED
        )
        self.charges.append(f"T{number}")

    def _pay(self, number: int, balance: str, payer: str, amount: str, named: int | None) -> None:
        charge = None if named is None else _one_of(self.charges, named)
        self.district.pay(f"P{number}", payer, amount, to=balance, for_charge=charge)
        self.pending.append(f"P{number}")

    def _pay_in_parts(
        self, number: int, payer: str, fee: int, building: int, other: int, discount: int
    ) -> None:
        parts = {"fee": fee, "building": building, "other": other, "discount": discount}
        self.district.pay_in_parts(f"P{number}", payer, **parts)
        self.pending.append(f"P{number}")

    def _settle(self, _: int, pick: int) -> None:
        payment = _one_of(self.pending, pick)
        if payment is not None:
            self.district.settle(payment)
            self.pending.remove(payment)
            self.settled.append(payment)

    def _take_back(self, _: int, pick: int) -> None:
        payment = _one_of(self.payments, pick)
        if payment is not None:
            self.district.take_back(payment)
            # What was taken back before is answered once more.
            self.pending = [key for key in self.pending if key != payment]

    def _bounce(self, _: int, pick: int, penalty: str | None) -> None:
        payment = _one_of(self.settled, pick)
        if payment is not None:
            self.district.bounce(payment, penalty=penalty)
            self.charges += [] if penalty is None else [f"PENALTY-{payment}"]

    def _void(self, _: int, pick: int) -> None:
        charge = _one_of(self.charges, pick)
        if charge is not None:
            self.district.void(charge)

    def _refund_by_file(self, _: int, pick: int) -> None:
        charge = _one_of(self.charges, pick)
        if charge is not None:
            self.district.refund_by_file(charge, self.charges[0])

    def _cash_sale(self, number: int, party: str, product: str, amount: str) -> None:
        self.district.sell(party, product, amount, key=f"T{number}", paid=Paid.CASH)
        self.charges.append(f"T{number}")
        self.settled.append(f"CASH-T{number}")

    def _guest_sale(self, number: int, product: str, amount: str) -> None:
        guest = self.district.sell("guest", product, amount, key=f"T{number}")
        self.charges.append(f"T{number}")
        self.district.pay(f"P{number}", guest, amount, for_charge=f"T{number}")
        self.pending.append(f"P{number}")


def _one_of(keys: list[str], pick: int) -> str | None:
    return keys[pick % len(keys)] if keys else None


@histories
@given(history=st.lists(steps, min_size=10, max_size=40))
def test_random_books_check_elsewhere_and_are_explained(
    make_database: MakeDatabase, tmp_path: Path, history: list[tuple[object, ...]]
) -> None:
    """Whatever a district does, an accountant's program agrees, and no cent is lost on the way."""
    folder = tmp_path / str(next(_examples))
    district = open_district(open_books(make_database("sqlite"), folder))
    year = Year(district)
    year.live(history)
    ours = without_zeros(district.books.balances().items())
    with_beancount = beancount_balances(
        read_with_beancount(district.export(ExportFormat.BEANCOUNT))
    )
    assert party_balances(with_beancount) == ours
    with_hledger = read_with_hledger(folder / "book.journal", district.export(ExportFormat.HLEDGER))
    assert with_hledger == with_beancount
    check_explained(district, year.payments, with_beancount)
    check_traced(district)


def check_explained(district: District, payments: list[str], balances: dict[str, Decimal]) -> None:
    """Fail unless every payment is explained to the cent, and together they are the money."""
    money = waiting = Decimal(0)
    for payment_id in payments:
        answer = district.explain(payment_id)
        assert answer["reconciles"], answer
        totals = answer["totals"]
        assert totals["unexplained"] == "0.00"
        amount = {name: Decimal(text) for name, text in totals.items()}
        money += amount["amount"] - amount["returned"] - amount["voided"] - amount["pending"]
        money -= amount["paid_out"]
        waiting += amount["waiting"]
        told = answer["allocations"]
        live = sum(
            (Decimal(each["amount"]) for each in told if each["undone_on"] is None),
            start=Decimal(0),
        )
        assert live == amount["allocated"] + amount["paid_out"]
    # Payouts on their way have not left the bank yet; what is owed back has left it for nothing.
    kept = ("Assets:Bank", "Assets:Cash", "Assets:PaidOut", "Liabilities:Payouts")
    assert money == sum(
        balance for account, balance in balances.items() if account.startswith(kept)
    )
    credits_waiting = -sum(
        balance for account, balance in balances.items() if account.startswith("Liabilities:Credit")
    )
    assert waiting == credits_waiting


def check_traced(district: District) -> None:
    """Fail unless every charge is traced to what our own report says of it, and to its file."""
    for item in district.books.items():
        answer = district.trace(str(item["tracking_id"]))
        charge = answer["charge"]
        assert {name: charge[name] for name in ("amount", "paid", "open", "status")} == {
            name: item[name] for name in ("amount", "paid", "open", "status")
        }
        origin = charge["origin"]
        assert (origin and (origin["upload_id"], origin["row"])) == (
            (item["upload_id"], item["row"]) if item["upload_id"] else None
        )
