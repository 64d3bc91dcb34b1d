"""Seals: one per batch, a hash over all that the batch stored, chained to the batch before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import stream
from ingestd.ledger.books.batches import Batch
from ingestd.ledger.books.head import Head, store_head
from ingestd.ledger.books.totals import add_totals

_CHUNK_ROWS = 5_000
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

# Every table whose rows belong to a batch, with every column: a changed cell changes the hash.
# Tests hold these lists against the tables themselves.
SEALED_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "file_outcome": (
            *("account", "upload_id", "batch_no", "filename", "format", "source", "sha256"),
            *("size_bytes", "received_at", "finished_at", "peer", "session_id"),
            *("key_fingerprint", "client_version", "node", "status", "records", "applied"),
            *("duplicate", "conflict", "rejected", "applied_amount", "findings"),
        ),
        "row_outcome": (
            *("account", "upload_id", "row", "line", "outcome", "charge_no", "payment_no"),
        ),
        "finding": (
            *("account", "upload_id", "finding_no", "code", "verdict", "row", "line"),
            *("column_name", "value", "message", "row_key", "party_code"),
        ),
        "party": ("account", "party_no", "kind", "party_code", "batch_no"),
        "charge": (
            *("account", "charge_no", "tracking_id", "content_hash", "party_no", "account_type"),
            *("billing_code", "amount", "tax", "note", "occurred_at", "effective_on", "batch_no"),
            *("upload_id", "row"),
        ),
        "refund": (
            *("account", "refund_no", "charge_no", "content_hash", "tx_item_rowid", "note"),
            *("effective_on", "batch_no", "upload_id", "row"),
        ),
        "guest": ("account", "party_no", "name", "email", "phone", "address", "batch_no"),
        "payment": (
            *("account", "payment_no", "payment_id", "content_hash", "kind", "party_no", "amount"),
            *("submitted_at", "received_on", "merchant_id", "batch_num", "receipt_num"),
            *("for_charge_no", "comment", "batch_no", "upload_id", "row"),
        ),
        "payment_part": (
            *("account", "payment_no", "part_no", "kind", "amount", "party_no", "gl_account"),
            *("tax_code", "batch_no"),
        ),
        "payment_event": (
            *("account", "payment_no", "event", "effective_on", "reason", "batch_no"),
        ),
        "allocation": (
            *("account", "allocation_no", "payment_no", "credit_account", "party_no"),
            *("charge_no", "amount", "rule", "effective_on", "batch_no"),
            "reverses_allocation_no",
        ),
        "period_close": ("account", "month", "batch_no"),
        "posting": (
            *("account", "posting_no", "batch_no", "event", "effective_on", "debit_account"),
            *("credit_account", "amount", "debit_party_no", "credit_party_no", "charge_no"),
            *("payment_no", "billing_code", "reverses_posting_no"),
        ),
    }
)
_ORDER = {
    "file_outcome": "upload_id",
    "row_outcome": "row",
    "finding": "finding_no",
    "party": "party_no",
    "charge": "charge_no",
    "refund": "refund_no",
    "guest": "party_no",
    "payment": "payment_no",
    "payment_part": "payment_no, part_no",
    "payment_event": "payment_no, event",
    "allocation": "allocation_no",
    "period_close": "month",
    "posting": "posting_no",
}
_OF_BATCH = "account = :account AND batch_no = :batch_no"
_OF_UPLOAD = "account = :account AND upload_id = :upload_id"


def _numbered(number: str, counter: str) -> str:
    return f"{_OF_BATCH} AND {number} > :{counter}_before AND {number} <= :{counter}_until"


_BELONGS = {
    "file_outcome": _OF_BATCH,
    "row_outcome": _OF_UPLOAD,
    "finding": _OF_UPLOAD,
    "party": _numbered("party_no", "parties"),
    "charge": _numbered("charge_no", "charges"),
    "refund": _numbered("refund_no", "refunds"),
    "guest": _numbered("party_no", "parties"),
    "payment": _numbered("payment_no", "payments"),
    "payment_part": _numbered("payment_no", "payments"),
    "payment_event": _OF_BATCH,
    "allocation": _numbered("allocation_no", "allocations"),
    "period_close": _OF_BATCH,
    "posting": _numbered("posting_no", "postings"),
}

# A batch sealed the first way holds rows of these tables only.
_FIRST_TABLES = ("file_outcome", "row_outcome", "finding", "party", "charge", "posting")
# Columns that came later, and the first way of sealing that knows them.
_ADDED_IN = {
    ("row_outcome", "payment_no"): 2,
    ("finding", "row_key"): 3,
    ("finding", "party_code"): 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What was sealed: the batch, its hash, how many rows and how much money it holds."""

    batch_no: int
    hash: str
    rows_sealed: int
    amount_posted: int


