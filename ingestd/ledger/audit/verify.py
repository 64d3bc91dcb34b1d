"""Verifying: whether what is stored says what was sealed, and agrees with itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy.engine import Connection, Row

from ingestd.database.statements import Statements
from ingestd.ledger.audit.agreement import AGREEMENTS_OF_FACTS, Check, Disagreement
from ingestd.ledger.audit.identities import Identity, add_up_identities
from ingestd.ledger.audit.projections import AGREEMENTS_OF_PROJECTIONS
from ingestd.ledger.books.batches import VERSION, Batch
from ingestd.ledger.books.head import GENESIS_HASH
from ingestd.ledger.evidence.seals import hash_batch
from ingestd.values.identifiers import AccountId, UploadId

_SQL = Statements(__file__)

AGREEMENTS: Mapping[str, tuple[Check, ...]] = MappingProxyType(
    {**AGREEMENTS_OF_FACTS, **AGREEMENTS_OF_PROJECTIONS}
)
"""Every check that what is stored twice agrees, by its public name."""

# The tables whose rows are numbered within their account, by the head's counter of each.
_NUMBERED = {
    "parties": "party",
    "charges": "charge",
    "refunds": "refund",
    "payments": "payment",
    "allocations": "allocation",
    "postings": "posting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where the books are not what they have to be: which check, which batch, and what it is.

    `batch_no` is None for what belongs to no batch, `upload_id` for a batch of no upload.
    """

    check: str
    batch_no: int | None
    upload_id: UploadId | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was checked, how much of it there was, and every difference that was found."""

    checked: Mapping[str, int]
    identities: tuple[Identity, ...]
    differences: tuple[Difference, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differs, and every identity holds."""
        return not self.differences and all(identity.holds for identity in self.identities)


@dataclass(frozen=True, slots=True)
class _Span:
    """A batch's rows in one table: how many, and the first and the last of their numbers."""

    rows: int
    first: int
    last: int


_Spans = dict[str, dict[int, _Span]]


def verify_ledger(connection: Connection, account: AccountId) -> Verification:
    """Check all of an account's books against themselves; nothing is changed.

    Each batch's hash is computed again from its stored rows, and each seal is held to the one
    before and the last one to the head. Then what is stored twice has to agree: charges and
    allocations with their postings, reversals with what they reverse, the states of charges and
    credit lots with the facts. The connection is to be in one snapshot.
    """
    spans = _spans(connection, account)
    uploads: dict[int, UploadId | None] = {}
    differences = list(_check_chain(connection, account, spans, uploads))
    differences += _check_unsealed(connection, account, spans, uploads)
    for name, checks in AGREEMENTS.items():
        for check in checks:
            found = check.find(connection, account)
            differences += (_difference(name, disagreement, uploads) for disagreement in found)
    counts = {counter: sum(s.rows for s in spans[counter].values()) for counter in spans}
    return Verification(
        checked={"batches": len(uploads), **counts},
        identities=tuple(add_up_identities(connection, account)),
        differences=tuple(differences),
    )


def _difference(
    check: str, found: Disagreement, uploads: Mapping[int, UploadId | None]
) -> Difference:
    upload_id = None if found.batch_no is None else uploads.get(found.batch_no)
    return Difference(
        check=check, batch_no=found.batch_no, upload_id=upload_id, message=found.message
    )


def _spans(connection: Connection, account: AccountId) -> _Spans:
    spans: _Spans = {counter: {} for counter in _NUMBERED}
    for row in _SQL.run(connection, "find_spans", {"account": account}):
        spans[row.counter][row.batch_no] = _Span(row.row_count, row.first, row.last)
    return spans


