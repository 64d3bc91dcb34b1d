"""The district of the second worked example, and the desk at which its month is typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingestd.cli.app import main
from ingestd.database.engine import Database, open_database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.service.installation.bootstrap import prepared_installation
from ingestd.service.installation.initialise import CONFIG_FILE, initialise
from tests.integration.database.conftest import empty_database
from tests.integration.ledger.conftest import Books, FakeClock
from tests.integration.office.bookkeeping import audit
from tests.integration.payments.conftest import PaymentOffice

__all__ = ["desk", "empty_database"]

YEAR = datetime.now(UTC).year - 1  # every day of the example is over, whenever this is run
PRODUCTS: list[dict[str, str | int | None]] = [
    {"billing_code": "BAND", "price": 12000},
    {"billing_code": "TRIP", "price": 6000},
    {"billing_code": "YEARBOOK", "price": 4500, "installments": 1, "first_instalment": 1500},
    {"billing_code": "MEAL", "price": 350},
    {"billing_code": "TUITION", "price": 15000},
    {"billing_code": "NSF_FEE", "price": 2500},
    {"billing_code": "LATE_FEE", "price": 500},
    {"billing_code": "KEPT_DEPOSIT", "price": None},
]
PARENTS = {"K1": "KIM001", "K2": "KIM001", "L1": "LEE001"}
HALL, GIFTS = "4-2100-01", "4-8000-01"


@dataclass(frozen=True)
class Desk:
    """The office's desk: its command line, its files, and its books to look into."""

    office: PaymentOffice
    run: Callable[[str], tuple[int, dict[str, Any]]]

    def ask(self, command: str) -> dict[str, Any]:
        code, answer = self.run(command)
        assert code == 0, answer
        return answer

    def refused(self, command: str) -> dict[str, Any]:
        code, answer = self.run(command)
        assert code == 1, answer
        return answer

    def send(self, kind: str, *rows: str) -> list[str]:
        """Send a payment file; return the ids of its payments."""
        before = set(self.office.keys())
        outcome = self.office.send(kind, *rows)
        assert outcome.rows is not None
        assert outcome.rows.applied == len(rows), self.office.codes(outcome)
        news = "', '".join(set(self.office.keys()) - before)
        found = self.office.rows(
            f"SELECT payment_id FROM payment WHERE payment_id IN ('{news}') ORDER BY payment_no"
        )
        return [str(payment_id) for (payment_id,) in found]

    def payer(self, payment: str) -> str:
        [row] = [row for row in self.ask("payments list")["listed"] if row["payment_id"] == payment]
        return str(row["payer"])

    def check(self, **expected: str) -> None:
        """Hold ledger accounts against amounts: an account's as a credit, money's as a debit."""
        seen = audit(self.office.books)
        seen.check()
        totals = self.office.totals()
        debits = ("BANK", "CASH", "CLEARING", "DISCOUNTS", "BAD_DEBTS")
        found = {
            name: totals.get(name, 0) * (1 if name in (*debits, *OPEN_ITEMS) else -1)
            for name in expected
        }
        assert found == {name: cents(amount) for name, amount in expected.items()}

    def owed(self) -> int:
        """Return what families owe: what is open of fees, wallets and payouts."""
        return sum(self.office.totals().get(name, 0) for name in OPEN_ITEMS)

    def net_realised(self, **until: str) -> int:
        totals = self.office.totals(**until)
        return -sum(totals.get(name, 0) for name in ("REALISED_REVENUE", "DISCOUNTS", "BAD_DEBTS"))

    def standing(self, party: str, account_type: str = "LIABILITY") -> int:
        """Return what a party has in credit, less what it owes."""
        return audit(self.office.books).by_party().get((party, account_type), 0)

    def status(self, tracking_id: str) -> tuple[str, int]:
        items = {item["tracking_id"]: item for item in self.office.books.items()}
        return str(items[tracking_id]["status"]), cents(str(items[tracking_id]["open"]))


OPEN_ITEMS = ("RECEIVABLE_FEES", "RECEIVABLE_WALLET", "PAID_OUT_FEES", "PAID_OUT_WALLET")


def cents(amount: str) -> int:
    return round(float(amount) * 100)


def on(month_and_day: str) -> str:
    return f"--on {YEAR}-{month_and_day}"


@pytest.fixture
def desk(
    empty_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    """A district on either database, its catalogs in force."""
    url = empty_database.engine.url.render_as_string(hide_password=False)
    monkeypatch.setenv("INGESTD_DATABASE_URL", url)
    initialise(tmp_path)
    config = tmp_path / "config" / CONFIG_FILE
    monkeypatch.setenv("INGESTD_CONFIG", str(config))

    def run(command: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        words = [*command.split(), "--account", "A", "--output", "json"]
        monkeypatch.setattr("sys.argv", ["ingestd", *words, "--config", str(config)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        code = int(ended.value.code or 0)
        if not printed.out.strip():
            return code, {"says": printed.err.strip()}
        answer = json.loads(printed.out)
        return code, {"listed": answer} if isinstance(answer, list) else dict(answer)

    words = ["account", "add", "A", "--name", "A", "--timezone", "America/Chicago"]
    monkeypatch.setattr("sys.argv", ["ingestd", *words])
    with pytest.raises(SystemExit):
        main()
    with prepared_installation(config) as installation:
        account = installation.account("A")
    with closing(open_database(url)) as database:
        books = Books(
            database=database,
            folder=tmp_path / "books",
            account=account,
            clock=FakeClock(datetime.now(UTC)),
        )
        books.folders.create_for(account.account_id)
        office = PaymentOffice(books)
        _fill_catalogs(office)
        yield Desk(office, run)


def _fill_catalogs(office: PaymentOffice) -> None:
    books = office.books
    books.load(CatalogKind.PRODUCTS, PRODUCTS)
    books.load(
        CatalogKind.STUDENTS,
        [{"student_id": child, "parent_code": parent} for child, parent in PARENTS.items()],
    )
    office.refer("merchant", {"merchant_id": "M1", "description": "Bank"})
    office.refer(
        "gl_account",
        {"gl_account": HALL, "name": "Hall hire"},
        {"gl_account": GIFTS, "name": "Gifts", "requires_donor": 1},
    )
    office.refer("tax_code", {"tax_code": "GST", "name": "Tax"}, {"tax_code": "FRE", "name": "No"})
    office.refer("donor", {"donor_number": "42", "name": "Dora"})
    office.refer("donor_pledge", {"donor_number": "42", "pledge_number": "1007", "promised": 20000})
