"""What can happen at an office: a small district, its files, and the days on which it works."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st

from ingestd.database.engine import Database
from ingestd.formats.kinds.catalog import CatalogKind
from ingestd.values.identifiers import AccountId
from ingestd.values.money import format_amount
from tests.integration.ledger.conftest import Books, FakeClock, springfield
from tests.integration.office.conftest import STUDENTS, TODAY, Office
from tests.integration.office.model import LIABILITY, WALLET

PRICES = {"BOOK": 1000, "FEE": 500, "PROM": 800, "NSF": 250, "FREE": 0}
SORTS = {"BOOK": 2, "FEE": 1, "PROM": 2, "NSF": 0, "FREE": 0}
DIRECT = {"PROM"}
PRODUCTS: list[Mapping[str, str | int | None]] = [
    {
        "billing_code": code,
        "price": price,
        "sort": SORTS[code],
        "repayment": "direct" if code in DIRECT else "chronological",
    }
    for code, price in PRICES.items()
]
TODAY_DAY = "2026-11-22"
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-10")

_accounts = itertools.count()
days = st.sampled_from(("2026-01-05", "2026-02-10", "2026-03-09", "2026-03-20", TODAY_DAY))
occurrences = st.sampled_from(
    ("2025-09-10", "2026-01-05", "2026-02-10", "2026-03-09", "2026-03-20", "2026-11-23")
)
keys = st.sampled_from(("C1", "C2", "C3", "C4", "C5"))
payers = st.sampled_from(("S1", "S2", "S3", "COLL001"))
types = st.sampled_from((LIABILITY, LIABILITY, WALLET))
amounts = st.sampled_from((1, 300, 500, 800, 1000, 2500))
some = st.integers(0, 9)


@dataclass(frozen=True)
class FileRow:
    account_type: str
    key: str
    student: str
    product: str
    amount: int | None
    day: str

    def __str__(self) -> str:
        amount = "" if self.amount is None else format_amount(self.amount)
        fields = (self.account_type, self.key, self.student, self.product, amount, self.day)
        return ",".join(fields)


file_rows = st.builds(
    FileRow,
    account_type=types,
    key=keys,
    student=st.sampled_from(("S1", "S1", "S2", "S3")),
    product=st.sampled_from(list(PRICES)),
    amount=st.none() | amounts,
    day=occurrences,
)


def open_account(database: Database, folder: Path) -> Office:
    """Open the office of an account of its own, as good as a database of its own."""
    name = AccountId(f"A{next(_accounts)}")
    books = Books(
        database=database,
        folder=folder,
        account=replace(springfield(), account_id=name),
        clock=FakeClock(TODAY),
    )
    books.folders.create_for(name)
    books.load(CatalogKind.PRODUCTS, PRODUCTS)
    books.load(CatalogKind.STUDENTS, STUDENTS)
    return Office(books)
