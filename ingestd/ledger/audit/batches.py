"""Batches as they are stored now: each is hashed again from its rows, and held to its seal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy.engine import Connection

from ingestd.database.statements import Statements
from ingestd.ledger.audit.beside import Beside
from ingestd.ledger.audit.confirming import confirm
from ingestd.ledger.audit.sides import Sides
from ingestd.ledger.audit.spans import NUMBERED, SealedAs, Span, Spans, key_of
from ingestd.ledger.books.batches import VERSION, Batch
from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.ledger.evidence.chunks import Chunk, read_chunks, read_chunks_from
from ingestd.ledger.evidence.layouts import SEALED_TABLES
from ingestd.ledger.evidence.seals import heading_of
from ingestd.ledger.outcomes.file_outcomes import read_file_outcome
from ingestd.ledger.outcomes.statements import read_statement
from ingestd.ledger.proof.digest import CHUNK_ROWS
from ingestd.ledger.proof.leaf import BatchLeaf
from ingestd.ledger.proof.seal_hash import SealedChunk, hash_seal
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedBatch:
    """A batch: its leaf as its stored rows give it, and where these are not what was sealed.

    `leaf` is None where they are nothing that could have been sealed.
    """

    batch_no: int
    upload_id: UploadId | None
    hash: str
    sealed_at: int
    leaf: BatchLeaf | None
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an account's batches are read with: in one snapshot, each row once.

    All that is read is put to the `sides`, too; what is read `beside` is put to its own. `decimals`
    are those of the account's currency: a receipt writes amounts with them.
    """

    connection: Connection
    account: AccountId
    spans: Spans
    sides: Sides
    beside: Beside
    decimals: int


def check_batches(reading: Reading) -> Iterator[CheckedBatch]:
    """Hash every batch again from its stored rows, and hold it to its seal, chunks and leaf."""
    connection, values = reading.connection, {"account": reading.account}
    leaves = {
        row.batch_no: bytes(row.hash) for row in _SQL.run(connection, "read_stored_leaves", values)
    }
    chunks = _sealed_chunks(connection, reading.account)
    waiting = next(chunks, None)
    counted = dict.fromkeys(NUMBERED, 0)
    last_no, last_hash, last_sealed_at = 0, GENESIS_HASH, 0
    for seal in _SQL.run(connection, "read_seals", values).all():
        sealed: list[SealedAs] = []
        stray = []
        while waiting is not None and waiting[0] <= seal.batch_no:
            if waiting[0] == seal.batch_no:
                sealed = waiting[1]
            else:
                stray.append(f"chunks are kept of a batch {waiting[0]} that is not sealed")
            waiting = next(chunks, None)
        found = []
        if seal.batch_no != last_no + 1:
            found.append(f"its number follows {last_no}")
        if seal.previous_hash != last_hash:
            found.append("it is not linked to the seal before it")
        if seal.sealed_at <= last_sealed_at:
            found.append("it is not dated later than the batch before it")
        if seal.version != VERSION:
            found.append(f"it was sealed in a way that is not known here, {seal.version}")
        batch, misnumbered = _placed(reading.account, seal, reading.spans, counted)
        leaf, differences = _check(reading, batch, seal, sealed, leaves.get(seal.batch_no))
        yield CheckedBatch(
            batch_no=seal.batch_no,
            upload_id=seal.upload_id,
            hash=seal.hash,
            sealed_at=seal.sealed_at,
            leaf=leaf,
            differences=(*stray, *found, *misnumbered, *differences),
        )
        last_no, last_hash, last_sealed_at = seal.batch_no, seal.hash, seal.sealed_at


def _sealed_chunks(
    connection: Connection, account: AccountId
) -> Iterator[tuple[int, list[SealedAs]]]:
    rows = _SQL.run(connection, "read_sealed_chunks", {"account": account})
    for batch_no, chunks in groupby(rows, key=lambda row: int(row.batch_no)):
        yield (
            batch_no,
            [
                SealedAs(row.table_name, row.first_row, row.row_count, row.layout, row.digest)
                for row in chunks
            ],
        )