def hash_batch(connection: Connection, batch: Batch) -> tuple[str, int]:
    """Return a batch's hash as its stored rows give it, and how many rows there are.

    SHA-256 over UTF-8 lines of JSON without spaces: an array of the previous hash, the batch
    number, the event, the upload and when it was sealed; then for each table its name, and on
    the next line an array of its rows, each an array of all columns. Anybody can compute it
    again from the tables, in any language.
    """
    digest = hashlib.sha256()
    rows_sealed = 0
    heading = [
        *(batch.previous_hash, batch.batch_no, batch.event),
        *(batch.upload_id, batch.sealed_at),
    ]
    digest.update(_encode(heading).encode() + b"\n")
    values = {
        "account": batch.account,
        "batch_no": batch.batch_no,
        "upload_id": batch.upload_id,
        "charges_before": batch.charges_before,
        "postings_before": batch.postings_before,
        "parties_before": batch.parties_before,
        "refunds_before": batch.refunds_before,
        "payments_before": batch.payments_before,
        "allocations_before": batch.allocations_before,
        "charges_until": batch.charges_until,
        "postings_until": batch.postings_until,
        "parties_until": batch.parties_until,
        "refunds_until": batch.refunds_until,
        "payments_until": batch.payments_until,
        "allocations_until": batch.allocations_until,
    }
    for table in SEALED_COLUMNS if batch.version > 1 else _FIRST_TABLES:
        digest.update(_encode(table).encode() + b"\n[")
        separator = ""
        select = _rows_of_batch(connection, table, batch.version)
        for rows in stream(connection, select, values, chunk_rows=_CHUNK_ROWS):
            digest.update((separator + ",".join([text for (text,) in rows])).encode())
            rows_sealed += len(rows)
            separator = ","
        digest.update(b"]\n")
    return digest.hexdigest(), rows_sealed


def seal(connection: Connection, head: Head, batch: Batch) -> Seal:
    """Close a batch: store its totals and its seal, and move the account's head to it.

    The caller holds the head's lock and has inserted all of the batch's rows.
    """
    batch_hash, rows_sealed = hash_batch(connection, batch)
    amount_posted = add_totals(
        connection,
        account=batch.account,
        batch_no=batch.batch_no,
        postings_before=batch.postings_before,
    )
    closed = Seal(
        batch_no=batch.batch_no,
        hash=batch_hash,
        rows_sealed=rows_sealed,
        amount_posted=amount_posted,
    )
    connection.execute(
        sa.text(
            "INSERT INTO seal (account, batch_no, event, upload_id, sealed_at, rows_sealed,"
            " amount_posted, previous_hash, hash, version) VALUES (:account, :batch_no, :event,"
            " :upload_id, :sealed_at, :rows_sealed, :amount_posted, :previous_hash, :hash,"
            " :version)"
        ),
        {
            "account": batch.account,
            "batch_no": batch.batch_no,
            "event": batch.event,
            "upload_id": batch.upload_id,
            "sealed_at": batch.sealed_at,
            "rows_sealed": rows_sealed,
            "amount_posted": closed.amount_posted,
            "previous_hash": batch.previous_hash,
            "hash": batch_hash,
            "version": batch.version,
        },
    )
    head.batch_no = batch.batch_no
    head.hash = batch_hash
    head.sealed_at = batch.sealed_at
    store_head(connection, head)
    return closed


def _rows_of_batch(connection: Connection, table: str, version: int) -> str:
    columns = [
        column for column in SEALED_COLUMNS[table] if _ADDED_IN.get((table, column), 1) <= version
    ]
    row = _row_as_json(connection, columns)
    return f"SELECT {row} FROM {table} WHERE {_BELONGS[table]} ORDER BY {_ORDER[table]}"


def _row_as_json(connection: Connection, columns: Sequence[str]) -> str:
    """Return the SQL of a row as an array in JSON, byte for byte as Python writes it."""
    # The database writes it: one text for each row reaches Python, not fifteen objects.
    if connection.dialect.name == "sqlite":
        return f"json_array({', '.join(columns)})"
    cells = [f"COALESCE(CAST(to_json({column}) AS TEXT), 'null')" for column in columns]
    return f"format('[{','.join(['%s'] * len(cells))}]', {', '.join(cells)})"
