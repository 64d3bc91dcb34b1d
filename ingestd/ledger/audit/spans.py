"""Spans: what rows there are of each batch in every sealed table, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.ledger.audit.beside import Beside
from ingestd.ledger.evidence.layouts import SEALED_COLUMNS
from ingestd.values.identifiers import AccountId

# The tables whose rows are numbered within their account, by the head's counter of each.
NUMBERED: Mapping[str, tuple[str, str]] = {
    "parties": ("party", "party_no"),
    "codes": ("code", "code_no"),
    "charges": ("charge", "charge_no"),
    "refunds": ("refund", "refund_no"),
    "payments": ("payment", "payment_no"),
    "allocations": ("allocation", "allocation_no"),
    "postings": ("posting", "posting_no"),
}
# By what rows are told to be a batch's: its number, or its upload.
_KEYS = {
    table: "batch_no" if "batch_no" in columns and table != "file_outcome" else "upload_id"
    for table, columns in SEALED_COLUMNS.items()
}


class Span(NamedTuple):
    """A batch's rows in one table: how many, and the first and the last of their numbers."""

    rows: int
    first: int
    last: int


Spans = Mapping[str, Mapping[object, Span]]
"""For each sealed table, what rows there are of each batch or upload."""


class SealedAs(NamedTuple):
    """What the books say that a chunk was sealed as."""

    table: str
    first_row: int
    rows: int
    layout: int
    digest: str


def find_spans(connection: Connection, account: AccountId, beside: Beside) -> Spans:
    """Return what rows there are of each batch or upload, in every sealed table."""
    # Postings are as many as all the others together.
    postings = beside.run(lambda other, _: _find_spans_of("posting", other, account))
    spans = {
        table: _find_spans_of(table, connection, account) for table in _KEYS if table != "posting"
    }
    return {**spans, "posting": postings()}


def _find_spans_of(table: str, connection: Connection, account: AccountId) -> Mapping[object, Span]:
    key, number = _KEYS[table], dict(NUMBERED.values()).get(table)
    between = "0, 0" if number is None else f"MIN({number}), MAX({number})"
    found = connection.execute(
        sa.text(
            f"SELECT {key}, COUNT(*), {between} FROM {table} WHERE account = :account"
            f" GROUP BY {key}"
        ),
        {"account": account},
    )
    return {row[0]: Span(int(row[1]), int(row[2]), int(row[3])) for row in found}


def key_of(table: str) -> str:
    """Return by which column the rows of a sealed table are told to be a batch's."""
    return _KEYS[table]
