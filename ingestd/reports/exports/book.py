"""The book of an account as exports read it: its postings day by day, and where they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.exports.account_names import leaf_name
from ingestd.reports.exports.facts import NOTHING, Facts, read_authors, read_details
from ingestd.values.clock import to_microseconds
from ingestd.values.days import day_text
from ingestd.values.identifiers import AccountId
from ingestd.values.money import decimals_of

_SQL = Statements(__file__)

_CHUNK_ROWS = 5_000
_UPLOADS_REMEMBERED = 4_096
RECEIVED = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Which book: an account's, as known at an instant, in its currency."""

    account: AccountId
    as_known: datetime
    currency: str

    @property
    def decimals(self) -> int:
        """How many decimals amounts are written with."""
        return decimals_of(self.currency)

    def bound(self) -> dict[str, str | int]:
        """Return what every statement binds: `account` and `known_at`."""
        return {"account": self.account, "known_at": to_microseconds(self.as_known)}


class Line(NamedTuple):
    """One posting, with what it is about and the file and row that this came from.

    `told` is who entered it by hand and why, and, where a payment is received, what its file said.
    """

    posting_no: int
    batch_no: int
    event: str
    effective_on: str
    debit_account: int
    credit_account: int
    amount: int
    billing_code: str | None
    reverses_posting_no: int | None
    debit_kind: str | None
    debit_party: str | None
    credit_kind: str | None
    credit_party: str | None
    party: str | None
    tracking_id: str | None
    payment_id: str | None
    note: str | None
    upload_id: str | None
    row: int | None
    told: Facts

    @property
    def debit_name(self) -> str:
        """The account that the amount is added to."""
        return leaf_name(
            self.debit_account,
            kind=self.debit_kind,
            party=self.debit_party,
            billing_code=self.billing_code,
        )

    @property
    def credit_name(self) -> str:
        """The account that the amount is taken from."""
        return leaf_name(
            self.credit_account,
            kind=self.credit_kind,
            party=self.credit_party,
            billing_code=self.billing_code,
        )


_BATCH, _EVENT, _DAY, _PAYMENT = (
    Line._fields.index(name) for name in ("batch_no", "event", "effective_on", "payment_id")
)


class Closing(NamedTuple):
    """Where an account of the book ends: debits less credits, and its first and last day."""

    account: LedgerAccount
    kind: str | None
    party: str | None
    billing_code: str | None
    balance: int
    first_on: str
    last_on: str

    @property
    def name(self) -> str:
        """The account's full name."""
        return leaf_name(
            self.account, kind=self.kind, party=self.party, billing_code=self.billing_code
        )


class Origin(NamedTuple):
    """The file that a fact came from, as its upload was stored."""

    filename: str
    sha256: str | None
    location: str | None


def read_lines(connection: Connection, book: Book) -> Iterator[Line]:
    """Yield every posting, by day and then as they were written, in bounded memory."""
    for rows in _SQL.stream(connection, "find_lines", book.bound(), chunk_rows=_CHUNK_ROWS):
        authors = read_authors(connection, book.account, {row[_BATCH] for row in rows})
        received = {row[_PAYMENT] for row in rows if row[_EVENT] == RECEIVED}
        details = read_details(connection, book.account, received, decimals=book.decimals)
        for row in rows:
            told = authors.get(row[_BATCH], NOTHING)
            if row[_EVENT] == RECEIVED:
                told = {**details.get(row[_PAYMENT], NOTHING), **told}
            yield Line._make((*row[:_DAY], day_text(row[_DAY]), *row[_DAY + 1 :], told))


def read_closings(connection: Connection, book: Book) -> Iterator[Closing]:
    """Yield every account that was ever posted to, in the chart's order, in bounded memory."""
    for rows in _SQL.stream(connection, "find_closings", book.bound(), chunk_rows=_CHUNK_ROWS):
        for number, kind, party, billing_code, balance, first_on, last_on in rows:
            # PostgreSQL sums whole numbers to decimals.
            yield Closing(
                *(LedgerAccount(number), kind, party, billing_code),
                *(int(balance), day_text(first_on), day_text(last_on)),
            )


def read_days(connection: Connection, book: Book) -> tuple[str, str] | None:
    """Return the first and the last day of the book; None when nothing was posted."""
    days = _SQL.run(connection, "find_days", book.bound()).one()
    return None if days.first_on is None else (day_text(days.first_on), day_text(days.last_on))


class Origins:
    """The files that facts came from; the ones met last are remembered."""

    def __init__(self, connection: Connection, account: AccountId) -> None:
        self._connection = connection
        self._account = account
        self.of = lru_cache(maxsize=_UPLOADS_REMEMBERED)(self._read)

    def _read(self, upload_id: str) -> Origin | None:
        values = {"account": self._account, "upload_id": upload_id}
        found = _SQL.run(self._connection, "find_origin", values).one_or_none()
        return None if found is None else Origin(found.filename, found.sha256, found.location)
