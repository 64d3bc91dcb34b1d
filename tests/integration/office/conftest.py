"""A business office at work: the books of one family, and everything that is done to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.service.office import charges, months, payments, refunds
from ingestd.service.office.bookkeeper import Answer, Bookkeeper
from ingestd.values.days import Day
from tests.integration.ledger.conftest import (
    Books,
    FakeClock,
    both,
    database,
    make_database,
    open_books,
    server,
    sqlite_pattern,
)

__all__ = ["both", "database", "make_database", "server", "sqlite_pattern"]

CLERK = "clerk"
TODAY = datetime(2026, 11, 22, 18, tzinfo=UTC)
CHARGE_HEADER = (
    "account_type,charge_tracking_id,student_id,billing_code,amount,transaction_occurred_time"
)
PRODUCTS: tuple[Mapping[str, str | int | None], ...] = (
    {"billing_code": "LOST_BOOK", "price": 1850},
    {"billing_code": "CHROMEBOOK", "price": 25000},
    {"billing_code": "LATE_FEE", "price": 500},
    {"billing_code": "PROM", "price": 8000, "repayment": "direct"},
    {"billing_code": "MEAL", "price": 325},
    {"billing_code": "NSF_FEE", "price": 2500},
    {"billing_code": "SUMMER", "price": 12000},
)
STUDENTS: tuple[Mapping[str, str | int | None], ...] = (
    {"student_id": "S1", "parent_code": "COLL001"},
    {"student_id": "S2", "parent_code": "COLL001"},
    {"student_id": "S3", "parent_code": None},
)


@dataclass
class Office:
    """One account's books, and short names for what the office does to them."""

    books: Books

    @property
    def keeper(self) -> Bookkeeper:
        return Bookkeeper(
            database=self.books.database,
            clock=self.books.clock,
            account=self.books.account,
            entered_by=CLERK,
            signing=self.books.signing,
        )

    def charge(self, *rows: str) -> FileOutcome:
        return self.books.post(*rows, header=CHARGE_HEADER)

    def refund(self, *tracking_ids: str) -> FileOutcome:
        content = "".join(f"{line}\n" for line in ("charge_tracking_id", *tracking_ids))
        return self.books.post_bytes(content.encode(), "student_refunds.csv")

    def pay(
        self,
        key: str,
        payer: str,
        amount: str,
        *,
        on: str | None = None,
        method: str = "echeck",
        to: str = "LIABILITY",
        for_charge: str | None = None,
    ) -> Answer:
        payment = payments.Payment(
            payer=payer,
            amount=amount,
            method=method,
            to=AccountType(to),
            for_charge=for_charge,
            key=key,
        )
        return payments.add_payment(self.keeper, payment, on=day(on))

    def settle(self, key: str, *, on: str | None = None) -> Answer:
        return payments.settle_payment(self.keeper, key, on=day(on))

    def bounce(self, key: str, *, on: str | None = None, penalty: str | None = None) -> Answer:
        keeper = replace(self.keeper, reason="NSF")
        return payments.return_payment(keeper, key, penalty=penalty, on=day(on))

    def take_back(self, key: str, *, on: str | None = None) -> Answer:
        return payments.take_back_payment(self.keeper, key, on=day(on))

    def void(self, tracking_id: str, *, on: str | None = None) -> Answer:
        return refunds.void_charge(self.keeper, tracking_id, on=day(on))

    def sell(self, sale: charges.Sale, *, on: str | None = None) -> Answer:
        return charges.add_sale(self.keeper, sale, on=day(on))

    def close(self, month: str) -> Answer:
        return months.close_month(self.keeper, month)

    def statuses(self) -> dict[str, tuple[object, object]]:
        """Return each charge's status and what of it is open."""
        return {
            str(item["tracking_id"]): (item["status"], item["open"]) for item in self.books.items()
        }

    def totals(self, *, as_of: str = "9999-12-31") -> dict[str, int]:
        """Return each ledger account's debit balance, in cents, as of a day."""
        with self.books.database.reading() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT number, SUM(amount) FROM ("
                    " SELECT debit_account AS number, amount FROM posting"
                    "  WHERE effective_on <= :day"
                    " UNION ALL SELECT credit_account, -amount FROM posting"
                    "  WHERE effective_on <= :day) sides GROUP BY number"
                ),
                {"day": Day.from_text(as_of)},
            ).all()
        return {LedgerAccount(number).name: int(amount) for number, amount in rows if amount}


def day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def open_office(database: Database, folder: Path) -> Office:
    books = open_books(database, folder, clock=FakeClock(TODAY))
    books.load(CatalogKind.PRODUCTS, PRODUCTS)
    books.load(CatalogKind.STUDENTS, STUDENTS)
    return Office(books)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    """An office with an empty ledger, on either database."""
    return open_office(database, tmp_path / "data")


@pytest.fixture
def both_offices(both: tuple[Database, Database], tmp_path: Path) -> tuple[Office, Office]:
    """The same office on SQLite and on PostgreSQL."""
    return (
        open_office(both[0], tmp_path / "sqlite"),
        open_office(both[1], tmp_path / "postgresql"),
    )
