"""An office that does anything in any order, and a model that does the same."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ingestd.database.engine import Database
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.books.head import read_known_at
from ingestd.ledger.money.choices import Paid
from ingestd.reports.figures.aging import report_aging
from ingestd.reports.figures.balances import report_balances
from ingestd.reports.figures.items import report_items
from ingestd.reports.figures.payments import report_payments
from ingestd.reports.figures.revenue import report_revenue
from ingestd.reports.figures.sales import report_sales
from ingestd.service.office.charges import Sale, add_penalty
from ingestd.values.clock import from_microseconds
from ingestd.values.errors import LedgerRefusal, UsageError
from ingestd.values.money import format_amount
from tests.integration.ledger.conftest import Books
from tests.integration.office.bookkeeping import Audit, audit
from tests.integration.office.conftest import day as date_of
from tests.integration.office.histories import (
    DIRECT,
    MONTHS,
    PRICES,
    SORTS,
    TODAY_DAY,
    FileRow,
    amounts,
    days,
    file_rows,
    open_account,
    payers,
    some,
    types,
)
from tests.integration.office.model import (
    ANONYMOUS,
    LIABILITY,
    Model,
    ModelCharge,
    ModelPayment,
    RefusedError,
)

FILE_TIME, NOON = 0, 1
REPORTS = (
    *(report_sales, report_payments, report_items),
    *(report_balances, report_revenue, report_aging),
)
REMEMBERED_MAX = 4


class OfficeMachine(RuleBasedStateMachine):
    """An office and the model do the same; after every step they agree."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self.office = open_account(database, folder)
        self.model = Model(prices=PRICES, sorts=SORTS, direct=DIRECT)
        self.contents: dict[str, FileRow] = {}
        self.files: list[list[FileRow]] = []
        self.numbers = itertools.count(1)
        self.agreed = False
        self.known: dict[datetime, list[dict[str, object]]] = {}

    def attempt(self, modelled: Callable[[], object], real: Callable[[], object]) -> bool:
        """Do the same to both; where the model refuses, the books refuse as well."""
        self.agreed = False
        try:
            modelled()
        except RefusedError:
            with pytest.raises(LedgerRefusal):
                real()
            return False
        real()
        return True

    @rule(rows=st.lists(file_rows, min_size=1, max_size=4))
    def upload(self, rows: list[FileRow]) -> None:
        self.files.append(rows)
        self._upload(rows)

    @precondition(lambda self: self.files)
    @rule(which=some)
    def upload_again(self, which: int) -> None:
        before = self.office.books.dump("charge", "posting", "allocation", "credit_lot")
        self._upload(self.files[which % len(self.files)])
        assert self.office.books.dump(*before) == before

    def _upload(self, rows: list[FileRow]) -> None:
        counts: Counter[str] = Counter()
        for row in rows:
            known = self.contents.setdefault(row.key, row)
            is_new = row.key not in self.model.charges
            counts["applied" if is_new else "duplicate" if known == row else "conflict"] += 1
            if is_new:
                self.model.add_charge(
                    key=row.key,
                    party=row.student,
                    account_type=row.account_type,
                    product=row.product,
                    amount=PRICES[row.product] if row.amount is None else row.amount,
                    occurred=(row.day, FILE_TIME, 0),
                    on=max(row.day, self.model.open_from),
                )
        self.model.pay_what_is_open()
        verdicts = self.office.charge(*map(str, rows)).rows
        assert verdicts is not None
        assert (verdicts.applied, verdicts.duplicate, verdicts.conflict) == (
            counts["applied"],
            counts["duplicate"],
            counts["conflict"],
        )

    @rule(payer=payers, cents=amounts, to=types, is_cash=st.booleans(), on=days)
    def pay(self, payer: str, cents: int, to: str, is_cash: bool, on: str) -> None:
        self._pay(payer, cents, to, is_cash=is_cash, on=on, named=None)

    @precondition(lambda self: self.model.charges)
    @rule(payer=payers, cents=amounts, which=some, is_cash=st.booleans(), on=days)
    def pay_for(self, payer: str, cents: int, which: int, is_cash: bool, on: str) -> None:
        charge = self._charge(which)
        key = "NEVER"  # a payment that there was would be answered
        if on >= self.model.open_from and not self.model.shares(payer, charge):
            with pytest.raises(UsageError, match=r"family|wallet"):
                self.office.pay(
                    key, payer, "1.00", on=on, to=charge.account_type, for_charge=charge.key
                )
            payer = charge.party
        self._pay(payer, cents, charge.account_type, is_cash=is_cash, on=on, named=charge.key)

    def _pay(
        self, payer: str, cents: int, to: str, *, is_cash: bool, on: str, named: str | None
    ) -> None:
        key = f"P{next(self.numbers)}"

        def modelled() -> None:
            self.model.refuse_day(on)
            self.model.add_payment(
                key=key,
                payer=payer,
                to=to,
                amount=cents,
                is_cash=is_cash,
                named=named,
                sold=None,
                received_on=on,
            )

        def real() -> None:
            method = "cash" if is_cash else "echeck"
            amount = format_amount(cents)
            answer = self.office.pay(
                key, payer, amount, on=on, method=method, to=to, for_charge=named
            )
            assert answer == {"payment_id": key, "status": "settled" if is_cash else "pending"}

        if self.attempt(modelled, real):
            real()  # under the same key nothing is paid twice

    @precondition(lambda self: self.model.payments)
    @rule(which=some, on=days)
    def settle(self, which: int, on: str) -> None:
        payment = self._payment(which, "pending")
        self.attempt(
            lambda: self.model.settle(payment, on), lambda: self.office.settle(payment.key, on=on)
        )

    @precondition(lambda self: self.model.payments)
    @rule(which=some, on=days)
    def take_back(self, which: int, on: str) -> None:
        payment = self._payment(which, "pending")
        self.attempt(
            lambda: self.model.take_back(payment, on),
            lambda: self.office.take_back(payment.key, on=on),
        )

    @precondition(lambda self: self.model.payments)
    @rule(which=some, on=days, has_penalty=st.booleans())
    def bounce(self, which: int, on: str, has_penalty: bool) -> None:
        payment = self._payment(which, "settled")

        charged = f"PENALTY-{payment.key}" in self.model.charges

        def modelled() -> None:
            if payment.returned_on == on and charged is has_penalty:
                return
            self.model.give_back(payment, on)
            if has_penalty:
                self._penalty(f"PENALTY-{payment.key}", payment.payer, on)

        penalty = "NSF" if has_penalty else None
        self.attempt(modelled, lambda: self.office.bounce(payment.key, on=on, penalty=penalty))

    @rule(which=st.lists(some, min_size=1, max_size=3))
    @precondition(lambda self: self.model.charges)
    def refund_by_file(self, which: list[int]) -> None:
        named = [self._charge(number) for number in which]
        fresh = {charge.key: charge for charge in named if charge.void_on is None}
        short: set[str] = set()
        cash = self.model.money_as_of("9999", is_cash=True)
        for charge in fresh.values():
            if charge.party == ANONYMOUS and self.model.paid(charge):
                cash -= self.model.paid(charge)
                short |= {charge.key} if cash < 0 else set()
        taken = [charge for key, charge in fresh.items() if key not in short]
        rejected = sum(charge.key in short for charge in named)
        self.model.refund(taken, TODAY_DAY)
        rows = self.office.refund(*(charge.key for charge in named)).rows
        assert rows is not None
        assert (rows.applied, rows.rejected) == (len(taken), rejected)
        assert rows.duplicate == len(named) - len(taken) - rejected

    @precondition(lambda self: self.model.charges)
    @rule(which=some, on=days)
    def void(self, which: int, on: str) -> None:
        charge = self._charge(which)
        self.attempt(
            lambda: self.model.refund_by_command(charge, on),
            lambda: self.office.void(charge.key, on=on),
        )

    @rule(party=payers, on=days)
    def penalise(self, party: str, on: str) -> None:
        key = f"N{next(self.numbers)}"

        def modelled() -> None:
            self.model.refuse_day(on)
            self._penalty(key, party, on)

        keeper = self.office.keeper
        self.attempt(
            modelled,
            lambda: add_penalty(keeper, party, "NSF", tracking_id=key, on=date_of(on)),
        )

    def _penalty(self, key: str, party: str, on: str) -> None:
        self._charge_by_command(key, party, LIABILITY, "NSF", PRICES["NSF"], on)
        self.model.pay_what_is_open()

    def _charge_by_command(
        self, key: str, party: str, account_type: str, product: str, amount: int, on: str
    ) -> None:
        arrival = len(self.model.charges) if on == TODAY_DAY else 0
        self.model.add_charge(
            key=key,
            party=party,
            account_type=account_type,
            product=product,
            amount=amount,
            occurred=(on, NOON, arrival),
            on=on,
        )

    @rule(
        party=st.sampled_from(("ANONYMOUS", "S1", "S3")),
        product=st.sampled_from(list(PRICES)),
        cents=amounts,
        is_cash=st.booleans(),
        to=types,
        on=days,
    )
    def sell(self, party: str, product: str, cents: int, is_cash: bool, to: str, on: str) -> None:
        is_cash = is_cash or party == "ANONYMOUS"
        key = f"T{next(self.numbers)}"

        def modelled() -> None:
            self.model.refuse_day(on)
            self._sale(key, party, to, product, cents, on, is_cash=is_cash)

        sale = Sale(
            party=party,
            billing_code=product,
            amount=format_amount(cents),
            paid=Paid.CASH if is_cash else None,
            account_type=AccountType(to),
            tracking_id=key,
        )
        if self.attempt(modelled, lambda: self.office.sell(sale, on=on)):
            assert self.office.sell(sale, on=on) == {"tracking_id": key, "party": party}

    @rule(product=st.sampled_from(list(PRICES)), is_cash=st.booleans(), on=days)
    def sell_to_a_guest(self, product: str, is_cash: bool, on: str) -> None:
        if on < self.model.open_from:
            return
        key = f"T{next(self.numbers)}"
        sale = Sale(
            party="guest",
            billing_code=product,
            paid=Paid.CASH if is_cash else None,
            tracking_id=key,
            name="Gil Guest",
        )
        guest = str(self.office.sell(sale, on=on)["party"])
        self._sale(key, guest, LIABILITY, product, PRICES[product], on, is_cash=is_cash)
        if not is_cash and PRICES[product]:
            self._pay(guest, PRICES[product], LIABILITY, is_cash=False, on=on, named=None)

    def _sale(
        self, key: str, party: str, to: str, product: str, amount: int, on: str, *, is_cash: bool
    ) -> None:
        self._charge_by_command(key, party, to, product, amount, on)
        if is_cash and amount:
            self.model.add_payment(
                key=f"CASH-{key}",
                payer=party,
                to=to,
                amount=amount,
                is_cash=True,
                named=None,
                sold=key,
                received_on=on,
            )
        self.model.pay_what_is_open()

    @rule(month=st.sampled_from(MONTHS))
    def close(self, month: str) -> None:
        answer = self.office.close(month)
        assert (answer["month"], answer["status"]) == (month, "closed")
        first = f"2026-{int(month[5:]) + 1:02}-01"
        self.model.open_from = max(self.model.open_from, first)

    def _charge(self, which: int) -> ModelCharge:
        charges = [charge for charge in self.model.charges.values() if not charge.is_payout]
        return charges[which % len(charges)]

    def _payment(self, which: int, status: str) -> ModelPayment:
        """Return a payment, one of a status more often than another."""
        payments = list(self.model.payments.values())
        fitting = [payment for payment in payments if payment.status == status]
        chosen = fitting if fitting and which else payments
        return chosen[which % len(chosen)]

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        self.agreed = False
        model, seen = self.model, audit(self.office.books)
        seen.check()
        total = seen.balances()
        charges = model.charges.values()
        assert self.office.statuses() == {
            charge.key: (model.status(charge), format_amount(model.open(charge)))
            for charge in charges
            if not charge.is_payout
        }
        balances = {key: value for key, value in model.balances().items() if value}
        written = {key: format_amount(value) for key, value in balances.items()}
        reported = self.office.books.balances()
        assert {key: value for key, value in reported.items() if value != "0.00"} == written
        assert +seen.lots() == +Counter({k: lot.remaining for k, lot in model.lots.items()})
        assert seen.allocated == model.allocated()
        assert total[LedgerAccount.BANK] == model.money_as_of("9999", is_cash=False)
        assert total[LedgerAccount.CASH] == model.money_as_of("9999", is_cash=True)
        assert total[LedgerAccount.CLEARING] == model.pending_as_of("9999")
        realised: Counter[str] = Counter()
        for charge in charges:
            is_earned = not charge.void_on and not charge.is_payout
            realised[charge.product] += model.paid(charge) if is_earned else 0
        assert seen.by_product(LedgerAccount.REALISED_REVENUE) == +realised
        assert total[LedgerAccount.DISCOUNTS] == 0
        self.agreed = True
        self._remember_what_is_known()

    def _remember_what_is_known(self) -> None:
        books = self.office.books
        with books.database.reading() as connection:
            known_at = read_known_at(connection, books.account.account_id)
        if known_at is not None and len(self.known) < REMEMBERED_MAX:
            instant = from_microseconds(known_at)
            self.known.setdefault(instant, _answers(books, as_known=instant))

    def teardown(self) -> None:
        """Every day of the history is as consistent as its end, and so is every answer of then."""
        if not self.agreed:
            return
        books, seen = self.office.books, audit(self.office.books)
        for day in seen.days:
            seen.check(day)
            total = seen.balances(day)
            assert seen.open(day) == self.model.open_as_of(day)
            assert +seen.lots(day) == +self.model.credit_as_of(day)
            assert total[LedgerAccount.BANK] == self.model.money_as_of(day, is_cash=False)
            assert total[LedgerAccount.CASH] == self.model.money_as_of(day, is_cash=True)
            assert total[LedgerAccount.CLEARING] == self.model.pending_as_of(day)
            self._reports_say_what_postings_say(seen, day)
        for known, answer in self.known.items():
            assert _answers(books, as_known=known) == answer, "what was known stays known"
        with books.database.reading() as connection:
            assert verify_ledger(connection, books.account.account_id, decimals=2).differences == ()

    def _reports_say_what_postings_say(self, seen: Audit, day: str) -> None:
        books, as_of = self.office.books, date_of(day)
        balances = {key: format_amount(value) for key, value in seen.by_party(day).items()}
        assert books.balances(as_of=as_of) == balances
        items = {item["tracking_id"]: item["open"] for item in books.items(as_of=as_of)}
        payouts = {charge.key for charge in self.model.charges.values() if charge.is_payout}
        assert items == {
            key: format_amount(left) for key, left in seen.open(day).items() if key not in payouts
        }
        aging = books.report(report_aging, as_of=as_of)
        total = format_amount(sum(seen.open(day).values()))
        assert aging["totals"] == {"open": total}
        identities = aging["identities"]
        assert isinstance(identities, list)
        assert all(identity["holds"] for identity in identities)


def _answers(books: Books, *, as_known: datetime) -> list[dict[str, object]]:
    """Return what every report says of all that was known at an instant."""
    return [books.report(ask, as_known=as_known) for ask in REPORTS]
