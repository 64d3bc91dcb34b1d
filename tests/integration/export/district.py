"""A district's year at the office's desk, and how other programs read the books of it."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core.data import Entries, Transaction

from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.formats.kinds.student_billing import AccountType
from ingestd.ledger.books.parties import find_party
from ingestd.ledger.entries.author import Command
from ingestd.ledger.entries.entry import Entry
from ingestd.ledger.money.choices import Paid
from ingestd.ledger.money.payments import NewPayment, Part, PartKind, receive_payment
from ingestd.reports.exports.account_names import code_of
from ingestd.reports.exports.book import Book
from ingestd.reports.exports.export import export_book, writer_of
from ingestd.reports.exports.programs import ExportFormat
from ingestd.reports.trails.drill import Inquiry
from ingestd.reports.trails.explain import explain_payment
from ingestd.reports.trails.trace import trace_charge
from ingestd.service.office import charges as desk_charges
from ingestd.service.office import payments as desk_payments
from ingestd.service.office import refunds
from ingestd.service.office.bookkeeper import Bookkeeper
from ingestd.values.clock import to_microseconds
from ingestd.values.money import decimals_of
from tests.integration.ledger.conftest import HEADER, Books, CatalogEntry

LATER = datetime(2099, 1, 1, tzinfo=UTC)
TIMED = f"{HEADER},transaction_occurred_time"
PRODUCTS: list[CatalogEntry] = [
    {"billing_code": "LOST_BOOK", "price": 1850},
    {"billing_code": "CHROMEBOOK", "price": 25000},
    {"billing_code": "LATE_FEE", "price": 500},
    {"billing_code": "PROM", "price": 8000, "repayment": "direct"},
    {"billing_code": "MEAL", "price": 325},
    {"billing_code": "NSF_FEE", "price": 2500},
    {"billing_code": "SUMMER", "price": 12000},
]
STUDENTS: list[CatalogEntry] = [
    {"student_id": "S1", "parent_code": "COLL001"},
    {"student_id": "S2", "parent_code": "COLL001"},
]
_RUN_SECONDS = 60
_AMOUNT = re.compile(r"(-?[0-9.]+)(?: [A-Z]{3})?")

Balances = dict[str, Decimal]


@dataclass
class District:
    """The books, and a desk at which things are done to them on a day."""

    books: Books
    guests: list[str] = field(default_factory=list)

    def today(self, day: str) -> None:
        """Make it noon of a day, in UTC."""
        self.books.clock.instant = datetime.fromisoformat(f"{day}T18:00:00Z")

    @property
    def keeper(self) -> Bookkeeper:
        return Bookkeeper(
            database=self.books.database,
            clock=self.books.clock,
            account=self.books.account,
            entered_by="clerk",
        )

    def pay(
        self, key: str, payer: str, amount: str, *, to: str = "LIABILITY", **more: str | None
    ) -> None:
        payment = desk_payments.Payment(
            payer=payer,
            amount=amount,
            method=more.get("method") or "echeck",
            to=AccountType(to),
            for_charge=more.get("for_charge"),
            key=key,
        )
        desk_payments.add_payment(self.keeper, payment)

    def pay_in_parts(self, key: str, payer: str, **parts: int) -> None:
        """Report a payment of several parts, as files bring them; amounts in minor units."""

        def work(entry: Entry) -> int:
            party_no = find_party(entry.connection, entry.head, entry.batch, payer).party_no
            return receive_payment(
                entry,
                NewPayment(
                    payment_id=key,
                    content_hash=key.encode(),
                    kind="fee_account",
                    party_no=party_no,
                    amount=sum(amount for kind, amount in parts.items() if kind != "discount"),
                    submitted_at=to_microseconds(self.books.clock.now()),
                    parts=tuple(
                        Part(kind=PartKind(kind), amount=amount, party_no=party_no)
                        for kind, amount in parts.items()
                    ),
                ),
            )

        self.keeper.write("payment", work, command=Command.PAYMENTS_ADD, on=None)

    def settle(self, key: str) -> None:
        desk_payments.settle_payment(self.keeper, key)

    def take_back(self, key: str) -> None:
        desk_payments.take_back_payment(self.keeper, key)

    def bounce(self, key: str, *, penalty: str | None = None) -> None:
        keeper = replace(self.keeper, reason="NSF")
        desk_payments.return_payment(keeper, key, penalty=penalty)

    def void(self, tracking_id: str) -> None:
        refunds.void_charge(self.keeper, tracking_id)

    def refund_by_file(self, *tracking_ids: str, note: str = "") -> None:
        rows = "".join(f"{tracking_id},{note}\n" for tracking_id in tracking_ids)
        content = f"charge_tracking_id,note\n{rows}".encode()
        self.books.post_bytes(content, "student_refunds.csv")

    def sell(
        self, party: str, billing_code: str, amount: str, *, key: str, paid: Paid | None = None
    ) -> str:
        """Sell something; return whom to, as guests are named by the sale."""
        sale = desk_charges.Sale(
            party=party,
            billing_code=billing_code,
            amount=amount,
            paid=paid,
            tracking_id=key,
            name="Gast" if party == "guest" else None,
        )
        return str(desk_charges.add_sale(self.keeper, sale)["party"])

    def export(self, export_format: ExportFormat, as_known: datetime = LATER) -> str:
        account = self.books.account
        book = Book(account=account.account_id, as_known=as_known, currency=account.currency)
        with self.books.database.reading() as connection:
            return "".join(export_book(connection, book, writer_of(export_format, book)))

    def _inquiry(self, as_known: datetime) -> Inquiry:
        account = self.books.account
        decimals = decimals_of(account.currency)
        return Inquiry(account=account.account_id, as_known=as_known, decimals=decimals)

    def explain(self, payment_id: str, as_known: datetime = LATER) -> dict[str, Any]:
        with self.books.database.reading() as connection:
            return explain_payment(connection, self._inquiry(as_known), payment_id)

    def trace(self, tracking_id: str, as_known: datetime = LATER) -> dict[str, Any]:
        with self.books.database.reading() as connection:
            return trace_charge(connection, self._inquiry(as_known), tracking_id)


def open_district(books: Books) -> District:
    """Return a district with the family of the worked example."""
    books.load(CatalogKind.PRODUCTS, PRODUCTS)
    books.load(CatalogKind.PARENTS, [{"parent_code": "COLL001"}])
    books.load(CatalogKind.STUDENTS, STUDENTS)
    return District(books)


def live_through_the_worked_example(district: District) -> str:
    """Do what the family of the worked example did in 2026; return the guest's party."""
    day = district.today
    day("2026-03-02")
    district.books.post(
        "LIABILITY,C1,S1,LOST_BOOK,,18.50,2025-05-03",
        "LIABILITY,C2,S1,CHROMEBOOK,,,2025-09-10",
        "LIABILITY,C3,S2,LATE_FEE,,5.00,2025-09-12",
        "LIABILITY,C4,S1,PROM,,80.00,2026-03-01",
        "WALLET,C5,S1,MEAL,,3.25,2026-03-02",
        header=TIMED,
    )
    day("2026-03-05")
    district.pay_in_parts("P1", "COLL001", fee=9500, building=2500, other=1000, discount=500)
    day("2026-03-09")
    district.settle("P1")
    day("2026-03-10")
    district.pay("P2", "COLL001", "80.00", for_charge="C4")
    district.pay("P3", "S1", "20.00", to="WALLET")
    day("2026-03-11")
    district.settle("P3")
    day("2026-03-13")
    district.settle("P2")
    day("2026-03-20")
    district.bounce("P1", penalty="NSF_FEE")
    day("2026-03-22")
    district.void("C3")
    day("2026-03-25")
    district.void("C4")
    day("2026-03-26")
    district.sell("ANONYMOUS", "MEAL", "3.50", key="C7", paid=Paid.CASH)
    day("2026-03-27")
    guest = district.sell("guest", "SUMMER", "120.00", key="C8")
    district.pay("P4", guest, "120.00", for_charge="C8")
    day("2026-03-30")
    district.settle("P4")
    day("2026-04-02")
    district.bounce("P4", penalty="NSF_FEE")
    day("2026-04-03")
    district.books.post("WALLET,C9,S1,MEAL,,20.00,2026-04-03", header=TIMED)
    day("2026-04-06")
    district.bounce("P2")
    return guest


