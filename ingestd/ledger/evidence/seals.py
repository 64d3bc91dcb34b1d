"""Seals: one per batch, a hash over all that the batch stored, chained to the batch before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.books.batches import VERSION, Batch
from ingestd.ledger.books.head import Head, store_head
from ingestd.ledger.books.totals import add_totals
from ingestd.ledger.evidence.chunks import Chunk, read_chunks, values_of
from ingestd.ledger.evidence.layouts import SEALED_TABLES
from ingestd.ledger.evidence.signing import Signing
from ingestd.ledger.evidence.tree_log import Grown, append_leaf
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.seal_hash import SealHeading, hash_seal

if TYPE_CHECKING:  # a daemon at rest does without arrays
    from ingestd.ledger.books.added_up import Totals
    from ingestd.ledger.evidence.written_chunks import WrittenRows

_SQL = Statements(__file__)
_ADDING_UP = {"charge": "add_up_charge", "posting": "add_up_posting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What of a batch was hashed and added up on its way into the books."""

    tables: tuple[WrittenRows, ...]
    totals: Totals | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What was sealed: the batch, its hash, how many rows and how much money it holds.

    `tree` is that of which the batch is the last leaf.
    """

    leaf: BatchLeaf
    tree: Grown

    @property
    def batch_no(self) -> int:
        """The batch's number, and the size of its tree."""
        return self.leaf.batch_no

    @property
    def hash(self) -> str:
        """The batch's hash, hexadecimal."""
        return self.leaf.seal_hash

    @property
    def rows_sealed(self) -> int:
        """How many rows it holds."""
        return self.leaf.rows_sealed

    @property
    def amount_posted(self) -> int:
        """How much money its postings move, in minor units."""
        return self.leaf.amount_posted


def heading_of(batch: Batch) -> SealHeading:
    """Return what a batch's seal says before the rows."""
    return SealHeading(
        previous_hash=batch.previous_hash,
        batch_no=batch.batch_no,
        event=batch.event,
        upload_id=batch.upload_id,
        sealed_at=batch.sealed_at,
    )


def seal(
    connection: Connection,
    head: Head,
    batch: Batch,
    *,
    statement: str | None = None,
    signing: Signing | None = None,
    written: Written | None = None,
) -> Seal:
    """Close a batch: store its totals, its seal and its leaf, and move the account's head to it.

    The caller holds the head's lock and has inserted all of the batch's rows. `statement` is the
    hash of its receipt's statement, where it gets one. With `signing` the tree's new root is
    signed. What was `written` of a large file is not read back, but counted and added up. Raises
    LedgerRolledBackError where the tree does not continue what was signed before; then nothing may
    be committed.
    """
    amount_posted = add_totals(
        connection,
        account=batch.account,
        batch_no=batch.batch_no,
        postings_before=batch.postings_before,
        totals=None if written is None else written.totals,
    )
    tables = () if written is None else written.tables
    chunks = _read_back(connection, head, batch, tables, amount_posted=amount_posted)
    leaf = BatchLeaf(
        account=batch.account,
        batch_no=batch.batch_no,
        event=batch.event,
        upload_id=batch.upload_id,
        sealed_at=batch.sealed_at,
        rows_sealed=sum(chunk.rows for chunk in chunks),
        amount_posted=amount_posted,
        seal_hash=hash_seal(heading_of(batch), (chunk.sealed for chunk in chunks)),
        statement=statement,
    )
    _store(connection, batch, leaf, chunks)
    tree = append_leaf(connection, head, leaf, signing=signing)
    head.batch_no = batch.batch_no
    head.hash = leaf.seal_hash
    head.sealed_at = batch.sealed_at
    store_head(connection, head)
    return Seal(leaf=leaf, tree=tree)


def _read_back(
    connection: Connection,
    head: Head,
    batch: Batch,
    tables: Sequence[WrittenRows],
    *,
    amount_posted: int,
) -> list[Chunk]:
    """Return the chunks of a batch as it is stored; all of it, or nothing of it may stay."""
    counts = _SQL.run(connection, "count_stored", values_of(batch)).mappings().one()
    numbered = {
        "party": head.parties - batch.parties_before,
        "code": head.codes - batch.codes_before,
        "charge": head.charges - batch.charges_before,
        "refund": head.refunds - batch.refunds_before,
        "payment": head.payments - batch.payments_before,
        "allocation": head.allocations - batch.allocations_before,
        "posting": head.postings - batch.postings_before,
    }
    chunks = []
    by_table = {rows.table: rows for rows in tables}
    for table in SEALED_TABLES:
        stored = int(counts[table])
        if stored != numbered.get(table, stored):
            raise AssertionError(f"{stored} rows of {table} are stored, not {numbered[table]}")
        if table in by_table:
            _compare(connection, batch, by_table[table])
            found = by_table[table].chunks
        else:
            found = list(read_chunks(connection, batch, table, rows=stored)) if stored else []
        if sum(chunk.rows for chunk in found) != stored:
            raise AssertionError(f"rows of {table} say that they are of another batch")
        chunks += found
    if int(counts["moved"]) != amount_posted:
        raise AssertionError("a batch's totals are what its postings move")
    return chunks


def _compare(connection: Connection, batch: Batch, written: WrittenRows) -> None:
    """Raise AssertionError where what is stored does not add up to what was hashed."""
    stored = _SQL.run(connection, _ADDING_UP[written.table], values_of(batch)).mappings().one()
    differing = [column for column, total in written.sums.items() if int(stored[column]) != total]
    if differing:
        raise AssertionError(
            f"what is stored as {written.table} is not what was hashed: {differing}"
        )


def _store(connection: Connection, batch: Batch, leaf: BatchLeaf, chunks: list[Chunk]) -> None:
    of_batch = {"account": batch.account, "batch_no": batch.batch_no}
    _SQL.run_many(
        connection,
        "insert_chunk",
        [
            {
                **of_batch,
                "table_name": chunk.table,
                "first_row": chunk.first_row,
                "row_count": chunk.rows,
                "layout": chunk.layout,
                "digest": chunk.digest,
            }
            for chunk in chunks
        ],
    )
    _SQL.run(
        connection,
        "insert_seal",
        {
            **of_batch,
            "event": batch.event,
            "upload_id": batch.upload_id,
            "sealed_at": batch.sealed_at,
            "rows_sealed": leaf.rows_sealed,
            "amount_posted": leaf.amount_posted,
            "previous_hash": batch.previous_hash,
            "hash": leaf.seal_hash,
            "version": VERSION,
        },
    )
