"""The books read posting by posting, so that nothing that ingestd adds up is taken on trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from ingestd.ledger.chart import LedgerAccount as Ledger
from tests.integration.ledger.conftest import Books

RECEIVABLES = (Ledger.RECEIVABLE_FEES, Ledger.RECEIVABLE_WALLET)
CREDITS = (Ledger.UNAPPLIED_FEES, Ledger.WALLET_CREDIT)
HELD = (Ledger.BUILDING_FUND, Ledger.DEPOSITS, Ledger.ADVANCES, Ledger.OTHER_GL, Ledger.TAX)
TYPES = {Ledger.UNAPPLIED_FEES: "LIABILITY", Ledger.WALLET_CREDIT: "WALLET"}
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
    """All postings of one account, and the two projections that must agree with them."""

    postings: tuple[Posting, ...]
    amounts: dict[str, int]
    charged_on: dict[str, str]
    stated_open: dict[str, int]
    stated_lots: dict[LotKey, int]

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
        """Return what of each charge is open on the receivables."""
        left = {key: 0 for key, on in self.charged_on.items() if on <= day}
        for posting in self.until(day):
            if posting.debit in RECEIVABLES:
                left[posting.tracking_id] += posting.amount
            if posting.credit in RECEIVABLES:
                left[posting.tracking_id] -= posting.amount
        return left

    def lots(self, day: str = ALWAYS) -> Counter[LotKey]:
        """Return what is left of each payment's credit, balance by balance."""
        left: Counter[LotKey] = Counter()
        for posting in self.until(day):
            for account in CREDITS:
                kind = TYPES[account]
                if posting.credit == account:
                    left[posting.payment_id, kind, posting.credit_party] += posting.amount
                if posting.debit == account:
                    left[posting.payment_id, kind, posting.debit_party] -= posting.amount
        return left

    def check(self, day: str = ALWAYS) -> None:
        """Assert the five identities as of a day; the projections speak for the present."""
        total = self.balances(day)
        receivable = sum(total[account] for account in RECEIVABLES)
        assert receivable == -total[Ledger.DEFERRED_REVENUE], f"I1 as of {day}"
        realised = -total[Ledger.REALISED_REVENUE] - total[Ledger.DISCOUNTS]
        owed = -sum(total[account] for account in (*CREDITS, *HELD))
        assert total[Ledger.BANK] + total[Ledger.CASH] == realised + owed, f"I2 as of {day}"
        assert total[Ledger.CLEARING] == -total[Ledger.PENDING_RECEIPTS] >= 0, f"I3 as of {day}"
        lots, left_open = self.lots(day), self.open(day)
        assert not {key: left for key, left in lots.items() if left < 0}, f"I4 as of {day}"
        outside = {k: left for k, left in left_open.items() if not 0 <= left <= self.amounts[k]}
        assert not outside, f"I5 as of {day}"
        if day == ALWAYS:
            assert +lots == +Counter(self.stated_lots), "credit_lot says what the postings say"
            assert left_open == self.stated_open, "charge_state says what the postings say"


def audit(books: Books) -> Audit:
    """Read one account's books."""
    account = {"account": books.account.account_id}
    with books.database.reading() as connection:

        def rows(statement: str) -> list[tuple[object, ...]]:
            return [tuple(row) for row in connection.execute(sa.text(statement), account)]

        parties = dict(rows("SELECT party_no, party_code FROM party WHERE account = :account"))
        payments = dict(rows("SELECT payment_no, payment_id FROM payment WHERE account = :account"))
        charges = rows(
            "SELECT c.charge_no, c.tracking_id, c.amount, c.effective_on,"
            " c.amount - COALESCE(t.allocated, 0) - COALESCE(t.voided, 0) FROM charge c"
            " LEFT JOIN charge_state t ON t.account = c.account AND t.charge_no = c.charge_no"
            " WHERE c.account = :account"
        )
        tracking_ids = {row[0]: row[1] for row in charges}
        postings = rows(
            "SELECT effective_on, debit_account, credit_account, amount, debit_party_no,"
            " credit_party_no, charge_no, payment_no, billing_code FROM posting"
            " WHERE account = :account ORDER BY posting_no"
        )
        lots = rows(
            "SELECT payment_no, credit_account, party_no, remaining FROM credit_lot"
            " WHERE account = :account"
        )
    return Audit(
        postings=tuple(
            Posting(
                *row[:4],  # type: ignore[arg-type]
                debit_party=str(parties.get(row[4], "")),
                credit_party=str(parties.get(row[5], "")),
                tracking_id=str(tracking_ids.get(row[6], "")),
                payment_id=str(payments.get(row[7], "")),
                billing_code=str(row[8] or ""),
            )
            for row in postings
        ),
        amounts={str(row[1]): int(str(row[2])) for row in charges},
        charged_on={str(row[1]): str(row[3]) for row in charges},
        stated_open={str(row[1]): int(str(row[4])) for row in charges},
        stated_lots={
            (str(payments[row[0]]), TYPES[Ledger(int(str(row[1])))], str(parties[row[2]])): int(
                str(row[3])
            )
            for row in lots
        },
    )