def read_with_beancount(text: str) -> Entries:
    """Return the entries of a book that Beancount finds no fault with."""
    entries, errors, _ = loader.load_string(text, dedent=False)
    assert not errors, errors
    return entries


def beancount_balances(entries: Entries) -> Balances:
    """Return each account's balance as Beancount's postings come to it, without zeros."""
    balances: Balances = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, Transaction):
            for posting in entry.postings:
                assert posting.units is not None
                assert posting.units.number is not None
                balances[posting.account] += posting.units.number
    return {account: balance for account, balance in balances.items() if balance}


def hledger(path: Path, *arguments: str) -> str:
    """Run hledger on a journal and return what it prints; it must find no fault."""
    program = shutil.which("hledger")
    if program is None:
        reason = "hledger is not installed (Debian: apt install hledger)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run(
        [program, "--file", str(path), *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        # It reads files in the locale's encoding, and fails on letters outside of it.
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        timeout=_RUN_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_with_hledger(path: Path, text: str) -> Balances:
    """Check a journal as strictly as hledger can; return each account's balance, without zeros."""
    path.write_text(text, "utf-8")
    hledger(path, "check", "--strict", "ordereddates")
    rows = csv.DictReader(
        io.StringIO(hledger(path, "balance", "--flat", "--no-total", "--output-format", "csv"))
    )
    balances: Balances = {}
    for row in rows:
        amount = _AMOUNT.fullmatch(row["balance"])
        assert amount, row
        balances[row["account"]] = Decimal(amount[1])
    return {account: balance for account, balance in balances.items() if balance}


def party_balances(balances: Balances) -> dict[tuple[str, str], Decimal]:
    """Return what each party has in credit less what it owes, as our balances report does.

    Other programs write credits below zero: there, what a party owes stands above it.
    """
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for account, balance in balances.items():
        parts = account.split(":")
        if parts[1] in {"Receivable", "PaidOut", "Credit"}:
            account_type = "WALLET" if parts[2] == "Wallet" else "LIABILITY"
            found[code_of(parts[4]), account_type] -= balance
    return {key: balance for key, balance in found.items() if balance}


def without_zeros(balances: Iterable[tuple[tuple[str, str], str]]) -> dict[object, Decimal]:
    """Return our report's balances as numbers, without those that are settled."""
    return {key: Decimal(text) for key, text in balances if Decimal(text)}
