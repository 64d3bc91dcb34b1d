"""Layouts: which columns of which table a batch is sealed over, and in which order.

A table's layouts are numbered from 1 and kept for ever: a chunk says by which of them it was
made, so that a column that comes later leaves every older digest as it is. A new column is a new
layout behind the others. Tests hold the last of each table against the schema.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingestd.ledger.proof.digest import ColumnKind

_TEXT, _NUMBER, _OCTETS = ColumnKind.TEXT, ColumnKind.NUMBER, ColumnKind.OCTETS

_FIXED = re.compile(r"\b(\w+) = :\1\b")

Layout = Mapping[str, ColumnKind]
"""A table's columns, each with how its values are written down to be hashed, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedTable:
    """A table whose rows belong to batches.

    `belongs` says in SQL which rows are a batch's; it binds `:account`, `:batch_no`, `:upload_id`
    and the numbers that the batch lies between. `order` is the order of the rows: a chunk is
    named by the number that its first row has in `order`'s first column. A table without numbers
    holds few rows for each batch, and its chunks are named by their place.
    """

    belongs: str
    order: tuple[str, ...]
    is_numbered: bool = True
    layouts: tuple[Layout, ...]

    @property
    def fixed(self) -> frozenset[str]:
        """The columns that `belongs` compares with what it binds: alike in all rows of a batch."""
        return frozenset(_FIXED.findall(self.belongs))

    def layout(self, number: int) -> Layout | None:
        """Return one of the table's layouts, or None for a number that none has."""
        return self.layouts[number - 1] if 0 < number <= len(self.layouts) else None


def _numbered(number: str, counter: str) -> str:
    return (
        f"account = :account AND batch_no = :batch_no"
        f" AND {number} > :{counter}_before AND {number} <= :{counter}_until"
    )


_OF_BATCH = "account = :account AND batch_no = :batch_no"
_OF_UPLOAD = "account = :account AND upload_id = :upload_id"