def _placed(
    account: AccountId,
    seal: Any,  # noqa: ANN401 - a row of the seal table
    spans: Spans,
    counted: dict[str, int],
) -> tuple[Batch, list[str]]:
    """Return where a batch's rows lie, and what is wrong with their numbers; count them in."""
    before, until, found = {}, {}, []
    for counter, (table, _) in NUMBERED.items():
        span = spans[table].get(seal.batch_no)
        before[counter] = counted[counter] if span is None else span.first - 1
        until[counter] = counted[counter] if span is None else span.last
        if span is None:
            continue
        if (span.first, span.last) != (counted[counter] + 1, counted[counter] + span.rows):
            found.append(
                f"its rows of {table} are numbered {span.first} to {span.last}, and there are"
                f" {span.rows} after {counted[counter]}"
            )
        counted[counter] += span.rows
    batch = Batch(
        account=account,
        batch_no=seal.batch_no,
        previous_hash=seal.previous_hash,
        event=seal.event,
        sealed_at=seal.sealed_at,
        upload_id=seal.upload_id,
        charges_before=before["charges"],
        postings_before=before["postings"],
        parties_before=before["parties"],
        refunds_before=before["refunds"],
        payments_before=before["payments"],
        allocations_before=before["allocations"],
        codes_before=before["codes"],
        charges_until=until["charges"],
        postings_until=until["postings"],
        parties_until=until["parties"],
        refunds_until=until["refunds"],
        payments_until=until["payments"],
        allocations_until=until["allocations"],
        codes_until=until["codes"],
    )
    return batch, found


def _check(
    reading: Reading,
    batch: Batch,
    seal: Any,  # noqa: ANN401 - a row of the seal table
    sealed: Sequence[SealedAs],
    stored_leaf: bytes | None,
) -> tuple[BatchLeaf | None, list[str]]:
    chunks, differences = _read_back(reading, batch, sealed)
    differences += [
        f"chunks are kept of {table}, which is not sealed"
        for table in sorted({chunk.table for chunk in sealed} - set(SEALED_TABLES))
    ]
    try:
        leaf = _leaf_of(reading, batch, chunks)
    except (TypeError, ValueError, OverflowError) as error:
        return None, [*differences, f"its seal says what no batch can be: {error}"]
    if not differences and leaf.seal_hash != seal.hash:
        differences.append("its stored rows do not give the hash that it was sealed with")
    if leaf.rows_sealed != seal.rows_sealed:
        differences.append(f"it holds {leaf.rows_sealed} rows, and {seal.rows_sealed} were sealed")
    if leaf.amount_posted != seal.amount_posted:
        differences.append(
            f"its postings move {leaf.amount_posted} minor units, and {seal.amount_posted} were"
            " sealed"
        )
    if not differences and stored_leaf != leaf.hash():
        differences.append("its leaf in the tree is not the one that its stored rows give")
    return leaf, differences


def _read_back(
    reading: Reading, batch: Batch, sealed: Sequence[SealedAs]
) -> tuple[list[Chunk], list[str]]:
    """Return the chunks that a batch's rows come to, and where they differ."""
    as_sealed: dict[str, list[SealedAs]] = {}
    for was in sealed:
        as_sealed.setdefault(was.table, []).append(was)
    rows = {}
    for table in SEALED_TABLES:
        key = batch.batch_no if key_of(table) == "batch_no" else batch.upload_id
        span = reading.spans[table].get(key)
        if span is not None or table in as_sealed:
            rows[table] = 0 if span is None else span.rows

    def confirm_table(table: str, connection: Connection, sides: Sides) -> list[Chunk] | None:
        was = as_sealed.get(table, [])
        return confirm(connection, batch, table, was, rows=rows[table], sides=sides)

    # Postings are half of nearly every batch.
    has_many = rows.get("posting", 0) > CHUNK_ROWS
    postings = reading.beside.run(partial(confirm_table, "posting")) if has_many else None
    chunks: list[Chunk] = []
    differences = []
    for table, stored in rows.items():
        if table == "posting" and postings is not None:
            found = postings()
        else:
            found = confirm_table(table, reading.connection, reading.sides)
        if found is None:
            found, messages = _check_table(
                reading.connection, batch, table, as_sealed.get(table, []), rows=stored
            )
            differences += messages
        chunks += found
    return chunks, differences