def _check_chain(
    connection: Connection,
    account: AccountId,
    spans: _Spans,
    uploads: dict[int, UploadId | None],
) -> Iterator[Difference]:
    """Find what differs in each batch; afterwards `uploads` holds every sealed batch's upload."""
    counted = dict.fromkeys(spans, 0)
    last_no, last_hash, last_sealed_at = 0, GENESIS_HASH, 0
    for seal in _SQL.run(connection, "find_seals", {"account": account}):
        uploads[seal.batch_no] = seal.upload_id
        found = []
        if seal.batch_no != last_no + 1:
            found.append(f"its number follows {last_no}")
        if seal.previous_hash != last_hash:
            found.append("it is not linked to the seal before it")
        if seal.sealed_at <= last_sealed_at:
            found.append("it is not dated later than the batch before it")
        if not 0 < seal.version <= VERSION:
            found.append(f"it was sealed in a way that is not known here, {seal.version}")
        found += _differences_of_batch(connection, account, seal, spans, counted)
        for message in found:
            yield Difference(
                check="seal", batch_no=seal.batch_no, upload_id=seal.upload_id, message=message
            )
        last_no, last_hash, last_sealed_at = seal.batch_no, seal.hash, seal.sealed_at
    yield from _check_head(
        connection,
        account,
        counted | {"batch_no": last_no, "hash": last_hash, "sealed_at": last_sealed_at},
        uploads,
    )


def _differences_of_batch(
    connection: Connection,
    account: AccountId,
    seal: Row[Any],
    spans: _Spans,
    counted: dict[str, int],
) -> Iterator[str]:
    """Find what differs within one batch, and count its rows in."""
    before, until = {}, {}
    for counter, table in _NUMBERED.items():
        span = spans[counter].get(seal.batch_no)
        before[counter] = counted[counter] if span is None else span.first - 1
        until[counter] = counted[counter] if span is None else span.last
        if span is None:
            continue
        if (span.first, span.last) != (counted[counter] + 1, counted[counter] + span.rows):
            yield (
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
        charges_until=until["charges"],
        postings_until=until["postings"],
        parties_until=until["parties"],
        refunds_until=until["refunds"],
        payments_until=until["payments"],
        allocations_until=until["allocations"],
        version=seal.version,
    )
    batch_hash, rows_sealed = hash_batch(connection, batch)
    if batch_hash != seal.hash:
        yield "its stored rows do not give the hash that it was sealed with"
    if rows_sealed != seal.rows_sealed:
        yield f"it holds {rows_sealed} rows, and {seal.rows_sealed} were sealed"
    amount_posted = _amount_posted(connection, batch, spans["postings"].get(seal.batch_no))
    if amount_posted != seal.amount_posted:
        yield (
            f"its postings move {amount_posted} minor units, and {seal.amount_posted} were sealed"
        )


def _amount_posted(connection: Connection, batch: Batch, span: _Span | None) -> int:
    if span is None:
        return 0
    values = {
        "account": batch.account,
        "batch_no": batch.batch_no,
        "first": span.first,
        "last": span.last,
    }
    amount = _SQL.run(connection, "add_up_batch", values).scalar_one()
    return int(amount)


def _check_head(
    connection: Connection,
    account: AccountId,
    expected: Mapping[str, object],
    uploads: Mapping[int, UploadId | None],
) -> Iterator[Difference]:
    head = _SQL.run(connection, "find_head", {"account": account}).mappings().one_or_none()
    if head is None:
        if uploads:
            message = "the head is missing"
            yield _difference("head", Disagreement(batch_no=max(uploads), message=message), uploads)
        return
    for name, value in expected.items():
        if head[name] != value:
            message = f"the head says {name} {head[name]}, the batches say {value}"
            yield _difference(
                "head", Disagreement(batch_no=max(uploads, default=None), message=message), uploads
            )


def _check_unsealed(
    connection: Connection,
    account: AccountId,
    spans: _Spans,
    uploads: Mapping[int, UploadId | None],
) -> Iterator[Difference]:
    """Find rows that no seal covers: they were put in behind the ledger's back."""
    for counter, table in _NUMBERED.items():
        for batch_no in sorted(spans[counter].keys() - uploads.keys()):
            yield _unsealed(table, batch_no)
    for row in _SQL.run(connection, "find_unsealed", {"account": account}):
        if row.upload_id is None:
            yield _unsealed(row.table_name, row.batch_no)
            continue
        yield Difference(
            check="unsealed",
            batch_no=None,
            upload_id=row.upload_id,
            message=f"rows of {row.table_name} belong to an upload that no batch is sealed for",
        )


def _unsealed(table: str, batch_no: int) -> Difference:
    return Difference(
        check="unsealed",
        batch_no=batch_no,
        upload_id=None,
        message=f"rows of {table} belong to a batch that was never sealed",
    )
