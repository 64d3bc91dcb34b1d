"""What the ledger's rules say, as plainly as they can be written: lists, loops and no database.

Amounts are in cents, days are text. The model knows nothing of batches, postings or SQL; it is
what the books are compared with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LIABILITY, WALLET = "LIABILITY", "WALLET"
ANONYMOUS, PAYOUT = "ANONYMOUS", "PAYOUT"
FAMILIES = {"S1": "family", "S2": "family", "COLL001": "family"}

LotKey = tuple[str, str, str]
Occurred = tuple[str, int, int]


class RefusedError(Exception):
    """The books say no."""


@dataclass(kw_only=True)
class ModelCharge:
    """A sale. `occurred` and `arrival` order it; `on` is its day in the books."""

    key: str
    party: str
    account_type: str
    product: str
    amount: int
    occurred: Occurred
    arrival: int
    on: str
    open_on: str = ""
    void_on: str | None = None
    refunded_on: str | None = None

    @property
    def is_payout(self) -> bool:
        return self.product == PAYOUT


@dataclass(kw_only=True)
class ModelPayment:
    """Money that somebody gave; `sold` is the sale that it was given for over the counter."""

    key: str
    payer: str
    to: str
    amount: int
    is_cash: bool
    named: str | None
    sold: str | None
    received_on: str
    settled_on: str | None = None
    returned_on: str | None = None
    voided_on: str | None = None

    @property
    def status(self) -> str:
        if self.voided_on or self.returned_on:
            return "voided" if self.voided_on else "returned"
        return "settled" if self.settled_on else "pending"


@dataclass(kw_only=True)
class Lot:
    """Credit of one payment on one balance; `order` is when the payment settled."""

    payment: ModelPayment
    account_type: str
    party: str
    order: tuple[int, int]
    available_on: str
    remaining: int

    @property
    def key(self) -> LotKey:
        return self.payment.key, self.account_type, self.party


@dataclass(kw_only=True)
class ModelAllocation:
    """What a lot paid of a charge, from one day on and perhaps to another."""

    lot: Lot
    charge: ModelCharge
    amount: int
    rule: str
    on: str
    undone_on: str | None = None


@dataclass(kw_only=True)
class Move:
    """What a refund moved from fees credit to a wallet."""

    payment: ModelPayment
    origin: LotKey
    target: LotKey
    amount: int
    on: str


@dataclass
class Model:
    """One account's books. `direct` are the products that a payment may pay out of order."""

    prices: dict[str, int]
    sorts: dict[str, int]
    direct: set[str]
    charges: dict[str, ModelCharge] = field(default_factory=dict)
    payments: dict[str, ModelPayment] = field(default_factory=dict)
    lots: dict[LotKey, Lot] = field(default_factory=dict)
    allocations: list[ModelAllocation] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    open_from: str = ""
    settlements: int = 0

    def family(self, party: str) -> str:
        return FAMILIES.get(party, party)

    def shares(self, payer: str, charge: ModelCharge) -> bool:
        """Tell whether a party's credit may pay a charge."""
        if charge.account_type == WALLET:
            return payer == charge.party
        return self.family(payer) == self.family(charge.party)

    def live(self) -> Iterator[ModelAllocation]:
        return (paid for paid in self.allocations if paid.undone_on is None)

    def allocated(self) -> Counter[tuple[LotKey, str, str]]:
        sums: Counter[tuple[LotKey, str, str]] = Counter()
        for paid in self.live():
            sums[paid.lot.key, paid.charge.key, paid.rule] += paid.amount
        return sums

    def paid(self, charge: ModelCharge) -> int:
        return sum(paid.amount for paid in self.live() if paid.charge is charge)

    def open(self, charge: ModelCharge) -> int:
        return 0 if charge.void_on else charge.amount - self.paid(charge)

    def status(self, charge: ModelCharge) -> str:
        if charge.void_on:
            return "void"
        if not self.open(charge):
            return "paid"
        return "partial" if self.paid(charge) else "unpaid"

    def balances(self) -> Counter[tuple[str, str]]:
        sums: Counter[tuple[str, str]] = Counter()
        for charge in self.charges.values():
            sums[charge.party, charge.account_type] -= self.open(charge)
        for lot in self.lots.values():
            sums[lot.party, lot.account_type] += lot.remaining
        return sums

    def refuse_day(self, on: str) -> None:
        if on < self.open_from:
            raise RefusedError

    def add_charge(self, **values: object) -> ModelCharge:
        charge = ModelCharge(arrival=len(self.charges), **values)  # type: ignore[arg-type]
        self.charges[charge.key] = charge
        return charge

    def add_payment(self, **values: object) -> ModelPayment:
        payment = ModelPayment(**values)  # type: ignore[arg-type]
        self.payments[payment.key] = payment
        if payment.is_cash:
            self._settle(payment, payment.received_on)
        return payment

    def settle(self, payment: ModelPayment, on: str) -> None:
        if payment.settled_on == on and payment.status == "settled":
            return
        self.refuse_day(on)
        if payment.status != "pending" or on < payment.received_on:
            raise RefusedError
        self._settle(payment, on)

    def _settle(self, payment: ModelPayment, on: str) -> None:
        self.settlements += 1
        payment.settled_on = on
        lot = Lot(
            payment=payment,
            account_type=payment.to,
            party=payment.payer,
            order=(self.settlements, list(self.payments).index(payment.key)),
            available_on=on,
            remaining=payment.amount,
        )
        self.lots[lot.key] = lot
        self.pay_what_is_open()

    def take_back(self, payment: ModelPayment, on: str) -> None:
        if payment.voided_on == on:
            return
        self.refuse_day(on)
        if payment.status != "pending" or on < payment.received_on:
            raise RefusedError
        payment.voided_on = on

    def give_back(self, payment: ModelPayment, on: str) -> None:
        """Return a settled payment: all that it did is undone."""
        self.refuse_day(on)
        if payment.status != "settled" or on < str(payment.settled_on):
            raise RefusedError
        if payment.is_cash and payment.amount > self.cash_since(on):
            raise RefusedError
        mine = [paid for paid in self.allocations if paid.lot.payment is payment]
        self._refuse_to_rewrite(mine, on)
        for paid in mine:
            if paid.undone_on is None:
                self._undo(paid, on)
        for lot in self.lots.values():
            if lot.payment is payment:
                lot.remaining = 0
        payment.returned_on = on
        self.pay_what_is_open(not_before=on)

    def refund(self, charges: Iterable[ModelCharge], on: str) -> None:
        """Take charges back; what was paid for them goes to the wallet."""
        for charge in charges:
            freed = [paid for paid in self.live() if paid.charge is charge]
            for paid in freed:
                self._undo(paid, on)
                self._move_to_wallet(paid)
            charge.void_on, charge.refunded_on = max(charge.on, on), on
            if charge.party == ANONYMOUS and freed:
                self._give_cash_back(charge, freed, on)
        self.pay_what_is_open(not_before=on)

    def refund_by_command(self, charge: ModelCharge, on: str) -> None:
        if charge.refunded_on == on:
            return
        self.refuse_day(on)
        if charge.void_on or on < charge.on:
            raise RefusedError
        self._refuse_to_rewrite([paid for paid in self.allocations if paid.charge is charge], on)
        if charge.party == ANONYMOUS and self.paid(charge) > self.cash_since(on):
            raise RefusedError
        self.refund([charge], on)

    def _give_cash_back(
        self, charge: ModelCharge, freed: Iterable[ModelAllocation], on: str
    ) -> None:
        """Pay out what a refund has just moved to the wallet of nobody in particular."""
        payout = self.add_charge(
            key=f"PAYOUT-{charge.key}",
            party=ANONYMOUS,
            account_type=WALLET,
            product=PAYOUT,
            amount=sum(paid.amount for paid in freed),
            occurred=(on, 2, 0),
            on=on,
        )
        for paid in freed:
            self._pay(self.lots[paid.lot.payment.key, WALLET, ANONYMOUS], payout, "payout", on)

    def _refuse_to_rewrite(self, allocations: Iterable[ModelAllocation], on: str) -> None:
        """What was paid until some later day cannot be undone before it once more."""
        for paid in allocations:
            if paid.undone_on and paid.undone_on > max(on, paid.on):
                raise RefusedError

    def _undo(self, paid: ModelAllocation, on: str) -> None:
        paid.undone_on = max(paid.on, on)
        paid.charge.open_on = max(paid.charge.open_on, paid.undone_on)
        paid.lot.available_on = max(paid.lot.available_on, paid.undone_on)
        paid.lot.remaining += paid.amount

    def _move_to_wallet(self, paid: ModelAllocation) -> None:
        origin, on = paid.lot, str(paid.undone_on)
        if origin.account_type == WALLET:
            return
        target = self.lots.setdefault(
            (origin.payment.key, WALLET, paid.charge.party),
            Lot(
                payment=origin.payment,
                account_type=WALLET,
                party=paid.charge.party,
                order=origin.order,
                available_on=origin.available_on,
                remaining=0,
            ),
        )
        target.available_on = max(target.available_on, origin.available_on)
        origin.remaining -= paid.amount
        target.remaining += paid.amount
        self.moves.append(
            Move(
                payment=origin.payment,
                origin=origin.key,
                target=target.key,
                amount=paid.amount,
                on=on,
            )
        )

    def pay_what_is_open(self, *, not_before: str = "") -> None:
        """Let credit that waits pay: the charge that its payment names first, then the oldest."""
        lots = sorted(self.lots.values(), key=lambda lot: lot.order)
        for lot in lots:
            named = self.charges.get(lot.payment.sold or lot.payment.named or "")
            if named is None or not self._may_pay(lot, named):
                continue
            if lot.payment.sold:
                self._pay(lot, named, "cash_sale", not_before)
            elif named.product in self.direct:
                self._pay(lot, named, "directed", not_before)
        charges = sorted(
            self.charges.values(),
            key=lambda c: (c.occurred, self.sorts.get(c.product, 0), c.arrival),
        )
        for lot in lots:
            for charge in charges:
                if lot.party != ANONYMOUS and self._may_pay(lot, charge):
                    self._pay(lot, charge, "oldest_first", not_before)

    def _may_pay(self, lot: Lot, charge: ModelCharge) -> bool:
        return lot.account_type == charge.account_type and self.shares(lot.party, charge)

    def _pay(self, lot: Lot, charge: ModelCharge, rule: str, not_before: str) -> None:
        amount = min(lot.remaining, self.open(charge))
        if amount <= 0:
            return
        lot.remaining -= amount
        on = max(charge.on, charge.open_on, lot.available_on, not_before, self.open_from)
        self.allocations.append(
            ModelAllocation(lot=lot, charge=charge, amount=amount, rule=rule, on=on)
        )

    def open_as_of(self, day: str) -> dict[str, int]:
        """Return what of each charge was open on a day."""
        left = {charge.key: charge.amount for charge in self.charges.values() if charge.on <= day}
        for charge in self.charges.values():
            if charge.void_on and charge.void_on <= day:
                left[charge.key] -= charge.amount
        for paid in self.allocations:
            if paid.on <= day:
                left[paid.charge.key] -= paid.amount
            if paid.undone_on and paid.undone_on <= day:
                left[paid.charge.key] += paid.amount
        return left

    def credit_as_of(self, day: str) -> Counter[LotKey]:
        """Return what credit of each payment was left on a day."""
        left: Counter[LotKey] = Counter()
        for payment in self.payments.values():
            key = (payment.key, payment.to, payment.payer)
            left[key] += payment.amount * happened(payment.settled_on, day)
            left[key] -= payment.amount * happened(payment.returned_on, day)
        for paid in self.allocations:
            left[paid.lot.key] -= paid.amount * happened(paid.on, day)
            left[paid.lot.key] += paid.amount * happened(paid.undone_on, day)
        for move in self.moves:
            returned = move.payment.returned_on
            taken_back_on = None if returned is None else max(move.on, returned)
            amount = move.amount * (happened(move.on, day) - happened(taken_back_on, day))
            left[move.origin] -= amount
            left[move.target] += amount
        return left

    def cash_since(self, day: str) -> int:
        """Return what is in the cash box on a day and on every later one."""
        days = {str(payment.settled_on) for payment in self.payments.values()}
        days |= {str(payment.returned_on) for payment in self.payments.values()}
        days |= {charge.on for charge in self.charges.values() if charge.is_payout}
        return min(
            self.money_as_of(later, is_cash=True)
            for later in (day, *days - {"None"})
            if later >= day
        )

    def money_as_of(self, day: str, *, is_cash: bool) -> int:
        """Return what was in the bank, or in the cash box, on a day."""
        came = sum(
            payment.amount
            * (happened(payment.settled_on, day) - happened(payment.returned_on, day))
            for payment in self.payments.values()
            if payment.is_cash is is_cash
        )
        went = sum(
            charge.amount
            for charge in self.charges.values()
            if is_cash and charge.is_payout and charge.on <= day
        )
        return came - went

    def pending_as_of(self, day: str) -> int:
        """Return what was received and had neither settled nor been taken back on a day."""
        return sum(
            payment.amount
            * (
                happened(payment.received_on, day)
                - happened(payment.settled_on, day)
                - happened(payment.voided_on, day)
            )
            for payment in self.payments.values()
            if not payment.is_cash
        )


def happened(event_on: str | None, day: str) -> bool:
    """Tell whether something had happened by a day."""
    return event_on is not None and event_on <= day
