"""An office whose money goes in and out in any order, and a model that does the same."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.audit.verify import verify_ledger
from ingestd.ledger.money.choices import CreditSource, CreditTarget, Paid, PayoutMethod, RefundTo
from ingestd.service.office import charges, payments, payouts, refunds, transfers
from ingestd.service.office.bookkeeper import Answer
from ingestd.values.errors import LedgerRefusal
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount
from tests.integration.ledger.conftest import Books, FakeClock, springfield
from tests.integration.office.bookkeeping import TYPES, Audit, audit
from tests.integration.office.conftest import TODAY
from tests.integration.office.money_model import (
    ADVANCE,
    ANONYMOUS,
    BUILDING,
    CASH,
    CREDIT,
    DEPOSIT,
    DISCOUNT_LOT,
    DISCOUNTS,
    LIABILITY,
    RECEIVABLE,
    WALLET,
    Item,
    Money,
    MoneyModel,
    RefusedError,
)
from tests.integration.payments.conftest import (
    ENROLMENT,
    FEES,
    REFERENCE,
    SUNDRY,
    PaymentOffice,
    enrolment_row,
    fee_row,
    sundry_row,
)

FAMILIES = {"S1": "COLL001", "S2": "COLL001", "S3": "COTT001"}
PARTIES = ["COLL001", "COTT001", "S1", "S2", "S3"]
PRICES = {"BOOK": 1000, "PROM": 800, "NSF": 250, "FREE": 0}
MERCHANT, AT_ONCE = "ABCDE371", "NOW"
FILE_DAY = "2026-03-05"

_accounts = itertools.count()
amounts = st.sampled_from((1, 3, 99, 300, 800, 1000, 2500))
students = st.sampled_from(("S1", "S1", "S2", "S3"))
parents = st.sampled_from(("COLL001", "COLL001", "COTT001"))
members = st.sampled_from(PARTIES)
targets = st.sampled_from((LIABILITY, LIABILITY, WALLET))
merchants = st.sampled_from((MERCHANT, AT_ONCE))
some = st.integers(0, 9)


def open_money_office(database: Database, folder: Path) -> PaymentOffice:
    """Open the office of an account of its own, whose parties have their numbers already."""
    name = AccountId(f"M{next(_accounts)}")
    account = replace(springfield(), account_id=name)
    books = Books(database=database, folder=folder, account=account, clock=FakeClock(TODAY))
    books.folders.create_for(name)
    books.load(
        CatalogKind.PRODUCTS,
        [
            {
                "billing_code": code,
                "price": price,
                "repayment": "direct" if code == "PROM" else "chronological",
            }
            for code, price in PRICES.items()
        ],
    )
    books.load(
        CatalogKind.STUDENTS,
        [{"student_id": child, "parent_code": parent} for child, parent in FAMILIES.items()],
    )
    office = PaymentOffice(books)
    for table, rows in REFERENCE.items():
        office.refer(table, *rows)
    for party in PARTIES:
        charges.add_penalty(office.keeper, party, "FREE", tracking_id=f"FREE-{party}")
    return office


def _hold_discounts_and_anonymous(seen: Audit) -> None:
    """Assert that discounts pay fees and nothing else, and that nobody in particular is even.

    Only cash that bounced is owed by nobody in particular.
    """
    beside = {posting.credit for posting in seen.postings if posting.debit == DISCOUNT_LOT}
    beside |= {posting.debit for posting in seen.postings if posting.credit == DISCOUNT_LOT}
    assert beside <= {DISCOUNTS, RECEIVABLE[LIABILITY]}
    assert not [key for key, left in seen.lots().items() if key[2] == ANONYMOUS and left]
    bounced = {
        posting.payment_id
        for posting in seen.postings
        if posting.debit_party == ANONYMOUS and posting.credit == CASH
    }
    if not bounced:
        left = {key: amount for key, amount in seen.by_party().items() if key[0] == ANONYMOUS}
        assert not any(left.values())


class MoneyMachine(RuleBasedStateMachine):
    """An office and the model do the same; after every step they agree to the cent."""

    def __init__(self, database: Database, folder: Path) -> None:
        super().__init__()
        self.office = open_money_office(database, folder)
        self.model = MoneyModel(families=FAMILIES, direct={"PROM"}, parties=[*PARTIES, ANONYMOUS])
        for party in PARTIES:
            self.model.sell(f"FREE-{party}", party, "FREE", 0)
        self.numbers = itertools.count(1)
        self.batch = 1
        self.agreed = False

    def attempt(self, modelled: Callable[[], object], real: Callable[[], Answer]) -> None:
        """Do the same to both, to the books twice; where the model refuses, so do the books."""
        self.agreed = False
        try:
            modelled()
        except RefusedError:
            with pytest.raises(LedgerRefusal):
                real()
            return
        assert real() == real()

    # Sales.

    @rule(party=students, product=st.sampled_from(("BOOK", "PROM")), to=targets, cents=amounts)
    def charge_by_file(self, party: str, product: str, to: str, cents: int) -> None:
        key = f"C{next(self.numbers)}"
        self.model.sell(key, party, product, cents, to=to, occurred=FILE_DAY)
        self.model.pay_what_is_open({party})
        self.office.charge(f"{to},{key},{party},{product},{format_amount(cents)},{FILE_DAY}")

    @rule(
        party=students,
        product=st.sampled_from(("BOOK", "PROM")),
        to=targets,
        cents=amounts,
        tax=st.sampled_from((0, 1, 33, 90)),
        paid=st.sampled_from((None, None, Paid.CASH, Paid.DEPOSIT, Paid.ADVANCE)),
    )
    def sell(
        self, party: str, product: str, to: str, cents: int, tax: int, paid: Paid | None
    ) -> None:
        to = LIABILITY if paid in (Paid.DEPOSIT, Paid.ADVANCE) else to
        self._sell(party, product, to, cents, min(tax, cents), paid)

    @rule(cents=amounts)
    def sell_to_anybody(self, cents: int) -> None:
        self._sell(ANONYMOUS, "BOOK", WALLET, cents, 0, Paid.CASH)

    def _sell(
        self, party: str, product: str, to: str, cents: int, tax: int, paid: Paid | None
    ) -> None:
        key = f"T{next(self.numbers)}"

        def modelled() -> None:
            if paid in (Paid.DEPOSIT, Paid.ADVANCE) and cents > self.model.waits(
                party, paid.value.upper()
            ):
                raise RefusedError
            item = self.model.sell(key, party, product, cents, tax=tax, to=to)
            if paid is None:
                self.model.pay_what_is_open({party})
            elif paid is Paid.CASH:
                self._receive(
                    f"CASH-{key}",
                    party,
                    [(CREDIT[to], party, cents)],
                    is_cash=True,
                    named=key,
                    is_own_sale=True,
                )
                self.model.settle([self.model.payments[f"CASH-{key}"]])
            else:
                self.model.pay_from_held(item, paid.value.upper())

        sale = charges.Sale(
            party=party,
            billing_code=product,
            amount=format_amount(cents),
            tax=format_amount(tax) if tax else None,
            tax_code="GST" if tax else None,
            paid=paid,
            account_type=AccountType(to),
            tracking_id=key,
        )
        self.attempt(modelled, lambda: self.office.sell(sale))

    # Payments.

    def _receive(
        self, key: str, payer: str, parts: list[tuple[int, str, int]], **more: object
    ) -> Money:
        money = Money(
            key=key,
            number=len(self.model.payments),
            payer=payer,
            parts=[part for part in parts if part[2]],
            **more,  # type: ignore[arg-type]
        )
        self.model.receive(money)
        return money

    @rule(parent=parents, fee=amounts, discount=st.sampled_from((0, 1, 150, 700)), build=amounts,
          merchant=merchants)  # fmt: skip
    def pay_fees_by_file(
        self, parent: str, fee: int, discount: int, build: int, merchant: str
    ) -> None:
        discount = min(discount, fee)
        [key] = self._send(
            FEES,
            fee_row(
                f"R{next(self.numbers)}",
                parent=parent,
                fee=format_amount(fee),
                build=format_amount(build),
                discount=format_amount(discount),
                batch=str(self.batch),
                merchant=merchant,
            ),
        )
        parts = [
            (CREDIT[LIABILITY], parent, fee - discount),
            (DISCOUNT_LOT, parent, discount),
            (BUILDING, parent, build),
        ]
        money = self._receive(
            key, parent, parts, discount=discount, batch=merchant + str(self.batch)
        )
        self._settle_on_import(money, merchant)

    @rule(nett=amounts, tax=st.sampled_from((0, 1, 90)), merchant=merchants)
    def pay_for_a_hall(self, nett: int, tax: int, merchant: str) -> None:
        [key] = self._send(
            SUNDRY,
            sundry_row(
                f"R{next(self.numbers)}",
                *(format_amount(nett), format_amount(tax)),
                batch=str(self.batch),
                merchant=merchant,
            ),
        )
        guest = str(
            self.office.rows(
                f"SELECT payer FROM payments WHERE account = :account AND payment_id = '{key}'"
            )[0][0]
        )
        self.model.parties.append(guest)
        self._own_sale(key, guest, guest, nett, tax, merchant)

    @rule(
        student=students,
        kind=st.sampled_from("GDDAA"),
        nett=amounts,
        tax=st.sampled_from((0, 0, 90)),
        merchant=merchants,
    )
    def enrol(self, student: str, kind: str, nett: int, tax: int, merchant: str) -> None:
        parent = FAMILIES[student]
        [key] = self._send(
            ENROLMENT,
            enrolment_row(
                f"R{next(self.numbers)}",
                kind,
                *(format_amount(nett), format_amount(tax)),
                parent=parent,
                student=student,
                batch=str(self.batch),
                merchant=merchant,
            ),
        )
        if kind == "G":
            self._own_sale(key, student, parent, nett, tax, merchant)
            return
        source = DEPOSIT if kind == "D" else ADVANCE
        parts = [(CREDIT[source], student, nett + tax)]
        money = self._receive(key, parent, parts, batch=merchant + str(self.batch))
        self._settle_on_import(money, merchant)

    def _own_sale(
        self, key: str, customer: str, payer: str, nett: int, tax: int, merchant: str
    ) -> None:
        self.model.sell(key, customer, "HIRE", nett + tax, tax=tax, occurred=FILE_DAY)
        money = self._receive(
            key,
            payer,
            [(CREDIT[LIABILITY], payer, nett + tax)],
            named=key,
            is_own_sale=True,
            batch=merchant + str(self.batch),
        )
        self._settle_on_import(money, merchant)

    def _settle_on_import(self, money: Money, merchant: str) -> None:
        if merchant == AT_ONCE:
            self.model.settle([money])

    def _send(self, kind: str, row: str) -> list[str]:
        before = set(self.office.keys())
        self.office.send(kind, row)
        self.office.send(kind, row)  # a file that comes again changes nothing
        return sorted(set(self.office.keys()) - before)

    @rule(payer=members, to=targets, cents=amounts, is_cash=st.booleans(), owner=students)
    def pay(self, payer: str, to: str, cents: int, is_cash: bool, owner: str) -> None:
        feeds = to == WALLET and FAMILIES[owner] == payer
        party = owner if feeds else payer
        self._pay(payer, to, cents, is_cash=is_cash, owner=party)

    @rule(which=some, cents=amounts, is_cash=st.booleans())
    def pay_for(self, which: int, cents: int, is_cash: bool) -> None:
        item = self._item(which)
        if item is not None and item.party != ANONYMOUS:
            self._pay(
                *(item.party, item.account_type, cents),
                is_cash=is_cash,
                owner=item.party,
                named=item.key,
            )

    def _pay(
        self,
        payer: str,
        to: str,
        cents: int,
        *,
        is_cash: bool,
        owner: str,
        named: str | None = None,
    ) -> None:
        key = f"P{next(self.numbers)}"

        def modelled() -> None:
            money = self._receive(
                key, payer, [(CREDIT[to], owner, cents)], is_cash=is_cash, named=named
            )
            if is_cash:
                self.model.settle([money])

        payment = payments.Payment(
            payer=payer,
            amount=format_amount(cents),
            method="cash" if is_cash else "check",
            to=AccountType(to),
            for_charge=named,
            for_party=None if owner == payer else owner,
            key=key,
        )
        self.attempt(modelled, lambda: payments.add_payment(self.office.keeper, payment))

    @rule(which=some)
    def settle(self, which: int) -> None:
        money = self._money(which, "pending")
        if money is not None:
            self.attempt(lambda: self.model.settle([money]), lambda: self.office.settle(money.key))

    @rule()
    def settle_batch(self) -> None:
        """All that is pending of the batch settles; the bank's total counts what had settled."""
        name = MERCHANT + str(self.batch)
        mine = [
            money
            for money in self.model.payments.values()
            if money.batch == name and money.status != "voided"
        ]
        if mine:
            total = format_amount(sum(money.amount for money in mine))
            pending = [money for money in mine if money.status == "pending"]
            if pending:
                self.model.settle(pending)
            answer = self.office.settle_batch(str(self.batch), total)
            assert answer["settled_now"] == format_amount(sum(money.amount for money in pending))
            self.batch += 1

    @rule(which=some)
    def take_back(self, which: int) -> None:
        money = self._money(which, "pending")
        if money is not None:
            self.attempt(
                lambda: self.model.take_back(money), lambda: self.office.take_back(money.key)
            )

    @rule(which=some, has_penalty=st.booleans())
    def bounce(self, which: int, has_penalty: bool) -> None:
        money = self._money(which, "settled")
        if money is None:
            return

        def modelled() -> None:
            self.model.bounce(money)
            if has_penalty:
                self.model.sell(f"PENALTY-{money.key}", money.payer, "NSF", PRICES["NSF"])
                self.model.pay_what_is_open({money.payer})

        penalty = "NSF" if has_penalty else None
        self.attempt(modelled, lambda: self.office.bounce(money.key, penalty=penalty))

    # What is taken back, given up, moved and given back.

    @rule(which=some, cents=st.none() | amounts, to=st.sampled_from(RefundTo))
    def refund(self, which: int, cents: int | None, to: RefundTo) -> None:
        item = self._item(which)
        if item is None or (cents is None and not item.left):
            return
        key = f"F{next(self.numbers)}"
        where = RefundTo.CASH if item.party == ANONYMOUS else to
        taken = item.left if cents is None else cents
        self.attempt(
            lambda: self.model.refund(item, taken, where.value, f"PAYOUT-{key}"),
            lambda: refunds.refund_charge(
                self.office.keeper,
                item.key,
                amount=None if cents is None else format_amount(cents),
                to=None if item.party == ANONYMOUS else to,
                key=key,
            ),
        )

    @rule(which=some)
    def refund_by_file(self, which: int) -> None:
        item = self._item(which)
        if item is None or not item.left:
            return
        where = "cash" if item.party == ANONYMOUS else "wallet"
        applied = 1
        try:
            self.model.refund(item, item.left, where, f"PAYOUT-{item.key}")
        except RefusedError:
            applied = 0
        rows = self.office.refund(item.key).rows
        assert rows is not None
        assert (rows.applied, rows.rejected) == (applied, 1 - applied)

    @rule(which=some, cents=st.none() | amounts, is_payout=st.booleans())
    def write_off(self, which: int, cents: int | None, is_payout: bool) -> None:
        item = self._item(which, is_payout=is_payout)
        if item is None:
            return
        key = f"W{next(self.numbers)}"
        given_up = self.model.open(item) if cents is None else cents
        self.attempt(
            lambda: self.model.write_off(item, given_up),
            lambda: refunds.write_off_charge(
                self.office.keeper,
                item.key,
                amount=None if cents is None else format_amount(cents),
                key=key,
            ),
        )

    @rule(
        which=some,
        to=members,
        use=targets,
        cents=amounts,
        across=st.sampled_from((True, True, False)),
    )
    def transfer(self, which: int, to: str, use: str, cents: int, across: bool) -> None:
        party, source = self._waiting(which)
        if (party, source) == (to, use):
            return

        def modelled() -> None:
            if not across and self.model.family(party) != self.model.family(to):
                raise RefusedError
            self.model.transfer(party, source, to, use, cents)

        moved = transfers.Transfer(
            from_party=party,
            source=CreditSource(source),
            to_party=to,
            target=CreditTarget(use),
            amount=format_amount(cents),
            across_families=across,
            key=f"X{next(self.numbers)}",
        )
        self.attempt(modelled, lambda: transfers.add_transfer(self.office.keeper, moved))

    @rule(
        which=some,
        method=st.sampled_from(PayoutMethod),
        cents=st.none() | amounts,
    )
    def pay_out(self, which: int, method: PayoutMethod, cents: int | None) -> None:
        party, source = self._waiting(which)
        key = f"O{next(self.numbers)}"
        asked = payouts.Payout(
            party=party,
            source=CreditSource(source),
            method=method,
            amount=None if cents is None else format_amount(cents),
            key=key,
        )
        self.attempt(
            lambda: self.model.pay_out(key, party, source, method.value, cents),
            lambda: payouts.add_payout(self.office.keeper, asked),
        )

    @rule(which=some)
    def clear(self, which: int) -> None:
        item = self._item(which, is_payout=True)
        if item is not None:
            self.attempt(
                lambda: self.model.clear(item), lambda: payouts.clear(self.office.keeper, item.key)
            )

    @rule(which=some)
    def void_payout(self, which: int) -> None:
        item = self._item(which, is_payout=True)
        if item is not None:
            self.attempt(
                lambda: self.model.void_payout(item),
                lambda: payouts.void(self.office.keeper, item.key),
            )

    # What is done and taken back leaves everything as it was.

    def teardown(self) -> None:
        """Let a payment bounce and a payout be void, at the end of a history that went well."""
        if self.agreed:
            self._settle_and_bounce()
            self._pay_out_and_void()
            self.the_books_say_what_the_model_says()

    def _settle_and_bounce(self) -> None:
        before = self._left()
        self._pay("COLL001", LIABILITY, 2500, is_cash=False, owner="COLL001")
        money = self._money(0, "pending")
        assert money is not None
        self.attempt(lambda: self.model.settle([money]), lambda: self.office.settle(money.key))
        self.attempt(lambda: self.model.bounce(money), lambda: self.office.bounce(money.key))
        assert self._left() == before

    def _pay_out_and_void(self) -> None:
        before = self._left()
        self.pay_out(1, PayoutMethod.CHECK, None)
        if self._left() != before:
            self.void_payout(0)
            assert self._left() == before

    def _left(self) -> tuple[object, ...]:
        """Return what everybody and every account has, nothing left aside."""
        totals = {number: amount for number, amount in self.model.totals.items() if amount}
        return totals, self.model.balances(), +self.model.lots

    @rule(cents=amounts)
    def bring_cash(self, cents: int) -> None:
        key = f"B{next(self.numbers)}"
        self.attempt(
            lambda: self.model.bring_cash(cents),
            lambda: payouts.bring_cash(self.office.keeper, format_amount(cents), key=key),
        )

    def _item(self, which: int, *, is_payout: bool = False) -> Item | None:
        fitting = [
            item
            for item in self.model.items.values()
            if item.amount and item.is_payout is is_payout
        ]
        return fitting[-1 - which % len(fitting)] if fitting else None

    def _money(self, which: int, status: str) -> Money | None:
        fitting = [money for money in self.model.payments.values() if money.status == status]
        return fitting[-1 - which % len(fitting)] if fitting else None

    def _waiting(self, which: int) -> tuple[str, str]:
        """Return a party and what waits there of its own; 0 is who may have nothing."""
        waiting = sorted(
            (party, source)
            for party in self.model.parties
            for source in CREDIT
            if party != ANONYMOUS and self.model.waits(party, source)
        )
        return waiting[which % len(waiting)] if waiting and which else ("S1", WALLET)

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        model, books = self.model, self.office.books
        seen = audit(books)
        seen.check()
        found = {number: amount for number, amount in seen.balances().items() if amount}
        assert found == {number: amount for number, amount in model.totals.items() if amount}
        left = {key: amount for key, amount in seen.by_party().items() if amount}
        assert left == model.balances()
        assert +seen.lots() == +Counter(
            {
                (key, TYPES[account], party): left
                for (key, account, party), left in model.lots.items()
            }
        )
        _hold_discounts_and_anonymous(seen)
        standing = self.office.rows(
            "SELECT tracking_id, allocated, voided, written_off FROM charge_standing"
            " WHERE account = :account"
        )
        assert {str(key): tuple(rest) for key, *rest in standing} == dict(model.standing())
        with books.database.reading() as connection:
            answer = verify_ledger(connection, books.account.account_id, decimals=2)
        assert answer.differences == ()
        assert all(identity.holds for identity in answer.identities)
        self.agreed = True
