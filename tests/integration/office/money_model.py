"""What an office's money does, as plainly as it can be written: lists, loops and no database.

Amounts are in cents. Accounts are told by their numbers, and everything happens on one day; what
days do is told elsewhere. The model knows nothing of batches or SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LIABILITY, WALLET, DEPOSIT, ADVANCE = "LIABILITY", "WALLET", "DEPOSIT", "ADVANCE"
ANONYMOUS, PAYOUT = "ANONYMOUS", "PAYOUT"
BANK, CLEARING, CASH, PENDING, UNDER_WAY = 1000, 1050, 1060, 2050, 2060
DEFERRED, DEFERRED_TAX, TAX, BUILDING, REALISED, DISCOUNTS, BAD_DEBTS = (
    *(2100, 2110, 2200, 2300),
    *(4000, 4900, 4950),
)
CREDIT = {WALLET: 2000, LIABILITY: 2010, DEPOSIT: 2310, ADVANCE: 2320}
DISCOUNT_LOT, HELD = 2015, (2310, 2320)
RECEIVABLE = {LIABILITY: 1100, WALLET: 1110}
OWED_BACK = {LIABILITY: 1120, WALLET: 1130}

LotKey = tuple[str, int, str]


class RefusedError(Exception):
    """The books say no."""


@dataclass(kw_only=True)
class Item:
    """What was sold, or paid out, and what became of it."""

    key: str
    number: int
    party: str
    account_type: str
    product: str
    amount: int
    tax: int
    occurred: str
    source: str = ""
    method: str = ""
    stage: str = ""
    own_lots: frozenset[LotKey] = frozenset()
    voided: int = 0
    voided_tax: int = 0
    written_off: int = 0
    written_off_tax: int = 0

    @property
    def is_payout(self) -> bool:
        return self.product == PAYOUT

    @property
    def left(self) -> int:
        return self.amount - self.voided - self.written_off


@dataclass(kw_only=True)
class Money:
    """A payment: `parts` are accounts, parties and amounts that it becomes once it settles.

    `effects` is what it has done to ledger accounts beside paying items.
    """

    key: str
    number: int
    payer: str
    parts: list[tuple[int, str, int]]
    discount: int = 0
    is_cash: bool = False
    named: str | None = None
    is_own_sale: bool = False
    batch: str = ""
    settled: int = 0
    status: str = "pending"
    effects: Counter[int] = field(default_factory=Counter)

    @property
    def amount(self) -> int:
        return sum(amount for _, _, amount in self.parts) - self.discount


@dataclass(kw_only=True)
class Paid:
    """What a lot pays of an item."""

    lot: LotKey
    item: Item
    amount: int
    tax: int


@dataclass
class MoneyModel:
    """One account's money. `direct` are the products that a payment may pay out of order."""

    families: dict[str, str]
    direct: set[str]
    parties: list[str] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    payments: dict[str, Money] = field(default_factory=dict)
    lots: Counter[LotKey] = field(default_factory=Counter)
    paid: list[Paid] = field(default_factory=list)
    totals: Counter[int] = field(default_factory=Counter)
    given_back: Counter[LotKey] = field(default_factory=Counter)
    transferred: set[str] = field(default_factory=set)
    settlements: int = 0

    def post(self, debit: int, credit: int, amount: int, by: Money | None = None) -> None:
        for effects in (self.totals, *([by.effects] if by else [])):
            effects[debit] += amount
            effects[credit] -= amount

    def family(self, party: str) -> str:
        return self.families.get(party, party)

    def paying(self, item: Item) -> list[Paid]:
        return [paid for paid in self.paid if paid.item is item]

    def allocated(self, item: Item) -> int:
        return sum(paid.amount for paid in self.paying(item))

    def open(self, item: Item) -> int:
        return item.left - self.allocated(item)

    def open_tax(self, item: Item) -> int:
        paid_tax = sum(paid.tax for paid in self.paying(item))
        return item.tax - item.voided_tax - item.written_off_tax - paid_tax

    def waits(self, party: str, source: str) -> int:
        return sum(
            left
            for (_, account, owner), left in self.lots.items()
            if owner == party and account == CREDIT[source]
        )

    def balances(self) -> Counter[tuple[str, str]]:
        """Return what each party has in credit, less what it owes."""
        names = {number: name for name, number in CREDIT.items()} | {DISCOUNT_LOT: LIABILITY}
        sums: Counter[tuple[str, str]] = Counter()
        for (_, account, party), left in self.lots.items():
            sums[party, names[account]] += left
        for item in self.items.values():
            sums[item.party, item.account_type] -= self.open(item)
        return Counter({key: left for key, left in sums.items() if left})

    # Sales, and what pays them.

    def sell(
        self,
        key: str,
        party: str,
        product: str,
        amount: int,
        *,
        tax: int = 0,
        to: str = LIABILITY,
        occurred: str = "today",
    ) -> Item:
        item = Item(
            key=key,
            number=len(self.items),
            party=party,
            account_type=to,
            product=product,
            amount=amount,
            tax=tax,
            occurred=occurred,
        )
        self.items[key] = item
        self.post(RECEIVABLE[to], DEFERRED, amount - tax)
        self.post(RECEIVABLE[to], DEFERRED_TAX, tax)
        return item

    def receive(self, money: Money) -> None:
        self.payments[money.key] = money
        if not money.is_cash:
            self.post(CLEARING, PENDING, money.amount, money)

    def settle(self, chosen: Iterable[Money]) -> None:
        """Let money be in the bank and become credit, which pays at once."""
        chosen = list(chosen)
        self.settlements += 1
        payers = set()
        for money in chosen:
            money.status, money.settled = "settled", self.settlements
            if not money.is_cash:
                self.post(BANK, CLEARING, money.amount, money)
            source = CASH if money.is_cash else PENDING
            for account, party, amount in money.parts:
                self.post(DISCOUNTS if account == DISCOUNT_LOT else source, account, amount, money)
                if account != BUILDING:
                    self.lots[money.key, account, party] += amount
                    payers |= set() if account in HELD else {party}
        self.pay_what_is_open(payers)

    def take_back(self, money: Money) -> None:
        if money.status != "pending":
            raise RefusedError
        money.status = "voided"
        self._turn_effects(money)

    def bounce(self, money: Money) -> None:
        """Undo all that a payment did."""
        if money.status != "settled" or (money.is_cash and money.amount > self.totals[CASH]):
            raise RefusedError
        money.status = "returned"
        undone = [paid for paid in self.paid if paid.lot[0] == money.key]
        for paid in undone:
            self._undo(paid)
        self._turn_effects(money)
        for key in self.lots:
            if key[0] == money.key:
                self.lots[key] = 0
                self.given_back.pop(key, None)
        self.pay_what_is_open({paid.item.party for paid in undone})

    def _turn_effects(self, money: Money) -> None:
        self.totals.subtract(money.effects)
        money.effects.clear()

    # Paying.

    def _order(self, key: LotKey) -> tuple[int, int, int, int]:
        money = self.payments[key[0]]
        return money.settled, money.number, key[1], self.parties.index(key[2])

    def _waiting(self, parties: Iterable[str]) -> list[LotKey]:
        """Return the lots that may pay by themselves in the families and wallets of parties."""
        parties = set(parties)
        families = {self.family(party) for party in parties}
        mine = [
            key
            for key, left in self.lots.items()
            if left
            and (
                (key[1] == CREDIT[WALLET] and key[2] in parties)
                or (key[1] in (CREDIT[LIABILITY], DISCOUNT_LOT) and self.family(key[2]) in families)
            )
        ]
        return sorted(mine, key=self._order)

    def _may_pay(self, key: LotKey, item: Item) -> bool:
        _, account, party = key
        if account == CREDIT[WALLET]:
            return item.account_type == WALLET and party == item.party
        is_theirs = self.family(party) == self.family(item.party)
        is_discount_of_payout = account == DISCOUNT_LOT and item.is_payout
        return item.account_type == LIABILITY and is_theirs and not is_discount_of_payout

    def pay_what_is_open(self, parties: Iterable[str]) -> None:
        """Let credit that waits pay: the item that its payment names first, then the oldest."""
        lots = self._waiting(parties)
        fresh: list[Paid] = []
        for key in lots:
            money = self.payments[key[0]]
            named = self.items.get(money.named or "")
            if named is None or not self._may_pay(key, named):
                continue
            if money.is_own_sale or named.product in self.direct:
                fresh += self._pay(key, named)
        self._number(fresh)
        fresh = []
        items = sorted(self.items.values(), key=lambda item: (item.occurred, item.number))
        for key in lots:
            for item in items:
                if key[2] != ANONYMOUS and self._may_pay(key, item):
                    fresh += self._pay(key, item)
        self._number(fresh)

    def _number(self, fresh: list[Paid]) -> None:
        """Allocations of one step stand in the order of payments and items."""
        del self.paid[len(self.paid) - len(fresh) :]
        self.paid += sorted(
            fresh,
            key=lambda paid: (
                *(self.payments[paid.lot[0]].number, paid.item.number),
                *(paid.lot[1], self.parties.index(paid.lot[2])),
            ),
        )

    def _pay(self, key: LotKey, item: Item, most: int | None = None) -> list[Paid]:
        amount = min(self.lots[key], self.open(item), *([] if most is None else [most]))
        if amount <= 0:
            return []
        tax = self._share(
            item, amount, self.allocated(item), sum(paid.tax for paid in self.paying(item))
        )
        paid = Paid(lot=key, item=item, amount=amount, tax=tax)
        self.paid.append(paid)
        self._post_paid(paid, 1)
        return [paid]

    def _share(self, item: Item, amount: int, done: int, done_tax: int) -> int:
        """Return which part of an amount of what is open is tax: all parts add up exactly."""
        open_tax = self.open_tax(item)
        share = item.tax * (done + amount) // item.amount - done_tax
        share = max(share, 0, amount - (self.open(item) - open_tax))
        return min(share, amount, open_tax)

    def _post_paid(self, paid: Paid, sign: int) -> None:
        item, amount, tax = paid.item, sign * paid.amount, sign * paid.tax
        self.lots[paid.lot] -= amount
        self.post(
            paid.lot[1], (OWED_BACK if item.is_payout else RECEIVABLE)[item.account_type], amount
        )
        if not item.is_payout:
            self.post(DEFERRED, REALISED, amount - tax)
            self.post(DEFERRED_TAX, TAX, tax)

    def _undo(self, paid: Paid) -> None:
        self.paid = [other for other in self.paid if other is not paid]
        self._post_paid(paid, -1)

    # What is taken back, given up, moved and given back.

    def refund(self, item: Item, amount: int, to: str, payout: str) -> None:
        """Take so much of an item back, what is open first; what was paid goes to the wallet."""
        if amount > item.left or not item.left:
            raise RefusedError
        if to == "cash" and self._money_of(item, amount) > self.totals[CASH]:
            raise RefusedError
        needed, reached = amount - self.open(item), []
        for paid in reversed(self.paying(item)):
            if needed > 0:
                self._undo(paid)
                reached.append((paid, max(paid.amount - needed, 0)))
                needed -= paid.amount
        tax = self._share(item, amount, item.voided, item.voided_tax)
        item.voided, item.voided_tax = item.voided + amount, item.voided_tax + tax
        self.post(DEFERRED, RECEIVABLE[item.account_type], amount - tax)
        self.post(DEFERRED_TAX, RECEIVABLE[item.account_type], tax)
        kept = []
        for paid, stays in sorted(reached, key=lambda pair: self._order(pair[0].lot)):
            kept += self._pay(paid.lot, item, stays) if stays else []
        self._number(kept)
        freed: Counter[LotKey] = Counter()
        for paid, stays in reached:
            self._give_to_wallet(paid.lot, item.party, paid.amount - stays, freed)
        if to != WALLET.lower() and freed:
            self._pay_out(payout, item.party, WALLET, to, freed)
        self.pay_what_is_open({item.party})

    def _money_of(self, item: Item, amount: int) -> int:
        """Return what a refund frees of money, discounts left aside."""
        needed, money = amount - self.open(item), 0
        for paid in reversed(self.paying(item)):
            freed = max(0, min(paid.amount, needed))
            money += freed if paid.lot[1] != DISCOUNT_LOT else 0
            needed -= paid.amount
        return money

    def _give_to_wallet(self, key: LotKey, party: str, amount: int, freed: Counter[LotKey]) -> None:
        payment, account, _ = key
        if account == DISCOUNT_LOT:
            self._move(key, None, amount)
        elif amount:
            target = payment, CREDIT[WALLET], party
            if key != target:
                self._move(key, target, amount)
            freed[target] += amount

    def _move(self, key: LotKey, target: LotKey | None, amount: int) -> None:
        """Move a lot's credit to another of its payment, or a discount back to 4900."""
        self.lots[key] -= amount
        self.post(key[1], DISCOUNTS if target is None else target[1], amount, self.payments[key[0]])
        if target is not None:
            self.lots[target] += amount

    def _choose(self, party: str, source: str, amount: int) -> Counter[LotKey]:
        """Return a party's own lots, the oldest settled first, up to an amount."""
        if not 0 < amount <= self.waits(party, source):
            raise RefusedError
        mine = [key for key in self.lots if key[1:] == (CREDIT[source], party) and self.lots[key]]
        chosen: Counter[LotKey] = Counter()
        for key in sorted(mine, key=self._order):
            taken = min(self.lots[key], amount)
            if taken:
                chosen[key] = taken
                amount -= taken
        return chosen

    def _move_chosen(self, chosen: Counter[LotKey], source: str, party: str) -> Counter[LotKey]:
        moved: Counter[LotKey] = Counter()
        for key, amount in chosen.items():
            target = key[0], CREDIT[source], party
            self._move(key, target, amount)
            moved[target] += amount
        self._give_discounts_back(chosen)
        self.transferred |= {key[0] for key in chosen}
        return moved

    def _give_discounts_back(self, chosen: Iterable[LotKey]) -> Counter[LotKey]:
        payments = {key[0] for key in chosen}
        given: Counter[LotKey] = Counter()
        for key, left in list(self.lots.items()):
            if key[0] in payments and key[1] == DISCOUNT_LOT and left:
                self._move(key, None, left)
                given[key] += left
        return given

    def transfer(self, party: str, source: str, to: str, target: str, amount: int) -> None:
        self._move_chosen(self._choose(party, source, amount), target, to)
        self.pay_what_is_open({to})

    def pay_from_held(self, item: Item, source: str) -> None:
        """Let a deposit or an advance pay a new sale, whole."""
        if not item.amount:
            return
        moved = self._move_chosen(
            self._choose(item.party, source, item.amount), LIABILITY, item.party
        )
        self._number(
            [paid for key in sorted(moved, key=self._order) for paid in self._pay(key, item)]
        )

    def pay_out(self, key: str, party: str, source: str, method: str, amount: int | None) -> None:
        amount = self.waits(party, source) if amount is None else amount
        chosen = self._choose(party, source, amount)
        if method == "cash" and amount > self.totals[CASH]:
            raise RefusedError
        if CREDIT[source] in HELD:
            chosen = self._move_chosen(chosen, LIABILITY, party)
        self._pay_out(key, party, source, method, chosen)

    def _pay_out(
        self, key: str, party: str, source: str, method: str, chosen: Counter[LotKey]
    ) -> None:
        account_type = WALLET if source == WALLET else LIABILITY
        amount = chosen.total()
        item = Item(
            key=key,
            number=len(self.items),
            party=party,
            account_type=account_type,
            product=PAYOUT,
            amount=amount,
            tax=0,
            occurred="today",
            source=source,
            method=method,
            stage="cleared" if method == "cash" else "pending",
            own_lots=frozenset(chosen),
        )
        self.items[key] = item
        self.post(OWED_BACK[account_type], CASH if method == "cash" else UNDER_WAY, amount)
        self._number([paid for lot, left in chosen.items() for paid in self._pay(lot, item, left)])
        self.given_back += self._give_discounts_back(chosen)

    def clear(self, item: Item) -> None:
        if item.stage == "voided":
            raise RefusedError
        if item.stage == "pending":
            item.stage = "cleared"
            self.post(UNDER_WAY, BANK, item.amount)

    def void_payout(self, item: Item) -> None:
        """Take a payout back: its credit waits where it came from."""
        if item.stage == "voided":
            return
        if item.method == "cash":
            raise RefusedError
        payments = {paid.lot[0] for paid in self.paying(item) if paid.lot in item.own_lots}
        for paid in self.paying(item):
            self._undo(paid)
            if CREDIT[item.source] in HELD and paid.lot in item.own_lots:
                origin = paid.lot[0], CREDIT[item.source], item.party
                self._move(paid.lot, origin, paid.amount)
        owed = OWED_BACK[item.account_type]
        if item.stage == "cleared":
            self.post(BANK, UNDER_WAY, item.amount)
        self.post(UNDER_WAY, owed, item.amount)
        self.post(owed, BAD_DEBTS, item.written_off)
        item.stage, item.voided, item.written_off = "voided", item.amount, 0
        self.pay_what_is_open({item.party} | self._let_discounts_wait(payments))

    def _let_discounts_wait(self, payments: set[str]) -> set[str]:
        """Take back what payouts gave back of discounts, of payments whose cash is all there."""
        out = {
            paid.lot[0]
            for paid in self.paid
            if paid.item.is_payout and paid.lot in paid.item.own_lots
        }
        parties = set()
        for key, given in list(self.given_back.items()):
            if key[0] in payments - out - self.transferred:
                self._move(key, None, -given)
                del self.given_back[key]
                parties.add(key[2])
        return parties

    def write_off(self, item: Item, amount: int) -> None:
        if not 0 < amount <= self.open(item):
            raise RefusedError
        if item.is_payout:
            self.post(BAD_DEBTS, OWED_BACK[item.account_type], amount)
        else:
            tax = self._share(item, amount, item.written_off, item.written_off_tax)
            item.written_off_tax += tax
            self.post(DEFERRED, RECEIVABLE[item.account_type], amount - tax)
            self.post(DEFERRED_TAX, RECEIVABLE[item.account_type], tax)
        item.written_off += amount

    def bring_cash(self, amount: int) -> None:
        if amount > self.totals[CASH]:
            raise RefusedError
        self.post(BANK, CASH, amount)

    def standing(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Tell of each item what was paid, taken back and written off."""
        for item in self.items.values():
            yield item.key, (self.allocated(item), item.voided, item.written_off)
