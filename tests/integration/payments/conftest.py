"""An office that takes the files of payment providers, and rows to put into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bench._catalog import seal_catalog
from ingestd.database.engine import Database
from ingestd.formats.findings.codes import Code
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.ledger.outcomes.file_outcomes import FileOutcome
from ingestd.service.office import payments
from ingestd.service.office.bookkeeper import Answer
from ingestd.values.days import Day
from tests.integration.ledger.conftest import both, database, make_database, server, sqlite_pattern
from tests.integration.office.conftest import Office, day, open_office

__all__ = ["both", "database", "make_database", "server", "sqlite_pattern"]

FEES, SUNDRY, ENROLMENT = "fee_payments", "sundry_payments", "enrolment_payments"

# The specification's own example.
SAMPLE = (
    "2007-07-11 08:10:10,1500.00,ABCDE371,20070711,657575,COLL001,1212.00,250.00,50.00,12.00",
    "2007-07-11 08:55:30,2000.00,ABCDE371,20070711,657576,COTT001,2000.00,0.00,0.00,0.00",
    "2007-07-11 22:36:19,2000.00,ABCDE371,20070712,657577,DAVE001,1800.00,0.00,200.00,0.00",
    "2007-07-11 23:36:19,430.00,ABCDE371,20070712,657578,DAVE002,400.00,30.00,0.00,0.00",
)
STUDENTS: tuple[Mapping[str, str | int | None], ...] = (
    {"student_id": "S3", "parent_code": "COTT001", "status": "enrolled"},
    {"student_id": "S4", "parent_code": "DAVE001", "status": "enrolled"},
    {"student_id": "S5", "parent_code": "DAVE002", "status": "cancelled"},
)
REFERENCE: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "merchant": (
        {"merchant_id": "ABCDE371", "description": "Bank", "other_gl_account": "OTHER-1"},
        {"merchant_id": "NOW", "description": "Card", "settle": "on_import"},
    ),
    "gl_account": (
        {"gl_account": "HIRE", "name": "Hall hire"},
        {"gl_account": "OLD", "name": "Old account", "status": "closed"},
        {"gl_account": "GIFTS", "name": "Gifts", "requires_donor": 1},
        {"gl_account": "APPEALS", "name": "Appeals", "requires_appeal": 1},
    ),
    "tax_code": ({"tax_code": "GST", "name": "Tax"}, {"tax_code": "FRE", "name": "No tax"}),
    "donor": ({"donor_number": "7", "name": "Dora"}, {"donor_number": "8", "name": "Dirk"}),
    "donor_pledge": ({"donor_number": "7", "pledge_number": "70"},),
    "donor_appeal": ({"donor_number": "7", "appeal_code": "ROOF"},),
}


def fee_row(
    receipt: str = "",
    *,
    parent: str = "COLL001",
    fee: str = "100.00",
    build: str = "0.00",
    other: str = "0.00",
    discount: str = "0.00",
    batch: str = "7",
    merchant: str = "ABCDE371",
    at: str = "2026-03-05 10:00:00",
) -> str:
    """Return a fee payment whose total is the sum of its parts."""
    total = Decimal(fee) + Decimal(build) + Decimal(other) - Decimal(discount)
    return f"{at},{total},{merchant},{batch},{receipt},{parent},{fee},{build},{other},{discount}"


def _first_18(
    receipt: str, nett: str, tax: str, *, account: str, tax_code: str, batch: str, merchant: str
) -> str:
    return (
        f"2026-03-05,{Decimal(nett) + Decimal(tax)},{merchant},{batch},{receipt},Gil Guest,"
        f"1 Elm St,null,,Springfield,IL,62701,USA,Hall hire,{account},{nett},{tax},{tax_code}"
    )


def sundry_row(
    receipt: str = "",
    nett: str = "100.00",
    tax: str = "10.00",
    *,
    account: str = "HIRE",
    tax_code: str = "GST",
    batch: str = "7",
    merchant: str = "ABCDE371",
    donor: str = "null",
    appeal: str = "null",
    pledge: str = "null",
) -> str:
    """Return a sundry payment whose total is the sum of its parts."""
    first = _first_18(
        *(receipt, nett, tax), account=account, tax_code=tax_code, batch=batch, merchant=merchant
    )
    return f"{first},{donor},{appeal},{pledge}"


def enrolment_row(
    receipt: str = "",
    kind: str = "D",
    nett: str = "100.00",
    tax: str = "0.00",
    *,
    parent: str = "COLL001",
    student: str = "S1",
    batch: str = "7",
    merchant: str = "ABCDE371",
) -> str:
    """Return an enrolment payment whose total is the sum of its parts."""
    first = _first_18(
        *(receipt, nett, tax), account="HIRE", tax_code="FRE", batch=batch, merchant=merchant
    )
    return f"{first},{kind},{parent},{student}"


def counts(outcome: FileOutcome) -> tuple[int, int, int, int]:
    """Return how many rows were applied, duplicates, conflicts, rejected."""
    rows = outcome.rows
    assert rows is not None
    return rows.applied, rows.duplicate, rows.conflict, rows.rejected


@dataclass
class PaymentOffice(Office):
    """An office that knows merchants and accounts, and short names for what it does with files."""

    def refer(self, table: str, *rows: Mapping[str, object]) -> None:
        """Add rows to a table of reference data."""
        with self.books.database.writing() as connection:
            for row in rows:
                values = {"account": self.books.account.account_id, **row}
                names = ", ".join(values)
                marks = ", ".join(f":{name}" for name in values)
                statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
                connection.execute(sa.text(statement), values)
        seal_catalog(self.books.database, self.books.account.account_id)

    def send(self, kind: str, *rows: str) -> FileOutcome:
        """Send a payment file through its whole journey; return its outcome."""
        content = "".join(f"{row}\n" for row in rows).encode()
        return self.books.post_bytes(content, f"{kind}.csv")

    def receipt(self, outcome: FileOutcome) -> dict[str, Any]:
        """Return the receipt of an upload as its provider fetches it."""
        self.books.deliver(outcome.upload_id)
        name = next(
            name for name in self.books.receipts() if name.endswith(f"{outcome.upload_id}.json")
        )
        receipt: dict[str, Any] = json.loads(self.books.receipts()[name])
        return receipt

    def table_of(self, outcome: FileOutcome) -> str:
        """Return the CSV receipt of an upload."""
        self.books.deliver(outcome.upload_id)
        name = next(
            name for name in self.books.receipts() if name.endswith(f"{outcome.upload_id}.csv")
        )
        return self.books.receipts()[name].decode("utf-8-sig")

    def codes(self, outcome: FileOutcome) -> list[tuple[int | None, str, str | None]]:
        """Return the row, code and column of each finding of an upload."""
        findings = self.receipt(outcome)["findings"]
        return [(f["row"], Code(f["code"]).value, f["column"]) for f in findings]

    def settle_batch(
        self,
        batch: str = "7",
        total: str | None = None,
        *,
        merchant: str = "ABCDE371",
        on: str | None = None,
    ) -> Answer:
        return payments.settle_batch(self.keeper, merchant, batch, expected=total, on=day(on))

    def keys(self, event: str | None = None) -> list[str]:
        """Return the IDs of all payments, or of those to which something happened, in order."""
        happened = (
            " AND EXISTS (SELECT 1 FROM payment_event e WHERE e.account = p.account"
            f" AND e.payment_no = p.payment_no AND e.event = '{event}')"
        )
        found = self.rows(
            "SELECT payment_id FROM payment p WHERE p.account = :account"
            f"{happened if event else ''} ORDER BY payment_id"
        )
        return [str(row[0]) for row in found]

    def returned(self) -> int:
        """Return what bounced, in cents."""
        [total] = self.rows(
            "SELECT COALESCE(SUM(p.amount), 0) FROM payment p JOIN payment_event e"
            " ON e.account = p.account AND e.payment_no = p.payment_no AND e.event = 'returned'"
            " WHERE p.account = :account"
        )
        return int(total[0])

    def totals(self, *, as_of: str = "9999-12-31") -> dict[str, int]:
        """Return each ledger account's debit balance in this account's books, in cents."""
        day = int(Day.from_text(as_of))
        sides = self.rows(
            "SELECT number, SUM(amount) FROM ("
            " SELECT debit_account AS number, amount FROM posting"
            f"  WHERE account = :account AND effective_on <= {day}"
            " UNION ALL SELECT credit_account, -amount FROM posting"
            f"  WHERE account = :account AND effective_on <= {day}) sides GROUP BY number"
        )
        return {LedgerAccount(number).name: int(amount) for number, amount in sides if amount}

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds; it may name `:account`."""
        values = {"account": self.books.account.account_id}
        with self.books.database.reading() as connection:
            bound = values if ":account" in statement else {}
            return [tuple(row) for row in connection.execute(sa.text(statement), bound)]

    def assert_in_balance(self) -> None:
        """Hold the books against the six identities that every report prints."""
        held: dict[str, int] = {account.name: 0 for account in LedgerAccount}
        held |= self.totals()
        receivable = held["RECEIVABLE_FEES"] + held["RECEIVABLE_WALLET"]
        assert receivable == -(held["DEFERRED_REVENUE"] + held["DEFERRED_TAX"]), held
        credit = sum(held[name] for name in _CREDIT)
        funds = sum(held[name] for name in _FUNDS)
        earned = held["REALISED_REVENUE"] + held["DISCOUNTS"] + held["BAD_DEBTS"]
        money = sum(held[name] for name in ("BANK", "CASH", "PAID_OUT_FEES", "PAID_OUT_WALLET"))
        assert money == -(earned + credit + funds), held
        assert held["CLEARING"] == -held["PENDING_RECEIPTS"], held
        [lots] = self.rows(
            "SELECT COALESCE(SUM(remaining), 0), MIN(remaining) FROM credit_lot"
            " WHERE account = :account"
        )
        assert lots[0] == -credit
        assert (lots[1] or 0) >= 0
        assert not self.rows(
            "SELECT 1 FROM charge c JOIN charge_state t ON t.account = c.account"
            " AND t.charge_no = c.charge_no WHERE c.account = :account"
            " AND (t.allocated + t.voided > c.amount OR t.allocated < 0 OR t.voided < 0)"
        )


_FUNDS = ("BUILDING_FUND", "OTHER_GL", "TAX", "PAYOUTS_UNDER_WAY")
_CREDIT = (
    *("WALLET_CREDIT", "UNAPPLIED_FEES", "UNAPPLIED_DISCOUNTS"),
    *("DEPOSITS", "ADVANCES"),
)


def open_payment_office(database: Database, folder: Path) -> PaymentOffice:
    """Open an office with families, merchants, accounts and donors."""
    office = PaymentOffice(open_office(database, folder).books)
    office.books.load(CatalogKind.STUDENTS, STUDENTS)
    for table, rows in REFERENCE.items():
        office.refer(table, *rows)
    return office


@pytest.fixture
def office(database: Database, tmp_path: Path) -> PaymentOffice:
    """An office that takes payment files, on either database."""
    return open_payment_office(database, tmp_path / "data")