SEALED_TABLES: Mapping[str, SealedTable] = MappingProxyType(
    {
        "file_outcome": SealedTable(
            belongs=_OF_UPLOAD,
            order=("upload_id",),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "upload_id": _TEXT,
                    "batch_no": _NUMBER,
                    "filename": _TEXT,
                    "format": _TEXT,
                    "source": _TEXT,
                    "sha256": _TEXT,
                    "size_bytes": _NUMBER,
                    "received_at": _NUMBER,
                    "finished_at": _NUMBER,
                    "peer": _TEXT,
                    "session_id": _TEXT,
                    "key_fingerprint": _TEXT,
                    "client_version": _TEXT,
                    "node": _TEXT,
                    "location": _TEXT,
                    "status": _TEXT,
                    "records": _NUMBER,
                    "applied": _NUMBER,
                    "duplicate": _NUMBER,
                    "conflict": _NUMBER,
                    "rejected": _NUMBER,
                    "applied_amount": _NUMBER,
                    "findings": _NUMBER,
                },
            ),
        ),
        "row_outcome": SealedTable(
            belongs=_OF_UPLOAD,
            order=("row",),
            layouts=(
                {
                    "account": _TEXT,
                    "upload_id": _TEXT,
                    "row": _NUMBER,
                    "row_count": _NUMBER,
                    "line": _NUMBER,
                    "outcome": _TEXT,
                    "earlier_batch_no": _NUMBER,
                    "charge_no": _NUMBER,
                    "payment_no": _NUMBER,
                },
            ),
        ),
        "finding": SealedTable(
            belongs=_OF_UPLOAD,
            order=("finding_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "upload_id": _TEXT,
                    "finding_no": _NUMBER,
                    "code": _TEXT,
                    "verdict": _TEXT,
                    "row": _NUMBER,
                    "line": _NUMBER,
                    "column_name": _TEXT,
                    "value": _TEXT,
                    "message": _TEXT,
                    "row_key": _TEXT,
                    "party_code": _TEXT,
                },
            ),
        ),
        "entry": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "batch_no": _NUMBER,
                    "command": _TEXT,
                    "entered_by": _TEXT,
                    "reason": _TEXT,
                    "source": _TEXT,
                },
            ),
        ),
        "catalog_fact": SealedTable(
            belongs=_OF_BATCH,
            order=("kind", "row_key"),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "batch_no": _NUMBER,
                    "kind": _TEXT,
                    "row_key": _TEXT,
                    "columns": _TEXT,
                },
            ),
        ),
        "family_change": SealedTable(
            belongs=_OF_BATCH,
            order=("party_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "batch_no": _NUMBER,
                    "party_no": _NUMBER,
                    "old_parent_code": _TEXT,
                    "new_parent_code": _TEXT,
                    "effective_on": _NUMBER,
                    "open_amount": _NUMBER,
                    "waiting_amount": _NUMBER,
                },
            ),
        ),
        "party": SealedTable(
            belongs=_numbered("party_no", "parties"),
            order=("party_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "party_no": _NUMBER,
                    "kind": _TEXT,
                    "party_code": _TEXT,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "code": SealedTable(
            belongs=_numbered("code_no", "codes"),
            order=("code_no",),
            layouts=({"account": _TEXT, "code_no": _NUMBER, "code": _TEXT, "batch_no": _NUMBER},),
        ),
        "charge": SealedTable(
            belongs=_numbered("charge_no", "charges"),
            order=("charge_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "charge_no": _NUMBER,
                    "tracking_id": _TEXT,
                    "content_hash": _OCTETS,
                    "party_no": _NUMBER,
                    "receivable_account": _NUMBER,
                    "product_no": _NUMBER,
                    "amount": _NUMBER,
                    "tax": _NUMBER,
                    "note": _TEXT,
                    "occurred_at": _NUMBER,
                    "effective_on": _NUMBER,
                    "batch_no": _NUMBER,
                    "row": _NUMBER,
                },
            ),
        ),
        "charge_tax": SealedTable(
            belongs=_numbered("charge_no", "charges"),
            order=("charge_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "charge_no": _NUMBER,
                    "tax_code": _TEXT,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "refund": SealedTable(
            belongs=_numbered("refund_no", "refunds"),
            order=("refund_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "refund_no": _NUMBER,
                    "charge_no": _NUMBER,
                    "amount": _NUMBER,
                    "tax": _NUMBER,
                    "paid_to": _TEXT,
                    "refund_key": _TEXT,
                    "content_hash": _OCTETS,
                    "tx_item_rowid": _TEXT,
                    "note": _TEXT,
                    "effective_on": _NUMBER,
                    "batch_no": _NUMBER,
                    "row": _NUMBER,
                },
            ),
        ),
        "write_off": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "batch_no": _NUMBER,
                    "charge_no": _NUMBER,
                    "amount": _NUMBER,
                    "tax": _NUMBER,
                    "write_off_key": _TEXT,
                    "content_hash": _OCTETS,
                    "effective_on": _NUMBER,
                },
            ),
        ),
        "transfer": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "batch_no": _NUMBER,
                    "transfer_id": _TEXT,
                    "content_hash": _OCTETS,
                    "from_party_no": _NUMBER,
                    "from_account": _NUMBER,
                    "to_party_no": _NUMBER,
                    "to_account": _NUMBER,
                    "amount": _NUMBER,
                    "for_charge_no": _NUMBER,
                    "effective_on": _NUMBER,
                },
            ),
        ),
        "payout": SealedTable(
            belongs=_numbered("charge_no", "charges"),
            order=("charge_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "charge_no": _NUMBER,
                    "from_account": _NUMBER,
                    "method": _TEXT,
                    "payee": _TEXT,
                    "reference": _TEXT,
                    "refund_no": _NUMBER,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "payout_event": SealedTable(
            belongs=_OF_BATCH,
            order=("charge_no", "event"),
            layouts=(
                {
                    "account": _TEXT,
                    "charge_no": _NUMBER,
                    "event": _TEXT,
                    "effective_on": _NUMBER,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "cash_deposit": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "batch_no": _NUMBER,
                    "deposit_id": _TEXT,
                    "content_hash": _OCTETS,
                    "amount": _NUMBER,
                    "reference": _TEXT,
                    "effective_on": _NUMBER,
                },
            ),
        ),
        "batch_confirmed": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_num", "merchant_id"),
            is_numbered=False,
            layouts=(
                {
                    "account": _TEXT,
                    "batch_num": _TEXT,
                    "merchant_id": _TEXT,
                    "total": _NUMBER,
                    "effective_on": _NUMBER,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "guest": SealedTable(
            belongs=_numbered("party_no", "parties"),
            order=("party_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "party_no": _NUMBER,
                    "name": _TEXT,
                    "email": _TEXT,
                    "phone": _TEXT,
                    "address": _TEXT,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "payment": SealedTable(
            belongs=_numbered("payment_no", "payments"),
            order=("payment_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "payment_no": _NUMBER,
                    "payment_id": _TEXT,
                    "content_hash": _OCTETS,
                    "kind": _TEXT,
                    "party_no": _NUMBER,
                    "amount": _NUMBER,
                    "submitted_at": _NUMBER,
                    "received_on": _NUMBER,
                    "merchant_id": _TEXT,
                    "batch_num": _TEXT,
                    "receipt_num": _TEXT,
                    "for_charge_no": _NUMBER,
                    "comment": _TEXT,
                    "batch_no": _NUMBER,
                    "row": _NUMBER,
                },
            ),
        ),
        "payment_detail": SealedTable(
            belongs=_numbered("payment_no", "payments"),
            order=("payment_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "payment_no": _NUMBER,
                    "received_from": _TEXT,
                    "address_1": _TEXT,
                    "address_2": _TEXT,
                    "address_3": _TEXT,
                    "town": _TEXT,
                    "state": _TEXT,
                    "postcode": _TEXT,
                    "country": _TEXT,
                    "comment": _TEXT,
                    "gl_account": _TEXT,
                    "tax_code": _TEXT,
                    "nett": _NUMBER,
                    "tax": _NUMBER,
                    "donor_number": _TEXT,
                    "appeal_code": _TEXT,
                    "pledge_number": _TEXT,
                    "par_code": _TEXT,
                    "student_code": _TEXT,
                    "receipt_type": _TEXT,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "payment_part": SealedTable(
            belongs=_numbered("payment_no", "payments"),
            order=("payment_no", "part_no"),
            layouts=(
                {
                    "account": _TEXT,
                    "payment_no": _NUMBER,
                    "part_no": _NUMBER,
                    "kind": _TEXT,
                    "amount": _NUMBER,
                    "party_no": _NUMBER,
                    "gl_account": _TEXT,
                    "tax_code": _TEXT,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "payment_event": SealedTable(
            belongs=_OF_BATCH,
            order=("payment_no", "event"),
            layouts=(
                {
                    "account": _TEXT,
                    "payment_no": _NUMBER,
                    "event": _TEXT,
                    "effective_on": _NUMBER,
                    "reason": _TEXT,
                    "batch_no": _NUMBER,
                },
            ),
        ),
        "allocation": SealedTable(
            belongs=_numbered("allocation_no", "allocations"),
            order=("allocation_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "allocation_no": _NUMBER,
                    "payment_no": _NUMBER,
                    "credit_account": _NUMBER,
                    "party_no": _NUMBER,
                    "charge_no": _NUMBER,
                    "amount": _NUMBER,
                    "tax": _NUMBER,
                    "rule": _TEXT,
                    "effective_on": _NUMBER,
                    "batch_no": _NUMBER,
                    "posting_no": _NUMBER,
                    "reverses_allocation_no": _NUMBER,
                },
            ),
        ),
        "period_close": SealedTable(
            belongs=_OF_BATCH,
            order=("month",),
            is_numbered=False,
            layouts=({"account": _TEXT, "month": _TEXT, "batch_no": _NUMBER},),
        ),
        "resumption": SealedTable(
            belongs=_OF_BATCH,
            order=("origin_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "origin_no": _NUMBER,
                    "batch_no": _NUMBER,
                    "lost_origin": _TEXT,
                    "lost_size": _NUMBER,
                    "lost_root": _TEXT,
                    "resumed_by": _TEXT,
                    "reason": _TEXT,
                },
            ),
        ),
        "posting": SealedTable(
            belongs=_numbered("posting_no", "postings"),
            order=("posting_no",),
            layouts=(
                {
                    "account": _TEXT,
                    "posting_no": _NUMBER,
                    "batch_no": _NUMBER,
                    "event": _TEXT,
                    "effective_on": _NUMBER,
                    "debit_account": _NUMBER,
                    "credit_account": _NUMBER,
                    "amount": _NUMBER,
                    "debit_party_no": _NUMBER,
                    "credit_party_no": _NUMBER,
                    "charge_no": _NUMBER,
                    "payment_no": _NUMBER,
                    "product_no": _NUMBER,
                    "reverses_posting_no": _NUMBER,
                },
            ),
        ),
    }
)
"""Every table whose rows belong to a batch, in the order in which a seal lists their chunks."""

SEALED_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: tuple(table.layouts[-1]) for name, table in SEALED_TABLES.items()}
)
"""Every sealed table with all of its columns: a changed cell changes the seal."""
