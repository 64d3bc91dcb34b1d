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


def _columns(written: str) -> Layout:
    """Return the layout of columns, each written with what it holds, in their order."""
    pairs = (column.split() for column in written.split(", "))
    return MappingProxyType({name: ColumnKind(kind) for name, kind in pairs})


_OF_BATCH = "account = :account AND batch_no = :batch_no"
_OF_UPLOAD = "account = :account AND upload_id = :upload_id"

SEALED_TABLES: Mapping[str, SealedTable] = MappingProxyType(
    {
        "file_outcome": SealedTable(
            belongs=_OF_UPLOAD,
            order=("upload_id",),
            is_numbered=False,
            layouts=(
                _columns(
                    "account text, upload_id text, batch_no number, filename text, format text, "
                    "source text, sha256 text, size_bytes number, received_at number, "
                    "finished_at number, peer text, session_id text, key_fingerprint text, "
                    "client_version text, sent_by text, node text, location text, status text, "
                    "records number, applied number, duplicate number, conflict number, "
                    "rejected number, applied_amount number, findings number"
                ),
            ),
        ),
        "row_outcome": SealedTable(
            belongs=_OF_UPLOAD,
            order=("row",),
            layouts=(
                _columns(
                    "account text, upload_id text, row number, row_count number, line number, "
                    "outcome text, earlier_batch_no number, charge_no number, payment_no number"
                ),
            ),
        ),
        "finding": SealedTable(
            belongs=_OF_UPLOAD,
            order=("finding_no",),
            layouts=(
                _columns(
                    "account text, upload_id text, finding_no number, code text, verdict text, "
                    "row number, line number, column_name text, value text, message text, "
                    "row_key text, party_code text"
                ),
            ),
        ),
        "entry": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                _columns(
                    "account text, batch_no number, command text, entered_by text, reason text, "
                    "source text"
                ),
            ),
        ),
        "catalog_fact": SealedTable(
            belongs=_OF_BATCH,
            order=("kind", "row_key"),
            is_numbered=False,
            layouts=(
                _columns("account text, batch_no number, kind text, row_key text, columns text"),
            ),
        ),
        "family_change": SealedTable(
            belongs=_OF_BATCH,
            order=("party_no",),
            layouts=(
                _columns(
                    "account text, batch_no number, party_no number, old_parent_code text, "
                    "new_parent_code text, effective_on number, open_amount number, "
                    "waiting_amount number"
                ),
            ),
        ),
        "party": SealedTable(
            belongs=_numbered("party_no", "parties"),
            order=("party_no",),
            layouts=(
                _columns(
                    "account text, party_no number, kind text, party_code text, batch_no number"
                ),
            ),
        ),
        "code": SealedTable(
            belongs=_numbered("code_no", "codes"),
            order=("code_no",),
            layouts=(_columns("account text, code_no number, code text, batch_no number"),),
        ),
        "charge": SealedTable(
            belongs=_numbered("charge_no", "charges"),
            order=("charge_no",),
            layouts=(
                _columns(
                    "account text, charge_no number, tracking_id text, content_hash octets, "
                    "party_no number, receivable_account number, product_no number, "
                    "amount number, tax number, note text, occurred_at number, "
                    "effective_on number, batch_no number, row number"
                ),
            ),
        ),
        "charge_tax": SealedTable(
            belongs=_numbered("charge_no", "charges"),
            order=("charge_no",),
            layouts=(_columns("account text, charge_no number, tax_code text, batch_no number"),),
        ),
        "refund": SealedTable(
            belongs=_numbered("refund_no", "refunds"),
            order=("refund_no",),
            layouts=(
                _columns(
                    "account text, refund_no number, charge_no number, amount number, tax number, "
                    "paid_to text, refund_key text, content_hash octets, tx_item_rowid text, "
                    "note text, effective_on number, batch_no number, row number"
                ),
            ),
        ),
        "write_off": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                _columns(
                    "account text, batch_no number, charge_no number, amount number, tax number, "
                    "write_off_key text, content_hash octets, effective_on number"
                ),
            ),
        ),
        "transfer": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                _columns(
                    "account text, batch_no number, transfer_id text, content_hash octets, "
                    "from_party_no number, from_account number, to_party_no number, "
                    "to_account number, amount number, for_charge_no number, effective_on number"
                ),
            ),
        ),
        "payout": SealedTable(
            belongs=_numbered("charge_no", "charges"),
            order=("charge_no",),
            layouts=(
                _columns(
                    "account text, charge_no number, from_account number, method text, "
                    "payee text, reference text, refund_no number, batch_no number"
                ),
            ),
        ),
        "payout_event": SealedTable(
            belongs=_OF_BATCH,
            order=("charge_no", "event"),
            layouts=(
                _columns(
                    "account text, charge_no number, event text, effective_on number, "
                    "batch_no number"
                ),
            ),
        ),
        "cash_deposit": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_no",),
            is_numbered=False,
            layouts=(
                _columns(
                    "account text, batch_no number, deposit_id text, content_hash octets, "
                    "amount number, reference text, effective_on number"
                ),
            ),
        ),
        "batch_confirmed": SealedTable(
            belongs=_OF_BATCH,
            order=("batch_num", "merchant_id"),
            is_numbered=False,
            layouts=(
                _columns(
                    "account text, batch_num text, merchant_id text, total number, "
                    "effective_on number, batch_no number"
                ),
            ),
        ),
        "guest": SealedTable(
            belongs=_numbered("party_no", "parties"),
            order=("party_no",),
            layouts=(
                _columns(
                    "account text, party_no number, name text, email text, phone text, "
                    "address text, batch_no number"
                ),
            ),
        ),
        "payment": SealedTable(
            belongs=_numbered("payment_no", "payments"),
            order=("payment_no",),
            layouts=(
                _columns(
                    "account text, payment_no number, payment_id text, content_hash octets, "
                    "kind text, party_no number, amount number, submitted_at number, "
                    "received_on number, merchant_id text, batch_num text, receipt_num text, "
                    "for_charge_no number, comment text, batch_no number, row number"
                ),
            ),
        ),
        "payment_detail": SealedTable(
            belongs=_numbered("payment_no", "payments"),
            order=("payment_no",),
            layouts=(
                _columns(
                    "account text, payment_no number, received_from text, address_1 text, "
                    "address_2 text, address_3 text, town text, state text, postcode text, "
                    "country text, comment text, gl_account text, tax_code text, nett number, "
                    "tax number, donor_number text, appeal_code text, pledge_number text, "
                    "par_code text, student_code text, receipt_type text, batch_no number"
                ),
            ),
        ),
        "payment_part": SealedTable(
            belongs=_numbered("payment_no", "payments"),
            order=("payment_no", "part_no"),
            layouts=(
                _columns(
                    "account text, payment_no number, part_no number, kind text, amount number, "
                    "party_no number, gl_account text, tax_code text, batch_no number"
                ),
            ),
        ),
        "payment_event": SealedTable(
            belongs=_OF_BATCH,
            order=("payment_no", "event"),
            layouts=(
                _columns(
                    "account text, payment_no number, event text, effective_on number, "
                    "reason text, batch_no number"
                ),
            ),
        ),
        "allocation": SealedTable(
            belongs=_numbered("allocation_no", "allocations"),
            order=("allocation_no",),
            layouts=(
                _columns(
                    "account text, allocation_no number, payment_no number, "
                    "credit_account number, party_no number, charge_no number, amount number, "
                    "tax number, rule text, effective_on number, batch_no number, "
                    "posting_no number, reverses_allocation_no number"
                ),
            ),
        ),
        "period_close": SealedTable(
            belongs=_OF_BATCH,
            order=("month",),
            is_numbered=False,
            layouts=(_columns("account text, month text, batch_no number"),),
        ),
        "resumption": SealedTable(
            belongs=_OF_BATCH,
            order=("origin_no",),
            layouts=(
                _columns(
                    "account text, origin_no number, batch_no number, lost_origin text, "
                    "lost_size number, lost_root text, resumed_by text, reason text"
                ),
            ),
        ),
        "posting": SealedTable(
            belongs=_numbered("posting_no", "postings"),
            order=("posting_no",),
            layouts=(
                _columns(
                    "account text, posting_no number, batch_no number, event text, "
                    "effective_on number, debit_account number, credit_account number, "
                    "amount number, debit_party_no number, credit_party_no number, "
                    "charge_no number, payment_no number, product_no number, "
                    "reverses_posting_no number"
                ),
            ),
        ),
    }
)
"""Every table whose rows belong to a batch, in the order in which a seal lists their chunks."""

SEALED_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {name: tuple(table.layouts[-1]) for name, table in SEALED_TABLES.items()}
)
"""Every sealed table with all of its columns: a changed cell changes the seal."""