def _check_table(
    connection: Connection, batch: Batch, table: str, sealed: Sequence[SealedAs], *, rows: int
) -> tuple[list[Chunk], list[str]]:
    """Return the chunks that a batch's rows of a table come to, and those that differ."""
    layouts = {chunk.layout for chunk in sealed}
    layout = layouts.pop() if len(layouts) == 1 else None
    if sealed and (layout is None or SEALED_TABLES[table].layout(layout) is None):
        return [], [f"{table} was sealed by a layout that is not known here"]
    try:
        found = list(read_chunks(connection, batch, table, rows=rows, layout=layout))
        if [SealedAs(c.table, c.first_row, c.rows, c.layout, c.digest) for c in found] == [*sealed]:
            return found, []
        if not sealed:
            return found, [f"{rows} rows of {table} were never sealed"]
        firsts = [chunk.first_row for chunk in sealed]
        parts = list(
            read_chunks_from(
                connection, batch, table, layout=sealed[0].layout, firsts=firsts, rows=rows
            )
        )
    except (TypeError, OverflowError, ValueError):
        return [], [f"{table} holds values that were never sealed"]
    messages = [
        _difference(place, was, part)
        for place, (was, part) in enumerate(zip(sealed, parts, strict=True), start=1)
        if part is None
        or (part.rows, part.first_row, part.digest) != (was.rows, was.first_row, was.digest)
    ]
    # A table without numbers has its rows where its chunk says that they are.
    return found, messages or [f"its chunks of {table} are not kept as they were sealed"]


def _difference(place: int, was: SealedAs, now: Chunk | None) -> str:
    last = was.first_row + was.rows - 1 if now is None else max(now.last_row, was.first_row)
    where = f"chunk {place} of {was.table}, rows {was.first_row} to {last}"
    rows = 0 if now is None else now.rows
    if rows != was.rows:
        return f"{where}: {rows} rows are stored, and {was.rows} were sealed"
    return f"{where}: what is stored is not what was sealed"


def _leaf_of(reading: Reading, batch: Batch, chunks: list[Chunk]) -> BatchLeaf:
    connection, spans = reading.connection, reading.spans
    statement = None
    if batch.upload_id is not None:
        outcome = read_file_outcome(connection, batch.account, batch.upload_id)
        if outcome is not None:
            statement = read_statement(connection, outcome, decimals=reading.decimals).hash()
    sealed = [SealedChunk(chunk.table, chunk.first_row, chunk.digest) for chunk in chunks]
    return BatchLeaf(
        account=batch.account,
        batch_no=batch.batch_no,
        event=batch.event,
        upload_id=batch.upload_id,
        sealed_at=batch.sealed_at,
        rows_sealed=sum(chunk.rows for chunk in chunks),
        amount_posted=_amount_posted(connection, batch, spans["posting"].get(batch.batch_no)),
        seal_hash=hash_seal(heading_of(batch), sealed),
        statement=statement,
    )


def _amount_posted(connection: Connection, batch: Batch, span: Span | None) -> int:
    if span is None:
        return 0
    values = {"account": batch.account, "batch_no": batch.batch_no}
    between = {"first": span.first, "last": span.last}
    return int(_SQL.run(connection, "sum_posted", values | between).scalar_one())
