"""Seals: one per batch, a hash over all that the batch stored, chained to the batch before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestd.database.bulk import stream
from ingestd.ledger.head import Head, store_head
from ingestd.values.identifiers import AccountId, UploadId

_CHUNK_ROWS = 5_000

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
        "row_outcome": ("account", "upload_id", "row", "line", "outcome", "charge_no"),
        "finding": (
            *("account", "upload_id", "finding_no", "code", "verdict", "row", "line"),
            *("column_name", "value", "message"),
        ),
        "charge": (
            *("account", "charge_no", "tracking_id", "content_hash", "party_no", "account_type"),
            *("billing_code", "amount", "tax", "note", "occurred_at", "effective_on", "batch_no"),
            *("upload_id", "row"),
        ),
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
    "charge": "charge_no",
    "posting": "posting_no",
}
_OF_BATCH = "account = :account AND batch_no = :batch_no"
_OF_UPLOAD = "account = :account AND upload_id = :upload_id"
_BELONGS = {
    "file_outcome": _OF_BATCH,
    "row_outcome": _OF_UPLOAD,
    "finding": _OF_UPLOAD,
    "charge": f"{_OF_BATCH} AND charge_no > :charges_before",
    "posting": f"{_OF_BATCH} AND posting_no > :postings_before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What was sealed: the batch, its hash, how many rows and how much money it holds."""

    batch_no: int
    hash: str
    rows_sealed: int
    amount_posted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch's place in the books: what its rows are found by."""

    account: AccountId
    batch_no: int
    previous_hash: str
    event: str
    upload_id: UploadId | None = None
    charges_before: int = 0
    postings_before: int = 0


def open_batch(head: Head, *, event: str, upload_id: UploadId | None = None) -> Batch:
    """Number the account's next batch; the caller holds the head's lock."""
    return Batch(
        account=head.account,
        batch_no=head.batch_no + 1,
        previous_hash=head.hash,
        event=event,
        upload_id=upload_id,
        charges_before=head.charges,
        postings_before=head.postings,
    )


def hash_batch(connection: Connection, batch: Batch) -> tuple[str, int]:
    """Return a batch's hash as its stored rows give it, and how many rows there are.

    SHA-256 over UTF-8 lines of JSON without spaces: an array of the previous hash, the batch
    number and the event; then for each table its name, and on the next line an array of its
    rows, each an array of all columns. Anybody can compute it again from the tables, in any
    language.
    """
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    digest = hashlib.sha256()
    rows_sealed = 0
    digest.update(encode([batch.previous_hash, batch.batch_no, batch.event]).encode() + b"\n")
    values = {
        "account": batch.account,
        "batch_no": batch.batch_no,
        "upload_id": batch.upload_id,
        "charges_before": batch.charges_before,
        "postings_before": batch.postings_before,
    }
    for table in SEALED_COLUMNS:
        digest.update(encode(table).encode() + b"\n[")
        separator = ""
        for rows in stream(connection, _rows_of_batch(table), values, chunk_rows=_CHUNK_ROWS):
            text = separator + encode(rows)[1:-1]
            digest.update(text.encode("utf-8", "surrogatepass"))
            rows_sealed += len(rows)
            separator = ","
        digest.update(b"]\n")
    return digest.hexdigest(), rows_sealed


def seal(connection: Connection, head: Head, batch: Batch, *, sealed_at: int) -> Seal:
    """Close a batch: store its seal and move the account's head to it.

    `sealed_at` is in microseconds since 1970, and is when the books knew of the batch. The
    caller holds the head's lock and has inserted all of the batch's rows.
    """
    batch_hash, rows_sealed = hash_batch(connection, batch)
    amount_posted = connection.execute(
        sa.text(
            "SELECT COALESCE(SUM(amount), 0) FROM posting WHERE account = :account"
            " AND batch_no = :batch_no AND posting_no > :postings_before"
        ),
        {
            "account": batch.account,
            "batch_no": batch.batch_no,
            "postings_before": batch.postings_before,
        },
    ).scalar_one()
    closed = Seal(
        batch_no=batch.batch_no,
        hash=batch_hash,
        rows_sealed=rows_sealed,
        amount_posted=int(amount_posted),
    )
    connection.execute(
        sa.text(
            "INSERT INTO seal (account, batch_no, event, upload_id, sealed_at, rows_sealed,"
            " amount_posted, previous_hash, hash) VALUES (:account, :batch_no, :event, :upload_id,"
            " :sealed_at, :rows_sealed, :amount_posted, :previous_hash, :hash)"
        ),
        {
            "account": batch.account,
            "batch_no": batch.batch_no,
            "event": batch.event,
            "upload_id": batch.upload_id,
            "sealed_at": sealed_at,
            "rows_sealed": rows_sealed,
            "amount_posted": closed.amount_posted,
            "previous_hash": batch.previous_hash,
            "hash": batch_hash,
        },
    )
    head.batch_no = batch.batch_no
    head.hash = batch_hash
    store_head(connection, head)
    return closed


def _rows_of_batch(table: str) -> str:
    columns = ", ".join(SEALED_COLUMNS[table])
    return f"SELECT {columns} FROM {table} WHERE {_BELONGS[table]} ORDER BY {_ORDER[table]}"
