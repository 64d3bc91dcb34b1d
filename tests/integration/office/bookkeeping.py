"""The books read posting by posting, so that nothing that ingestd adds up is taken on trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingestd.ledger.books.chart import LedgerAccount as Ledger
from ingestd.values.days import Day
from tests.integration.ledger.conftest import Books

RECEIVABLES = (Ledger.RECEIVABLE_FEES, Ledger.RECEIVABLE_WALLET)
PAID_OUT = (Ledger.PAID_OUT_FEES, Ledger.PAID_OUT_WALLET)
OPEN_ITEMS = (*RECEIVABLES, *PAID_OUT)
TYPES: dict[int, str] = {
    Ledger.UNAPPLIED_FEES: "LIABILITY",
    Ledger.UNAPPLIED_DISCOUNTS: "DISCOUNT",
    Ledger.WALLET_CREDIT: "WALLET",
    Ledger.DEPOSITS: "DEPOSIT",
    Ledger.ADVANCES: "ADVANCE",
}
HELD = (Ledger.BUILDING_FUND, Ledger.OTHER_GL, Ledger.TAX)
BALANCES = TYPES | {
    Ledger.UNAPPLIED_DISCOUNTS: "LIABILITY",
    Ledger.RECEIVABLE_FEES: "LIABILITY",
    Ledger.PAID_OUT_FEES: "LIABILITY",
    Ledger.RECEIVABLE_WALLET: "WALLET",
    Ledger.PAID_OUT_WALLET: "WALLET",
}
ALWAYS = "9999-12-31"

LotKey = tuple[str, str, str]


@dataclass(frozen=True)
class Posting:
    """One posting, with the names of what it moves."""

    on: str
    debit: int
    credit: int
    amount: int
    debit_party: str
    credit_party: str
    tracking_id: str
    payment_id: str
    billing_code: str


@dataclass(frozen=True)
class Audit:
    """All postings of one account, the projections that must agree with them, what pays what."""

    postings: tuple[Posting, ...]
    amounts: dict[str, int]
    charged_on: dict[str, str]
    stated_open: dict[str, int]
    queued_open: dict[str, int]
    stated_lots: dict[LotKey, int]
    allocated: Counter[tuple[LotKey, str, str]]

    @property
    def days(self) -> list[str]:
        return sorted({posting.on for posting in self.postings})

    def until(self, day: str) -> Iterable[Posting]:
        return (posting for posting in self.postings if posting.on <= day)

    def balances(self, day: str = ALWAYS) -> Counter[int]:
        """Return each ledger account's debit balance."""
        sums: Counter[int] = Counter()
        for posting in self.until(day):
            sums[posting.debit] += posting.amount
            sums[posting.credit] -= posting.amount
        return sums

    def by_product(self, account: Ledger) -> Counter[str]:
        """Return an account's credit balance product by product."""
        sums: Counter[str] = Counter()
        for posting in self.postings:
            sign = (posting.credit == account) - (posting.debit == account)
            sums[posting.billing_code] += sign * posting.amount
        return Counter({code: amount for code, amount in sums.items() if amount})

    def open(self, day: str = ALWAYS) -> dict[str, int]:
        """Return what of each charge is open, payouts that are owed back among them."""
        left = {key: 0 for key, on in self.charged_on.items() if on <= day}
        for posting in self.until(day):
            if posting.debit in OPEN_ITEMS:
                left[posting.tracking_id] += posting.amount
            if posting.credit in OPEN_ITEMS:
                left[posting.tracking_id] -= posting.amount
        return left

    def by_party(self, day: str = ALWAYS) -> dict[tuple[str, str], int]:
        """Return what each party has in credit, less what it owes, balance by balance."""
        left: dict[tuple[str, str], int] = {}
        for posting in self.until(day):
            for account, party, sign in (
                (posting.credit, posting.credit_party, 1),
                (posting.debit, posting.debit_party, -1),
            ):
                if account in BALANCES and party:
                    key = party, BALANCES[account]
                    left[key] = left.get(key, 0) + sign * posting.amount
        return left

    def lots(self, day: str = ALWAYS) -> Counter[LotKey]:
        """Return what is left of each payment's credit, balance by balance."""
        left: Counter[LotKey] = Counter()
        for posting in self.until(day):
            for account, kind in TYPES.items():
                if posting.credit == account:
                    left[posting.payment_id, kind, posting.credit_party] += posting.amount
                if posting.debit == account:
                    left[posting.payment_id, kind, posting.debit_party] -= posting.amount
        return left

    def check(self, day: str = ALWAYS) -> None:
        """Assert the identities as of a day; the projections speak for the present."""
        total = self.balances(day)
        receivable = sum(total[account] for account in RECEIVABLES)
        deferred = -total[Ledger.DEFERRED_REVENUE] - total[Ledger.DEFERRED_TAX]
        assert receivable == deferred, f"I1 as of {day}"
        money = (Ledger.BANK, Ledger.CASH, *PAID_OUT)
        realised = (Ledger.REALISED_REVENUE, Ledger.DISCOUNTS, Ledger.BAD_DEBTS)
        owed = (*TYPES, *HELD, Ledger.PAYOUTS_UNDER_WAY)
        assert sum(total[number] for number in (*money, *realised, *owed)) == 0, f"I2 as of {day}"
        assert total[Ledger.CLEARING] == -total[Ledger.PENDING_RECEIPTS] >= 0, f"I3 as of {day}"
        assert total[Ledger.TRANSFERS] == 0, f"I3 as of {day}"
        lots, left_open = self.lots(day), self.open(day)
        assert not {key: left for key, left in lots.items() if left < 0}, f"I4 as of {day}"
        assert sum(lots.values()) == -sum(total[number] for number in TYPES), f"I6 as of {day}"
        outside = {k: left for k, left in left_open.items() if not 0 <= left <= self.amounts[k]}
        assert not outside, f"I5 as of {day}"
        if day == ALWAYS:
            assert +lots == +Counter(self.stated_lots), "credit_lot says what the postings say"
            assert left_open == self.stated_open, "charge_state says what the postings say"
            still_open = {key: left for key, left in left_open.items() if left}
            assert still_open == self.queued_open, "open_charge says what the postings say"


