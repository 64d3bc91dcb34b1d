"""The book of an account as exports read it: its postings day by day, and where they end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import stream
from ingestd.ledger.books.chart import LedgerAccount
from ingestd.reports.account_names import BY_PARTY, BY_PRODUCT, leaf_name
from ingestd.values.clock import to_microseconds
from ingestd.values.identifiers import AccountId
from ingestd.values.money import decimals_of

_CHUNK_ROWS = 5_000
_UPLOADS_REMEMBERED = 4_096


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
    """One posting, with what it is about and the file and row that this came from."""

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


# The last batch known decides: every later one was sealed later.
_KNOWN = (
    "(SELECT COALESCE(MAX(b.batch_no), 0) FROM seal b"
    " WHERE b.account = :account AND b.sealed_at <= :known_at)"
)
_OF_PAYMENT = "('payment', 'settled', 'voided', 'returned')"
_LINES = f"""
SELECT p.posting_no, p.batch_no, p.event, p.effective_on, p.debit_account, p.credit_account,
  p.amount, p.billing_code, p.reverses_posting_no, d.kind, d.party_code, k.kind, k.party_code,
  y.party_code, c.tracking_id, m.payment_id,
  CASE WHEN p.event = 'refund' THEN f.note
       WHEN p.event = 'allocation' OR p.event IN {_OF_PAYMENT} THEN NULL ELSE c.note END,
  CASE WHEN p.event = 'refund' THEN f.upload_id
       WHEN p.event IN {_OF_PAYMENT} THEN m.upload_id ELSE c.upload_id END,
  CASE WHEN p.event = 'refund' THEN f.row
       WHEN p.event IN {_OF_PAYMENT} THEN m.row ELSE c.row END
FROM posting p
  LEFT JOIN party d ON d.account = p.account AND d.party_no = p.debit_party_no
  LEFT JOIN party k ON k.account = p.account AND k.party_no = p.credit_party_no
  LEFT JOIN charge c ON c.account = p.account AND c.charge_no = p.charge_no
  LEFT JOIN payment m ON m.account = p.account AND m.payment_no = p.payment_no
  LEFT JOIN refund f ON p.event = 'refund' AND f.account = p.account AND f.charge_no = p.charge_no
  LEFT JOIN party y ON y.account = p.account AND y.party_no =
    CASE WHEN p.event IN {_OF_PAYMENT} THEN m.party_no ELSE COALESCE(c.party_no, m.party_no) END
WHERE p.account = :account AND p.batch_no <= {_KNOWN}
ORDER BY p.effective_on, p.posting_no
"""
_PARTIES = ", ".join(str(int(number)) for number in BY_PARTY)
_PRODUCTS = ", ".join(str(int(number)) for number in BY_PRODUCT)
_CLOSINGS = f"""
WITH side AS (
  SELECT p.debit_account AS number, p.debit_party_no AS party_no, p.billing_code,
    p.amount, p.effective_on
  FROM posting p WHERE p.account = :account AND p.batch_no <= {_KNOWN}
  UNION ALL
  SELECT p.credit_account, p.credit_party_no, p.billing_code, -p.amount, p.effective_on
  FROM posting p WHERE p.account = :account AND p.batch_no <= {_KNOWN}
), summed AS (
  SELECT s.number,
    CASE WHEN s.number IN ({_PARTIES}) THEN s.party_no END AS party_no,
    CASE WHEN s.number IN ({_PRODUCTS}) THEN s.billing_code END AS billing_code,
    SUM(s.amount) AS balance, MIN(s.effective_on) AS first_on, MAX(s.effective_on) AS last_on
  FROM side s GROUP BY 1, 2, 3
)
SELECT s.number, y.kind, y.party_code, s.billing_code, s.balance, s.first_on, s.last_on
FROM summed s LEFT JOIN party y ON y.account = :account AND y.party_no = s.party_no
ORDER BY s.number, COALESCE(y.kind, ''), COALESCE(y.party_code, ''),
  COALESCE(s.billing_code, '')
"""


def read_lines(connection: Connection, book: Book) -> Iterator[Line]:
    """Yield every posting, by day and then as they were written, in bounded memory."""
    for rows in stream(connection, _LINES, book.bound(), chunk_rows=_CHUNK_ROWS):
        yield from map(Line._make, rows)


def read_closings(connection: Connection, book: Book) -> Iterator[Closing]:
    """Yield every account that was ever posted to, in the chart's order, in bounded memory."""
    for rows in stream(connection, _CLOSINGS, book.bound(), chunk_rows=_CHUNK_ROWS):
        for number, kind, party, billing_code, balance, first_on, last_on in rows:
            # PostgreSQL sums whole numbers to decimals.
            yield Closing(
                *(LedgerAccount(number), kind, party, billing_code),
                *(int(balance), first_on, last_on),
            )


def read_days(connection: Connection, book: Book) -> tuple[str, str] | None:
    """Return the first and the last day of the book; None when nothing was posted."""
    first_on, last_on = connection.execute(
        sa.text(
            "SELECT MIN(p.effective_on), MAX(p.effective_on) FROM posting p"
            f" WHERE p.account = :account AND p.batch_no <= {_KNOWN}"
        ),
        book.bound(),
    ).one()
    return None if first_on is None else (first_on, last_on)


class Origins:
    """The files that facts came from; the ones met last are remembered."""

    def __init__(self, connection: Connection, account: AccountId) -> None:
        self._connection = connection
        self._account = account
        self.of = lru_cache(maxsize=_UPLOADS_REMEMBERED)(self._read)

    def _read(self, upload_id: str) -> Origin | None:
        found = self._connection.execute(
            sa.text(
                "SELECT filename, sha256 FROM file_outcome"
                " WHERE account = :account AND upload_id = :upload_id"
            ),
            {"account": self._account, "upload_id": upload_id},
        ).one_or_none()
        return None if found is None else Origin(found.filename, found.sha256)