def audit(books: Books) -> Audit:
    """Read one account's books."""
    account = {"account": books.account.account_id}
    with books.database.reading() as connection:

        def rows(statement: str) -> Sequence[sa.Row[Any]]:
            return connection.execute(sa.text(statement), account).all()

        parties = _names(rows("SELECT party_no, party_code FROM party WHERE account = :account"))
        payments = _names(
            rows("SELECT payment_no, payment_id FROM payment WHERE account = :account")
        )
        charges = rows(
            "SELECT c.charge_no, c.tracking_id, c.amount, c.effective_on,"
            " c.amount - COALESCE(t.allocated, 0) - COALESCE(t.voided, 0)"
            " - COALESCE(t.written_off, 0) AS left_open,"
            " o.amount AS queued FROM charge c"
            " LEFT JOIN open_charge o ON o.account = c.account AND o.charge_no = c.charge_no"
            " LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no"
            " WHERE c.account = :account"
        )
        postings = rows(
            "SELECT p.*, k.code AS billing_code FROM posting p LEFT JOIN code k"
            " ON k.account = p.account AND k.code_no = p.product_no"
            " WHERE p.account = :account ORDER BY p.posting_no"
        )
        lots = rows("SELECT * FROM credit_lot WHERE account = :account")
        allocations = rows(
            "SELECT * FROM live_allocation WHERE account = :account ORDER BY allocation_no"
        )
    tracking_ids = _names([row[:2] for row in charges])

    def lot(row: sa.Row[Any]) -> LotKey:
        return payments[row.payment_no], TYPES[row.credit_account], parties[row.party_no]

    allocated: Counter[tuple[LotKey, str, str]] = Counter()
    for row in allocations:
        allocated[lot(row), tracking_ids[row.charge_no], row.rule] += row.amount
    return Audit(
        postings=tuple(
            Posting(
                on=str(Day(row.effective_on)),
                debit=row.debit_account,
                credit=row.credit_account,
                amount=row.amount,
                debit_party=parties[row.debit_party_no],
                credit_party=parties[row.credit_party_no],
                tracking_id=tracking_ids[row.charge_no],
                payment_id=payments[row.payment_no],
                billing_code=row.billing_code or "",
            )
            for row in postings
        ),
        amounts={row.tracking_id: row.amount for row in charges},
        charged_on={row.tracking_id: str(Day(row.effective_on)) for row in charges},
        stated_open={row.tracking_id: row.left_open for row in charges},
        queued_open={row.tracking_id: row.queued for row in charges if row.queued is not None},
        stated_lots={lot(row): row.remaining for row in lots},
        allocated=allocated,
    )


def _names(rows: Iterable[Sequence[Any]]) -> dict[int | None, str]:
    return {None: ""} | {row[0]: row[1] for row in rows}
